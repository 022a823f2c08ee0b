#!/usr/bin/env bash
# A Go auditor made of published libraries reads a running log and a copy of its directory: tiles,
# RFC 6962's read API, an SCT that was handed out, a witness's cosignature, growth; it sees damage.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d)
. tests/lib.sh
. tests/interop/go-peer.bash
trap 'stop_all; rm -rf "$W"' EXIT
CGO_ENABLED=0 go_peer log-go
peer=build/interop/log-go/log-go
make -s all test-programs

ORIGIN=log.example.com/go
"$B/tenmint-ca" init "$W/ca" --log-origin "$ORIGIN" >/dev/null
"$B/tenmint-ca" log witness --name w.example.com --key "$W/w.key" --new-key >"$W/w.vkey"
"$B/tenmint-ca" log witness --name w.example.com --key "$W/w.key" --dir "$W/w" --listen 127.0.0.1:0 \
    --log "$ORIGIN=$W/ca/log.pem" >"$W/w.log" 2>&1 &
PIDS=$!
wait_for "$W/w.log" '"witness listening"'
start_issuer
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
cat >>"$W/ca/tenmint-ca.yaml" <<TEXT
    witnesses:
      one: {url: 'http://$(sed -n 's/.*"witness listening","address":"\([^"]*\)".*/\1/p' "$W/w.log")', key: $(cat "$W/w.vkey")}
TEXT
"$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
    >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"'
CA=http://$(address_of listening)

log_size() { sed -n 2p "$W/ca/log/checkpoint"; }
grown() { [ "$(log_size)" -ge "$1" ] && [ "$(wc -l <"$W/ca/log/checkpoint")" -eq 6 ]; } # two signatures
grow() { # COUNT: that many more entries, and a cosigned checkpoint of them
    local want=$(($(log_size) + $1))
    mint | "$B/tests/bench" memory $(($1 - 8)) "go=${CA##*:},$CA_PID,8" >/dev/null
    for _ in $(seq 8); do
        (umask 077 && mint >"$W/token")
        rm -rf "$W/cert"
        "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/cert" --log-key "$W/ca/log.pem" >/dev/null
    done
    wait_until grown "$want"
}
audit() { # URL [options]
    "$peer" -url "$1" -key "$W/ca/log.pem" -witness "$(cat "$W/w.vkey")" "${@:2}"
}
refuses() { # WORDS URL [options]
    if audit "${@:2}" >"$W/said" 2>&1 || ! grep -q "$1" "$W/said"; then
        echo "FAIL not refused with '$1':"
        cat "$W/said"
        exit 1
    fi
}
for more in 200 400; do # a partial tile, then full ones
    grow $more
    audit "$CA/log" -state "$W/seen" -chain "$W/cert/chain.pem"
done
cp "$W/seen" "$W/older"
refuses 'no growth' "$CA/log" -state "$W/seen"

# The directory as a plain web server serves it, and what damage looks like from outside.
cp -r "$W/ca/log" "$W/copy"
python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$W/copy" >"$W/files.out" 2>/dev/null &
PIDS="$PIDS $!"
wait_for "$W/files.out" http://
FILES=$(sed -n 's/.*(\(http:[^)]*[0-9]\)\/*).*/\1/p' "$W/files.out" | head -n 1)
audit "$FILES" -tiles-only -state "$W/seen.files" -chain "$W/cert/chain.pem"
damage() { # FILE OFFSET
    printf '\xa5\x5a' | dd of="$W/copy/$1" bs=1 seek="$2" conv=notrunc status=none
}
damage tile/data/001 $(($(stat -c %s "$W/copy/tile/data/001") - 400))
refuses 'tile/data/001: entry 511' "$FILES" -tiles-only -state "$W/new"
cp "$W/ca/log/tile/data/001" "$W/copy/tile/data/001"
damage tile/0/000 320
refuses 'tile/data/000: entry 0' "$FILES" -tiles-only -state "$W/new"
cp "$W/ca/log/tile/0/000" "$W/copy/tile/0/000"
sed -i '2s/.*/9999/' "$W/copy/checkpoint"
refuses 'checkpoint: invalid signature' "$FILES" -tiles-only -state "$W/new"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout >"$W/other.pem"
refuses 'checkpoint: note has no verifiable signatures\|of 2 signatures' "$CA/log" -key "$W/other.pem" -state "$W/new"
[ ! -e "$W/new" ]
echo "damage and another key are refused"
