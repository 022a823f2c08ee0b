#!/usr/bin/env bash
# The real sigstore-python gets a certificate from a running tenmint-ca by CSR, and verifies the SCT
# that is embedded in it.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d)
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
V=build/interop/sigstore-python
want=$(sha256sum tests/interop/sigstore-python/requirements.txt)
if [ "$(cat "$V/installed" 2>/dev/null)" != "$want" ]; then
    rm -rf "$V"
    python3 -m venv "$V"
    "$V/bin/pip" install -q --no-deps --disable-pip-version-check -r tests/interop/sigstore-python/requirements.txt
    echo "$want" >"$V/installed"
fi
make -s all test-programs
start_issuer
mkfifo "$W/log.in"
"$B/tests/fake_log" <"$W/log.in" >"$W/log.out" 2>&1 &
PIDS="$PIDS $!"
exec {fd}>"$W/log.in" # holds the pipe open
wait_for "$W/log.out" /tmp/
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
cat >"$W/ca.yaml" <<TEXT
listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
ct: {logs: {test: {url: '$(sed -n 1p "$W/log.out")', public-key: '$(sed -n 2p "$W/log.out")'}}}
TEXT
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$W/ca.yaml" >>"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"'
mint | timeout 60 "$V/bin/python" tests/interop/sigstore-python/client.py "http://$(address_of listening)" "$(sed -n 2p "$W/log.out")"
