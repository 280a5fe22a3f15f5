# The stories. Each begins with vme2 running on ms1 (but the first one) and leaves it so.
# shellcheck shell=bash

STORIES="ocf_tester first_start move standby turned_off_by_hand dies_while_running dies_in_start dies_in_stop
    partition manager_down fencing_fails"
nodes="ms1 ms2"
GPU=0x8cdf9d911c60

parameters() {
    cat <<END
return {
  eem = { url = "$(json "$work/lab.json" 'd["eem"]')", user = "lab", password = secret "lab" },
  wmi = { user = "lab", password = secret "lab", auth = "basic",
    allow_unencrypted = true, connect_timeout = 2 }, -- the simulated hosts have no certificates
  nodes = {
    ms1 = { group_id = 50, wmi = { url = "$(json "$work/lab.json" 'd["nodes"]["ms1"]["url"]')" } },
    ms2 = { group_id = 150, wmi = { url = "$(json "$work/lab.json" 'd["nodes"]["ms2"]["url"]')" } },
  },
  devices = { ["$GPU"] = { name = "gpu1", vendor = "10de", device = "1f08" } },
  vms = {
    vme2 = {
      path = [[G:\\Hyper-V\\vme2]], gpus = { { id = "$GPU" } },
      mmio = { low = "3GiB", high = "33280MiB" },
      start_timeout = 90, stop_timeout = 60, boot_timeout = 30, shutdown_timeout = 10, margin = 5,
    },
  },
}
END
}

# The printed configuration, with what is this site's own: disk, fencing, quicker monitors.
configure() {
    "$program" --trust-writable-files --parameters "$work/parameters.lua" pacemaker config \
        --format xml --disk disk-g --server-parameters /run/takeover/parameters.lua \
        --server-state /run/takeover/state >"$work/vms.xml" || return
    sed -i -e 's/interval="60s"/interval="4s"/' -e 's/value="600s"/value="5s"/' "$work/vms.xml"
    sed -e "s|@lab@|$admin|" "$here/site.xml" >"$work/site.xml"
    sed -i "s#<nvpair id=\"\(takeover-devices\|vm-vme2\)-parameters-parameters\"#<nvpair id=\"\1-program\" name=\"program\" value=\"$program\"/>&#" "$work/vms.xml"
    cp "$work/site.xml" "$work/vms.xml" "$work/ms1/disk/run/"
    crm cibadmin --modify --xml-file /run/site.xml && crm cibadmin --modify --xml-file /run/vms.xml
}

prepare() {
    lab_up seed
    parameters >"$work/parameters.lua"
    local name i=0
    for name in $nodes; do
        i=$((i + 1))
        node_files "$name" $NET.1$i "$nodes"
        node_up "$name"
    done
    fencing_loop &
    fencer=$!
    wait_until 60 online $nodes || echo "the cluster did not come up" >&2
}

# The agent by itself, as the authors of agents judge one, before the cluster knows of it.
story_ocf_tester() {
    cp "$here/../../packaging/pacemaker/vm" "$work/ms1/disk/run/vm"
    if in_node ms1 ocf-tester -n vme2 -o vm=vme2 -o program="$program" \
        -o parameters=/run/takeover/parameters.lua -o state=/run/takeover/state -o node=ms1 \
        /run/vm >"$work/ocf-tester.log" 2>&1; then
        say "ocf-tester: $(tail -n 1 "$work/ocf-tester.log")"
    else
        sed 's/^/      | /' "$work/ocf-tester.log"
        story_failed=yes
    fi
    expect 5 "it left nothing running" running_at vme2 ""
}

back_to_ms1() { # everything on, healthy, and the machine where the next story wants it
    local name
    for name in $nodes; do
        is_up "$name" || node_up "$name"
    done
    wait_until 60 online $nodes
    crm crm_resource --cleanup >/dev/null 2>&1
    if ! running_at vme2 ms1; then
        crm crm_resource --move --resource vm-vme2 --node ms1 >/dev/null 2>&1
        wait_until 60 running_at vme2 ms1
        crm crm_resource --clear --resource vm-vme2 >/dev/null 2>&1
    fi
    wait_until 30 settled
}

