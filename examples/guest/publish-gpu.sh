#!/bin/sh
# Tells the host whether this Linux guest has a working GPU, through Hyper-V's key-value exchange. Run it at start-up and
# every minute, as root; hv_kvp_daemon must run. The host reads it with: takeover monitor (guest_gpu = true).
#
# It tells when it wrote, too (gpu.uptime: seconds since this guest's boot, gpu.writes: counts up), because the pool outlives a
# boot: Takeover believes only what was written since the machine was turned on.
#
# Pool 1 goes from the guest to the host. It is a file of fixed records: a key of 512 bytes, a value of 2048, both padded with
# zero bytes. Other programs have records in it, too: only those of the four keys are replaced, in place, under the lock that
# hv_kvp_daemon takes (fcntl, the whole file; flock(1) would take another one that it does not see). The lock is taken by Perl
# or Python, whichever is there, which then goes on as this script.
set -eu
pool=${KVP_POOL:-/var/lib/hyperv/.kvp_pool_1}
devices=${PCI_DEVICES:-/sys/bus/pci/devices}
key_size=512
value_size=2048
record=$((key_size + value_size))

if [ "${KVP_LOCKED:-}" != "$$" ]; then
    [ -e "$pool" ] || (umask 022; : >>"$pool")
    KVP_LOCKED=$$
    export KVP_LOCKED
    # The lock belongs to the process, not to the program in it, and ends with it.
    if command -v perl >/dev/null 2>&1; then
        exec perl -e 'use Fcntl; $^F = 255; open(my $pool, "+<", $ARGV[0]) or die "$ARGV[0]: $!\n";
            my $lock = pack("s s x![l!] l! l! i", F_WRLCK, 0, 0, 0, 0) . "\0" x 64;
            fcntl($pool, F_SETLKW, $lock) or die "lock: $!\n"; exec "/bin/sh", $ARGV[1] or die "$!\n"' "$pool" "$0"
    fi
    exec python3 -c 'import fcntl, os, sys
pool = os.open(sys.argv[1], os.O_RDWR)
os.set_inheritable(pool, True)
fcntl.lockf(pool, fcntl.LOCK_EX)
os.execv("/bin/sh", ["sh", sys.argv[2]])' "$pool" "$0"
fi

# ---- what this guest sees

count=0
broken=0
for device in "$devices"/*; do
    [ -e "$device/class" ] || continue
    case $(cat "$device/class") in
    0x03*) ;;
    *) continue ;;
    esac
    if [ -e "$device/driver" ]; then
        count=$((count + 1))
    else
        broken=$((broken + 1))
    fi
done
status=ok
[ "$count" -gt 0 ] || status=none
[ "$broken" -eq 0 ] || status=error

# ---- the pool

field() { # OFFSET SIZE: its text, which ends with the first zero byte
    dd if="$pool" bs=1 skip="$1" count="$2" 2>/dev/null | tr '\000' '\n' | head -n 1
}

padded() { # TEXT SIZE
    printf '%s' "$1"
    head -c $(($2 - ${#1})) /dev/zero
}

find_record() { # KEY: offset of its record, or of the end where it has none
    size=$(wc -c <"$pool")
    offset=0
    while [ $((offset + record)) -le "$size" ] && [ "$(field "$offset" "$key_size")" != "$1" ]; do
        offset=$((offset + record))
    done
    echo "$offset"
}

put() { # KEY VALUE
    at=$(find_record "$1")
    { padded "$1" "$key_size"; padded "$2" "$value_size"; } |
        dd of="$pool" bs="$record" seek="$((at / record))" conv=notrunc iflag=fullblock 2>/dev/null
}

writes=$(field $(($(find_record gpu.writes) + key_size)) "$value_size")
case $writes in
'' | *[!0-9]*) writes=0 ;;
esac
read -r uptime _ </proc/uptime
put gpu.status "$status"
put gpu.count "$count"
put gpu.uptime "${uptime%.*}"
put gpu.writes $((writes + 1))
