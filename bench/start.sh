#!/bin/sh
# bench/start.sh DIRECTORY ORIGIN ...: does the calls that bench/record.lua wrote down with one curl,
# one after the other on kept-alive connections. An ORIGIN is http://address:port, in record.lua's
# order.
set -eu
directory=$1
shift
while read -r method which path number; do
    eval "origin=\${$which}"
    printf 'next\nsilent\nshow-error\ninsecure\nrequest = "%s"\nurl = "%s"\nheader = "@%s"\n' \
        "$method" "$origin$path" "$directory/$number.headers"
    printf 'data-binary = "@%s"\noutput = "%s"\n' "$directory/$number.body" "$directory/answer"
done <"$directory/calls" | sed 1d | curl -K -
