# The WMI for tests, as a DLL: see provider.h. `ninja wmi_provider`; tests/windows/com builds it.
file(GLOB PROVIDER_SOURCES CONFIGURE_DEPENDS tests/windows/provider/*.c natives/wmi/cim/*.c
     natives/wmi/wsman/*.c)
add_library(wmi_provider SHARED EXCLUDE_FROM_ALL ${PROVIDER_SOURCES} natives/wmi/wmi.c
            natives/wmi/wmi_hresult.c natives/wmi/com/wmi_nocom_posix.c natives/http/http.c
            natives/http/http_login.c natives/http/http_transfer.c natives/xml/xml.c
            natives/small/base64.c natives/small/sha2.c natives/seal/certificate.c
            natives/seal/seal_frame.c natives/seal/seal_sspi_win32.c natives/seal/seal_start.c
            host/runtime/memory.c host/runtime/failure.c host/runtime/limit.c
            host/runtime/outside.c host/runtime/redact.c host/platform/text_win32.c)
target_include_directories(wmi_provider PRIVATE tests/windows/provider host natives)
target_compile_options(wmi_provider PRIVATE -Wall -Wextra -Wconversion -Wshadow
                       $<$<BOOL:${TAKEOVER_WERROR}>:-Werror> -Wno-float-conversion)
target_compile_definitions(wmi_provider PRIVATE _GNU_SOURCE TK_VERSION="${PROJECT_VERSION}")
target_link_libraries(wmi_provider PRIVATE takeover_libraries uuid)
target_link_options(wmi_provider PRIVATE -static)
