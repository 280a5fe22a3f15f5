#!/bin/sh
# tests/hardening.sh PROGRAM: what the compiler and linker were told to do against mistakes in C is
# in the finished program, for Linux (ELF) or Windows (PE). Names what is missing.
set -u
program=$1
missing=0

# want WHAT PATTERN TEXT: the pattern is in the text.
want() {
    printf '%s\n' "$3" | grep -Eq -e "$2" || {
        echo "$program: $1 is missing"
        missing=1
    }
}

case $(head -c 4 "$program" | od -An -c | tr -d ' ') in
177ELF)
    dynamic=$(readelf -Wd "$program")
    headers=$(readelf -Wlh "$program")
    symbols=$(readelf -W --dyn-syms "$program")
    want "a position independent executable" 'FLAGS_1.*PIE' "$dynamic"
    want "RELRO" 'GNU_RELRO' "$headers"
    want "binding at start (full RELRO)" 'BIND_NOW|FLAGS_1.*NOW' "$dynamic"
    want "a stack that is no code" 'GNU_STACK.* RW ' "$headers"
    want "the stack protector" '__stack_chk_fail' "$symbols"
    want "FORTIFY_SOURCE" '__(memcpy|snprintf|vsnprintf|fprintf|read)_chk' "$symbols"
    # A large frame touches each of its pages, so that none leaps over the guard of a stack.
    code=$(objdump -d --no-show-raw-insn "$program")
    want "stack clash protection" '(orq|or|movq) +\$0x0,(0x[0-9a-f]+)?\(%rsp\)' "$code"
    case $(uname -m) in
    x86_64)
        # The start of every function that may be called through a pointer (CET).
        test "$(printf '%s\n' "$code" | grep -c endbr64)" -gt 500 || {
            echo "$program: marks of indirect branches (CET) are missing"
            missing=1
        }
        ;;
    esac
    ;;
MZ*)
    objdump=$(command -v x86_64-w64-mingw32-objdump || echo objdump)
    headers=$("$objdump" -p "$program")
    want "ASLR" 'DYNAMIC_BASE' "$headers"
    want "ASLR with high entropy" 'HIGH_ENTROPY_VA' "$headers"
    want "DEP" 'NX_COMPAT' "$headers"
    # Without relocations the program could not be moved.
    want "a table of relocations" 'Base Relocation Directory' "$headers"
    want "the stack protector" 'stack smashing detected' "$(strings -a "$program")"
    ;;
*)
    echo "$program: neither a program for Linux nor for Windows"
    missing=1
    ;;
esac
exit $missing
