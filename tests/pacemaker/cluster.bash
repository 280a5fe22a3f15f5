# The cluster of the stories: real pacemaker and corosync, a node a set of namespaces, against
# `takeover lab`. Sourced by tests/pacemaker/run, which has a network namespace of its own.
# shellcheck shell=bash

NET=10.77.0
LAB=$NET.1

# ---- the lab -------------------------------------------------------------------------------------

LATENCY="link=1 unlink=0.5 enumerate=0.5 list_lag=0.2 dismount=0.4 mount=0.4 assign=0.3 remove=0.3
    import=0.4 validate=0.2 realize=0.2 destroy=0.2 modify=0.2 start=0.6 turn_off=0.3 boot=2
    shutdown=1 node_boot=1"

lab_up() { # lab_up CLUSTER
    local options=()
    for pair in $LATENCY; do options+=(--latency "$pair"); done
    "$program" --trust-writable-files lab --cluster "$1" --address $LAB --user lab \
        --password "$SECRET" "${options[@]}" >"$work/lab.json" 2>"$work/lab.log" &
    lab_pid=$!
    wait_until 10 test -s "$work/lab.json"
    admin=$(json "$work/lab.json" 'd["admin"]')
}

# json FILE EXPRESSION: what the expression says of the document d
json() {
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]) if sys.argv[1] != "-" else sys.stdin)
print(eval(sys.argv[2]))' "$1" "$2"
}

lab() { # lab VERB [JSON]: look, or do
    if [ $# = 1 ]; then curl -sf -m 5 "$admin/$1"; else curl -sf -m 5 "$admin/$1" -d "$2" >/dev/null; fi
}

truth() { lab truth | json - "$1"; }

runs_on() { # names of the nodes on which the VM runs
    truth '" ".join(v for x in d["vms"] if x["name"] == "'"$1"'" for v in x["running"])'
}
holder() { # the node in whose group the device is, "free" or "other"
    truth 'next(({50: "ms1", 150: "ms2", 250: "ms3", 4093: "free"}.get(x["group_id"], "other")
        for x in d["devices"] if x["id"] == "'"$1"'"), "missing")'
}

# ---- nodes ---------------------------------------------------------------------------------------

in_node() { # in_node NAME COMMAND...
    local name=$1
    shift
    nsenter -t "$(cat "$work/$name/pid" 2>/dev/null)" -a "$@" </dev/null
}

node_files() { # node_files NAME ADDRESS NAMES
    local folder=$work/$1 i=0 name
    mkdir -p "$folder/corosync" "$folder/disk/run/takeover/state/secrets"
    echo "$2" >"$folder/address"
    {
        printf 'totem {\n  version: 2\n  cluster_name: takeover\n  transport: knet\n'
        printf '  crypto_cipher: none\n  crypto_hash: none\n  token: 1000\n}\nnodelist {\n'
        for name in $3; do
            i=$((i + 1))
            printf '  node {\n    ring0_addr: %s.1%d\n    name: %s\n    nodeid: %d\n  }\n' \
                $NET $i "$name" $i
        done
        printf '}\nquorum {\n  provider: corosync_votequorum\n  wait_for_all: 0\n'
        [ $i != 2 ] || printf '  two_node: 1\n'
        printf '}\nlogging {\n  to_stderr: yes\n  to_syslog: no\n}\n'
    } >"$folder/corosync/corosync.conf"
    printf '%s' "$SECRET" >"$folder/disk/run/takeover/state/secrets/lab"
    chmod -R go= "$folder/disk/run/takeover"
    cp "$work/parameters.lua" "$folder/disk/run/takeover/parameters.lua"
}

node_up() { # node_up NAME: power; the node joins the cluster by itself
    local name=$1 folder=$work/$1 outer pid
    rm -rf "$folder/disk/run/crm" "$folder/disk/run/corosync" "$folder/disk/run/resource-agents"
    lab node "{\"name\": \"$name\", \"power\": \"on\"}"
    unshare -n -m -u -i -p --fork --mount-proc "$here/node" "$name" "$folder" "$work/agents" \
        >>"$folder/init.out" 2>&1 &
    outer=$!
    echo $outer >"$folder/outer"
    until pid=$(tr -d ' ' <"/proc/$outer/task/$outer/children") && [ -n "$pid" ]; do sleep 0.05; done
    echo "$pid" >"$folder/pid"
    ip link add "v$name" type veth peer name eth0 netns "$pid"
    ip link set "v$name" master br0 up
}

node_down() { # node_down NAME: power failure of the cluster node and of its host
    kill -9 "$(cat "$work/$1/pid" 2>/dev/null)" 2>/dev/null
    wait "$(cat "$work/$1/outer")" 2>/dev/null
    rm -f "$work/$1/pid"
    lab node "{\"name\": \"$1\", \"power\": \"off\"}"
    ip link del "v$1" 2>/dev/null
    return 0
}

is_up() { [ -e "$work/$1/pid" ] && kill -0 "$(cat "$work/$1/pid")" 2>/dev/null; }

some_node() { # one that is up
    local name
    for name in $nodes; do
        if is_up "$name"; then echo "$name" && return; fi
    done
}

# Does what fence_takeover_lab asks for, in the background, as long as the run lasts.
fencing_loop() {
    local file name
    while sleep 0.1; do
        for file in "$work"/fencing/wanted/*; do
            [ -e "$file" ] || continue
            name=$(basename "$file")
            rm -f "$file"
            echo "$name" >>"$work/fenced"
            node_down "$name"
            : >"$work/fencing/done/$name"
        done
    done
}

crm() { # crm COMMAND...: on a node that is up
    in_node "$(some_node)" "$@"
}

online() { # all of these nodes are, for Pacemaker
    local text name
    text=$(crm crm_mon -1 2>/dev/null) || return 1
    for name in "$@"; do
        case $text in *"Online: ["*" $name "*) ;; *) return 1 ;; esac
    done
}

settled() { # nothing is under way in the cluster
    local state
    state=$(crm crmadmin -t 2000 -S "$(crm crmadmin -D -q 2>/dev/null)" 2>/dev/null) || return 1
    case $state in *S_IDLE*) return 0 ;; *) return 1 ;; esac
}

# ---- waiting and judging -------------------------------------------------------------------------

wait_until() { # wait_until SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}

say() { printf '      %s\n' "$*" | tee -a "$work/story.log"; }

running_at() { [ "$(runs_on "$1")" = "$2" ]; } # "" as the node: nowhere

expect() { # expect SECONDS WHAT COMMAND...: within so many seconds it becomes true
    local seconds=$1 what=$2
    shift 2
    if wait_until "$seconds" "$@"; then
        say "seen: $what"
    else
        say "NOT SEEN within $seconds s: $what"
        story_failed=yes
    fi
}

clean() { # no rule of the lab was broken: one VM, one owner
    local list
    list=$(lab violations | json - '"; ".join(str(v) for v in d["violations"])')
    if [ -n "$list" ]; then
        say "VIOLATION: $list"
        story_failed=yes
    fi
}