story_first_start() {
    configure || say "the cluster could not be configured"
    somewhere() { [ -n "$(runs_on vme2)" ]; }
    expect 60 "vme2 runs on ms1 or ms2" somewhere
    back_to_ms1
    expect 60 "vme2 runs on ms1" running_at vme2 ms1
    expect 5 "its GPU is in ms1's group" test "$(holder $GPU)" = ms1
}

move_to() { crm crm_resource --move --resource vm-vme2 --node "$1" >/dev/null 2>&1; }
clear_move() { crm crm_resource --clear --resource vm-vme2 >/dev/null 2>&1; }
gpu_at() { [ "$(holder $GPU)" = "$1" ]; }
fenced() { grep -qx "$1" "$work/fenced" 2>/dev/null; }
forget_fenced() { rm -f "$work/fenced"; }

story_move() {
    back_to_ms1
    move_to ms2
    expect 60 "vme2 runs on ms2" running_at vme2 ms2
    expect 5 "its GPU is in ms2's group" gpu_at ms2
    clear_move
}

story_standby() {
    back_to_ms1
    crm crm_standby -N ms1 -v on
    expect 60 "ms1 in standby: vme2 runs on ms2" running_at vme2 ms2
    crm crm_standby -N ms1 -D
    wait_until 30 settled
    expect 1 "ms1 is back: vme2 stays on ms2" running_at vme2 ms2
}

# Somebody turns the machine off in Hyper-V Manager: the monitor sees it, it is started again.
story_turned_off_by_hand() {
    back_to_ms1
    lab admin '{"verb": "stop vm", "vm": "vme2"}'
    expect 5 "vme2 is off" running_at vme2 ""
    somewhere() { [ -n "$(runs_on vme2)" ]; }
    expect 60 "vme2 runs again" somewhere
    expect 30 "the cluster is at rest" settled
}

story_dies_while_running() {
    back_to_ms1
    forget_fenced
    local began=$SECONDS
    node_down ms1
    expect 90 "vme2 runs on ms2" running_at vme2 ms2
    say "$((SECONDS - began)) s after ms1's power failure"
    expect 5 "its GPU is in ms2's group" gpu_at ms2
    expect 1 "ms1 was fenced" fenced ms1
}

story_dies_in_start() {
    back_to_ms1
    move_to ms2
    expect 60 "vme2's GPU goes to ms2" gpu_at ms2
    node_down ms2
    clear_move
    expect 120 "vme2 runs on ms1" running_at vme2 ms1
    expect 5 "its GPU is in ms1's group" gpu_at ms1
}

story_dies_in_stop() {
    back_to_ms1
    move_to ms2
    expect 30 "vme2 is off on ms1" running_at vme2 ""
    node_down ms1
    expect 120 "vme2 runs on ms2" running_at vme2 ms2
    expect 5 "its GPU is in ms2's group" gpu_at ms2
    clear_move
}

# The network between the nodes is cut, both see the hosts: the loser is fenced, the winner starts.
story_partition() {
    back_to_ms1
    forget_fenced
    ip link set vms1 down
    expect 60 "one of the two was fenced" test_fenced
    somewhere() { [ -n "$(runs_on vme2)" ]; }
    expect 90 "vme2 runs on the other one" somewhere
    ip link set vms1 up 2>/dev/null
}
test_fenced() { [ -s "$work/fenced" ]; }

# ExpEther Manager is away when ms1 dies, and comes back after ten seconds.
story_manager_down() {
    back_to_ms1
    lab admin '{"verb": "eem", "up": false}'
    node_down ms1
    sleep 10
    lab admin '{"verb": "eem", "up": true}'
    expect 120 "vme2 runs on ms2" running_at vme2 ms2
    expect 5 "its GPU is in ms2's group" gpu_at ms2
}

# Fencing fails: nobody knows whether ms1 is dead, so nothing is started, until it is known.
story_fencing_fails() {
    back_to_ms1
    : >"$work/fencing/broken"
    kill -9 "$(cat "$work/ms1/pid")"
    ip link del vms1 2>/dev/null
    unclean() { crm crm_mon -1 2>/dev/null | grep -q 'UNCLEAN'; }
    expect 60 "ms1 is unclean for Pacemaker" unclean
    sleep 12
    expect 1 "vme2 was not started on ms2: its host ms1 runs it" running_at vme2 ms1
    rm -f "$work/fencing/broken"
    rm -f "$work/ms1/pid"
    expect 120 "fencing works again: vme2 runs on ms2" running_at vme2 ms2
}
