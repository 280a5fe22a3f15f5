#!/bin/sh
# Static analysis of all C that is built here: clang-tidy with .clang-tidy, on every processor. Prints
# what it finds, nothing else. Needs build/clang (./bootstrap test makes it).
cd "$(dirname -- "$0")/.." || exit 1
find host natives tests/fuzz -name '*.c' ! -name '*_win32.c' ! -name '*_com.c' -print0 |
    xargs -0 -n 4 -P "$(getconf _NPROCESSORS_ONLN)" clang-tidy -p build/clang --quiet 2>/dev/null
