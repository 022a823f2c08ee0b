#!/usr/bin/env bash
# sigstore-js verifies what tenmint sign made under a trusted root that tenmint-tuf wrote, and
# refuses it under another; tenmint verify accepts a bundle of sigstore-js.
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
refused() {
    if "$@"; then
        echo "accepted: $*" >&2
        exit 1
    fi
}
peer() { node build/interop/sigstore-verify/peer.js "$@"; }

start_issuer
mkfifo "$W/log.in"
"$B/tests/fake_log" <"$W/log.in" >"$W/log.out" 2>&1 &
PIDS="$PIDS $!"
exec {hold}>"$W/log.in"
wait_for "$W/log.out" /tmp/
LOG=$(sed -n 1p "$W/log.out")
LOG_KEY=$(sed -n 2p "$W/log.out")
"$B/tests/demo_tsa" "$W/tsa.pem" >"$W/tsa.out" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/tsa.out" http://
TSA=$(cat "$W/tsa.out")
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
cat >"$W/ca.yaml" <<TEXT
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
ct: {logs: {one: {url: '$LOG', public-key: $LOG_KEY, timeout: 2s}}}
TEXT
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$W/ca.yaml" >>"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"'
CA=http://$(address_of listening)

curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/ca.pem"
mkdir "$W/tr"
"$B/tenmint-tuf" trust add-ca --folder "$W/tr" --url "$CA" --chain "$W/ca.pem"
"$B/tenmint-tuf" trust add-ctlog --folder "$W/tr" --url "$LOG" --key "$LOG_KEY"
"$B/tenmint-tuf" trust add-tsa --folder "$W/tr" --url "$TSA" --chain "$W/tsa.pem"
sleep 1 # whole seconds: the certificate must not be older than the window
echo "what was built" >"$W/app"
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main

(umask 077 && mint >"$W/token")
"$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/signing"
"$B/tenmint" sign --dir "$W/signing" --tsa "$TSA" "$W/app"
peer verify "$W/tr/trusted_root.json" "$W/app.sigstore.json" "$W/app" "$SAN" "$ISSUER"
"$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" --bundle "$W/app.sigstore.json" \
    --issuer "$ISSUER" --identity "$SAN" --timestamps 1 "$W/app"

echo "something else" >"$W/other"
refused peer verify "$W/tr/trusted_root.json" "$W/app.sigstore.json" "$W/other" "$SAN" "$ISSUER"
cp -r "$W/tr" "$W/without"
"$B/tenmint-tuf" trust remove-ctlog --folder "$W/without" "$LOG" --confirm
refused peer verify "$W/without/trusted_root.json" "$W/app.sigstore.json" "$W/app" "$SAN" "$ISSUER"

peer sign "$CA" "$W/app" <"$W/token" >"$W/js.json"
"$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" --bundle "$W/js.json" \
    --issuer "$ISSUER" --identity "$SAN" "$W/app"
refused "$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" --bundle "$W/js.json" \
    --issuer "$ISSUER" --identity "$SAN" "$W/other"
