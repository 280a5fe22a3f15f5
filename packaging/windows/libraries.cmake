# The libraries of takeover.exe, static, as the target takeover_libraries. Found by header and
# library, because that is what MinGW-w64 (packaging/windows/dependencies) and vcpkg have in common.
add_library(takeover_libraries INTERFACE)

function(takeover_need name header)
    string(TOUPPER ${name} variable)
    find_path(${variable}_HEADER ${header} REQUIRED)
    find_library(${variable}_LIBRARY NAMES ${ARGN} REQUIRED)
    target_include_directories(takeover_libraries SYSTEM INTERFACE ${${variable}_HEADER})
    target_link_libraries(takeover_libraries INTERFACE ${${variable}_LIBRARY})
endfunction()

takeover_need(microhttpd microhttpd.h microhttpd libmicrohttpd libmicrohttpd-dll)
takeover_need(curl curl/curl.h curl libcurl)
takeover_need(uv uv.h uv uv_a libuv)
takeover_need(expat expat.h expat libexpat libexpatMT libexpatMD)
takeover_need(sqlite sqlite3.h sqlite3)

# lua-cjson is in no registry of Windows libraries: where it is not built yet, its sources do.
find_library(CJSON_LIBRARY NAMES cjson)
set(CJSON_SOURCES "" CACHE PATH "lua-cjson's sources, where there is no library")
if(CJSON_LIBRARY)
    target_link_libraries(takeover_libraries INTERFACE ${CJSON_LIBRARY})
endif()
takeover_need(lua lua.h lua5.4 lua)
if(NOT CJSON_LIBRARY)
    if(NOT CJSON_SOURCES)
        message(FATAL_ERROR "Set CJSON_SOURCES to the folder of lua-cjson's sources")
    endif()
    add_library(takeover_cjson STATIC ${CJSON_SOURCES}/lua_cjson.c ${CJSON_SOURCES}/strbuf.c
                ${CJSON_SOURCES}/fpconv.c)
    target_include_directories(takeover_cjson PRIVATE ${LUA_HEADER})
    target_link_libraries(takeover_libraries INTERFACE takeover_cjson)
endif()

target_compile_definitions(takeover_libraries INTERFACE CURL_STATICLIB XML_STATIC
                           _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN UNICODE _UNICODE)
# Parts of every Windows Server 2022; packaging/windows/imports compares.
target_link_libraries(takeover_libraries INTERFACE ws2_32 iphlpapi psapi userenv user32 advapi32
                      bcrypt crypt32 secur32 cfgmgr32 shell32 ole32 oleaut32 wbemuuid)
