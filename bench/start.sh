#!/bin/sh
# bench/start.sh DIRECTORY ORIGIN ...: does the calls that bench/record.lua wrote down the way that
# scripts do: one curl after the other. An ORIGIN is http://address:port, in record.lua's order.
set -eu
directory=$1
shift
while read -r method which path number; do
    eval "origin=\${$which}"
    curl -sS -k -X "$method" -H "@$directory/$number.headers" \
        --data-binary "@$directory/$number.body" -o "$directory/answer" "$origin$path"
done <"$directory/calls"
