# What makes a mistake in C harder to use: tests/hardening.sh looks for it in the finished program.
# takeover_harden(TARGET), for what links an interface library. Nothing of it under sanitizers, which find more and do not go with it.
include(CheckCCompilerFlag)

set(TAKEOVER_HARDENING)
set(TAKEOVER_HARDENING_WANTED -fstack-protector-strong -Wformat-security)
if(NOT WIN32) # where every large frame is probed anyway, and MinGW's GCC fails at these
    list(APPEND TAKEOVER_HARDENING_WANTED -fstack-clash-protection -fcf-protection=full)
endif()
foreach(flag ${TAKEOVER_HARDENING_WANTED})
    string(MAKE_C_IDENTIFIER "TAKEOVER_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        list(APPEND TAKEOVER_HARDENING ${flag})
    endif()
endforeach()

function(takeover_harden target)
    if(MSVC)
        target_compile_options(${target} INTERFACE /GS /guard:cf /sdl)
        target_link_options(${target} INTERFACE /guard:cf /DYNAMICBASE /HIGHENTROPYVA /NXCOMPAT)
        return()
    endif()
    target_compile_options(${target} INTERFACE ${TAKEOVER_HARDENING})
    # Checks of lengths need the optimiser; some compilers set a level of their own.
    target_compile_options(${target} INTERFACE
                           $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=2>)
    if(WIN32)
        target_link_options(${target} INTERFACE
                            -Wl,--dynamicbase,--nxcompat,--high-entropy-va)
        target_link_libraries(${target} INTERFACE ssp) # MinGW's library of these checks
        return()
    endif()
    target_compile_options(${target} INTERFACE -fPIE)
    target_link_options(${target} INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endfunction()
