#!/bin/sh
# tests/install.sh BUILD_DIRECTORY: an installed tree finds its own Lua files, from any directory and
# under a path with blanks, and needs nothing of the source tree.
set -eu
cd "$(dirname -- "$0")/.."
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

cmake --install "$1" --prefix "$tree/a tree" >"$tree/log" || {
    cat "$tree/log"
    exit 1
}
for agent in vm devices; do
    [ -x "$tree/a tree/lib/ocf/resource.d/takeover/$agent" ] || {
        echo "the agent $agent of Pacemaker is not installed"
        exit 1
    }
done
cat >"$tree/script.lua" <<'END'
require("argparse")
local scheduler = require("core.scheduler")
scheduler.sleep(0.01)
for _, root in ipairs({ (package.path:match("^(.-)/%?%.lua")) }) do
  print(root)
end
END
cd /
root=$("$tree/a tree/bin/takeover" run "$tree/script.lua")
case $root in
"$tree/a tree/"*) ;;
*)
    echo "the installed program takes its Lua files from $root"
    exit 1
    ;;
esac
