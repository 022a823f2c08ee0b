#!/usr/bin/env bash
# sigstore.sh SUITE TRUSTED-ROOT: all of a checkout of sigstore-conformance, by tenmint sign and
# tenmint verify. What is signed is signed with an instance of our own, and judged by the suite's own
# client (sigstore-python) too. TRUSTED-ROOT is the public instance's trusted_root.json, for the
# cases that bring none. No case is left out and none is expected to fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${1:-} public=${2:-}
[ -d "$suite/test/assets/bundle-verify" ] && [ -f "$public" ] || {
    echo "make conformance-sigstore SUITE=DIR ROOT=FILE: DIR is a checkout of https://github.com/sigstore/sigstore-conformance," >&2
    echo "FILE the public instance's trusted_root.json" >&2
    exit 2
}
suite=$(realpath "$suite")
B=build
W=$(mktemp -d)
. tests/lib.sh
. tests/interop/sigstore-peers.bash
trap 'stop_all; rm -rf "$W"' EXIT
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN GITHUB_WORKSPACE
umask 077
export XDG_STATE_HOME=$W/state
install_sigstore_python
venv=$PWD/build/conformance-sigstore-venv
if ! cmp -s "$suite/requirements.txt" $venv/installed; then
    rm -rf $venv
    python3 -m venv $venv
    $venv/bin/pip install -q --disable-pip-version-check -r "$suite/requirements.txt"
    cp "$suite/requirements.txt" $venv/installed
fi

start_issuer
URL=http://127.0.0.1:$(free_port)
"$B/tenmint-ca" init "$W/ca" --all --url "$URL" >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: email}\n' "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$W/ca/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"'
"$B/tenmint" trust init --root "$W/ca/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$W/trust" >/dev/null
for file in trusted_root.json signing_config.v0.2.json; do
    "$B/tenmint" trust get $file --dir "$W/trust" --out "$W/$file" >/dev/null
done
mint "{\"email\": \"dev@example.com\", \"email_verified\": true, \"exp\": $(($(date +%s) + 3600))}" >"$W/token"
sleep 1 # the windows begin in whole seconds

export TENMINT=$PWD/$B/tenmint PUBLIC_ROOT=$(realpath "$public") ODD=$W/odd OWN_INSTANCE=$W
export GHA_SIGSTORE_CONFORMANCE_SELFTEST_ENV=$PWD/build/interop/sigstore-python PYTHONPATH=$PWD/tests/conformance
: >"$ODD"
entry=$PWD/tests/conformance/sigstore-client.sh
code=0
(cd "$suite" && HOME=$W/home $venv/bin/python -m pytest test --entrypoint "$entry" -p own_instance -p no:cacheprovider -q -rs) || code=$?
[ ! -s "$ODD" ] || { echo "neither verified nor refused:"; cat "$ODD"; exit 1; }
exit $code
