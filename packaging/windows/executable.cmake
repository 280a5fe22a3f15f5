# What only takeover.exe has: its resources (version, manifest) and how it is linked.
enable_language(RC)
set(TAKEOVER_RC ${CMAKE_CURRENT_BINARY_DIR}/takeover.rc)
configure_file(packaging/windows/takeover.rc.in ${TAKEOVER_RC} @ONLY)
configure_file(packaging/windows/takeover.manifest.in ${CMAKE_CURRENT_BINARY_DIR}/takeover.manifest
               @ONLY)
target_sources(takeover PRIVATE ${TAKEOVER_RC})
if(MINGW)
    # Nothing of MinGW-w64 has to be copied beside the program.
    target_compile_options(takeover_how INTERFACE -ffunction-sections -fdata-sections
                           -Wno-float-conversion) # its isfinite() looks at a float, too
    target_link_options(takeover PRIVATE -static -s -Wl,--gc-sections)
elseif(MSVC)
    target_link_options(takeover PRIVATE /MANIFEST:NO) # the resource has it
endif()
