#!/bin/sh
# Style of everything that is not run: Lua, C, shell. Prints what is wrong, nothing else. A tool
# that is not installed is an error: ./bootstrap lint installs them.
set -u
cd "$(dirname -- "$0")/.." || exit 1
status=0

luacheck --no-cache --no-color -q lua tests $(ls -d bench examples packaging 2>/dev/null) \
    >build/.luacheck 2>&1 || {
    cat build/.luacheck
    status=1
}
rm -f build/.luacheck

c_files=$(find host natives tests bench -name '*.[ch]' 2>/dev/null | sort)
# shellcheck disable=SC2086 # no blanks in our own names
clang-format --dry-run -Werror $c_files || status=1
# shellcheck disable=SC2086
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
    -j 2 -I host -I natives $c_files || status=1

for script in bootstrap packaging/pacemaker/vm packaging/pacemaker/devices $(find tests bench packaging -name '*.sh' 2>/dev/null); do
    sh -n "$script" || status=1
done
[ ! -f .ci/run ] || bash -n .ci/run || status=1

# The plan of the house: layers, circles, references to documents.
"$(command -v lua5.4 || command -v lua5.1 || command -v lua)" tests/structure.lua || status=1

# Base names say where a message comes from, so they are unique in the tree.
twice=$(find host natives -name '*.c' -exec basename {} \; | sort | uniq -d)
[ -z "$twice" ] || {
    echo "the same base name twice: $twice"
    status=1
}
exit $status
