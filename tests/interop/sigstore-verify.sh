#!/usr/bin/env bash
# The real sigstore-js verifier accepts a certificate of a running tenmint-ca with the embedded
# log's SCT, and refuses it under another log's key and without an SCT.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d)
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
mkdir -p build/interop
cp -r tests/interop/sigstore-verify build/interop/
(cd build/interop/sigstore-verify && npm ci --no-progress)
make -s all test-programs
start_issuer

says() { # WANT-PATTERN LOG-KEY
    local said
    said=$(node build/interop/sigstore-verify/verify.js "$W/out" "$W/root.pem" "$2")
    echo "$said"
    grep -q "^$1" <<<"$said"
}
get() { # a fresh certificate in $W/out, the CA's chain in $W/root.pem
    (umask 077 && mint >"$W/token")
    rm -rf "$W/out"
    build/tenmint cert --ca "$CA" --token-file "$W/token" --out "$W/out"
    curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/root.pem"
}

start_ca --log "$W/log"
get
says 'accepted https://github.com/acme/widget/' "$W/log.pem"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/k" 2>/dev/null
openssl pkey -in "$W/k" -pubout -out "$W/other.pem"
says 'refused SCT verification failed' "$W/other.pem"
kill -TERM "$CA_PID"
wait "$CA_PID"
start_ca
get
says 'refused expected 1 SCTs, got 0' "$W/log.pem"
