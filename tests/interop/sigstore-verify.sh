#!/usr/bin/env bash
# sigstore-js verifies what tenmint sign made under a trusted root that tenmint-tuf wrote, and
# refuses it under another; tenmint verify accepts a bundle of sigstore-js.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/sigstore-peers.bash
install_sigstore_js
make -s all test-programs
refused() {
    if "$@"; then
        echo "accepted: $*" >&2
        exit 1
    fi
}
peer() { node $SIGSTORE_JS/peer.js "$@"; }

start_issuer
start_ct_log
start_tsa
start_logged_ca
mkdir "$W/tr"
"$B/tenmint-tuf" trust add-ca --offline --folder "$W/tr" --url "$CA" --chain "$W/ca.pem"
"$B/tenmint-tuf" trust add-ctlog --offline --folder "$W/tr" --url "$LOG" --key "$LOG_KEY"
"$B/tenmint-tuf" trust add-tsa --offline --folder "$W/tr" --url "$TSA" --chain "$W/tsa.pem"
sleep 1 # whole seconds: the certificate must not be older than the window
echo "what was built" >"$W/app"
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main

(umask 077 && mint >"$W/token")
"$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/signing"
"$B/tenmint" sign --cert-dir "$W/signing" --tsa "$TSA" "$W/app"
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
