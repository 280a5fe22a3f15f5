# Toolchain file: 64-bit Windows with Debian's MinGW-w64. `./bootstrap windows` uses it; by hand:
#   packaging/windows/dependencies build/windows/deps
#   cmake -S . -B build/windows/exe -G Ninja -DCMAKE_TOOLCHAIN_FILE=packaging/windows/mingw.cmake
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)

set(TAKEOVER_WINDOWS_DEPS ${CMAKE_CURRENT_LIST_DIR}/../../build/windows/deps
    CACHE PATH "What packaging/windows/dependencies has built")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TAKEOVER_WINDOWS_DEPS)
set(CMAKE_FIND_ROOT_PATH ${TAKEOVER_WINDOWS_DEPS} /usr/x86_64-w64-mingw32)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
