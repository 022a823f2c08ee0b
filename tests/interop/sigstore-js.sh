#!/usr/bin/env bash
# The real sigstore-js client gets a certificate from a running tenmint-ca.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
mkdir -p build/interop
cp -r tests/interop/sigstore-js build/interop/
(cd build/interop/sigstore-js && npm ci --no-progress)
make -s all test-programs
start_issuer
start_ca
mint | node build/interop/sigstore-js/client.js "$CA"
