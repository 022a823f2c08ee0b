#!/usr/bin/env bash
# A Go auditor made of published libraries reads a running log and a copy of its directory: tiles,
# RFC 6962's read API, an SCT that was handed out, a witness's cosignature, growth; it sees damage.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/go-peer.bash
. tests/interop/logged-ca.bash
CGO_ENABLED=0 go_peer log-go
peer=build/interop/log-go/log-go
make -s all test-programs
start_logged_ca

audit() { # URL [options]
    "$peer" -url "$1" -key "$KEY" -witness "$WITNESS" "${@:2}"
}
refuses() { # WORDS URL [options]
    if audit "${@:2}" >"$W/said" 2>&1 || ! grep -q "$1" "$W/said"; then
        echo "FAIL not refused with '$1':"
        cat "$W/said"
        exit 1
    fi
}
for more in 200 400; do # a partial tile, then full ones
    log_grow $more
    audit "$CA/log" -state "$W/seen" -chain "$W/cert/chain.pem"
done
refuses 'no growth' "$CA/log" -state "$W/seen"

# The directory as a plain web server serves it, and what damage looks like from outside.
cp -r "$LOG" "$W/copy"
serve_directory "$W/copy"
audit "$FILES" -tiles-only -state "$W/seen.files" -chain "$W/cert/chain.pem"
damage() { # FILE OFFSET
    printf '\xa5\x5a' | dd of="$W/copy/$1" bs=1 seek="$2" conv=notrunc status=none
}
damage tile/data/001 $(($(stat -c %s "$W/copy/tile/data/001") - 400))
refuses 'tile/data/001: entry 511' "$FILES" -tiles-only -state "$W/new"
cp "$LOG/tile/data/001" "$W/copy/tile/data/001"
damage tile/0/000 320
refuses 'tile/data/000: entry 0' "$FILES" -tiles-only -state "$W/new"
cp "$LOG/tile/0/000" "$W/copy/tile/0/000"
sed -i '2s/.*/9999/' "$W/copy/checkpoint"
refuses 'checkpoint: invalid signature' "$FILES" -tiles-only -state "$W/new"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout >"$W/other.pem"
refuses 'checkpoint: note has no verifiable signatures\|of 2 signatures' "$CA/log" -key "$W/other.pem" -state "$W/new"
[ ! -e "$W/new" ]
echo "damage and another key are refused"
