#!/usr/bin/env bash
# Clients of others and a private Sigstore that `init --all` made: rekor-tiles' own reader and writer
# and tessera's entry bundles on the signature log; sigstore-go and sigstore-python verify
# what tenmint sign made with it, entry and timestamp included.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/go-peer.bash
. tests/interop/sigstore-peers.bash
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
make -s all test-programs
go=
if go_is_new; then
    CGO_ENABLED=0 go_peer siglog-go
    go=build/interop/siglog-go/siglog-go
else
    echo "note: sigstore-go and rekor-tiles need Go 1.25; here is $(go version)"
fi
install_sigstore_python

start_issuer
URL=http://127.0.0.1:$(free_port)
C=$W/ca
"$B/tenmint-ca" init "$C" --all --url "$URL" >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"'
"$B/tenmint" trust init --root "$C/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$W/trust" >/dev/null
"$B/tenmint" trust get trusted_root.json --dir "$W/trust" --out "$W/trusted_root.json" >/dev/null
sleep 1 # the windows begin in whole seconds
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
mint >"$W/token"
echo "what was built" >"$W/app"
"$B/tenmint" sign --trust-dir "$W/trust" --token-file "$W/token" "$W/app" >/dev/null
echo "something else" >"$W/other"

"$B/tenmint" trust get --client-trust-config --dir "$W/trust" --out "$W/config.json" >/dev/null
python_verify() {
    HOME=$W XDG_DATA_HOME='' XDG_CACHE_HOME='' $SIGSTORE_PYTHON/sigstore --trust-config "$W/config.json" verify identity \
        --bundle "$W/app.sigstore.json" --cert-identity "$SAN" --cert-oidc-issuer "$ISSUER" "$1"
}
python_verify "$W/app"
! python_verify "$W/other" 2>/dev/null
echo "sigstore-python takes entry and timestamp"

[ -n "$go" ] || exit 0
peer() { timeout 120 $go "$@"; }
refused() { if peer "$@" >"$W/said" 2>&1; then echo "accepted: $*"; exit 1; fi; }
peer verify "$W/trusted_root.json" "$W/app.sigstore.json" "$W/app" "$SAN" "$ISSUER"
refused verify "$W/trusted_root.json" "$W/app.sigstore.json" "$W/other" "$SAN" "$ISSUER"
peer enter "$URL" 127.0.0.1 "$C/siglog.pem"
"$B/tests/sigload" entries "${URL##*:}" 16 300 0 >/dev/null
[ "$(peer read "$URL/api/v2" 127.0.0.1 "$C/siglog.pem")" = "entries 302" ]
[ "$(peer read "$URL" 127.0.0.1 "$C/siglog.pem")" = "entries 302" ] # where rekor-monitor reads
refused read "$URL/api/v2" another.example "$C/siglog.pem"
refused read "$URL/api/v2" 127.0.0.1 "$C/log.pem"
echo "rekor-tiles' reader and writer, tessera and sigstore-go take the log"
