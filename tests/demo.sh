#!/usr/bin/env bash
# demo.sh demo: the whole circle, from a ceremony to a verified artifact and through a CA rotation.
# demo.sh run: the same set left running, with the lines to try.
set -euo pipefail
cd "$(dirname "$0")/.."
B=build
W=build/demo
[ "${1:-demo}" = demo ] || W=build/run
rm -rf "$W"
mkdir -p "$W"
. tests/lib.sh
. tests/demo_trust.sh
trap stop_all EXIT
PORT=$(free_port)
METRICS_PORT=$(free_port)
CA=http://127.0.0.1:$PORT
WHO=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main

say() { printf '\n%s\n' "$*"; }
# Of the CA in service, as trust retire-ca takes it: the start of its certificate's SHA-256.
ca_fingerprint() {
    openssl x509 -in "$W/ca/chain.pem" -outform DER | sha256sum | cut -c1-16
}
show() { sed 's/^/   /'; }
make_ca() { # DIR: root, intermediate, log; the demo's issuer is the trusted one
    "$B/tenmint-ca" init "$1" --organization 'Demo Ltd' "${@:2}"
    sed -i "s,https://token.actions.githubusercontent.com,$ISSUER,g" "$1/issuers.yaml"
}
serve() {
    printf '\ntuf:\n  directory: %s\n' "$PWD/$W/tuf/published" >>"$W/ca/tenmint-ca.yaml"
    sed -i 's/^reload-interval.*//' "$W/ca/tenmint-ca.yaml"
    echo 'reload-interval: 1s' >>"$W/ca/tenmint-ca.yaml"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen "127.0.0.1:$PORT" \
        --metrics-listen "127.0.0.1:$METRICS_PORT" >"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"'
}
sign_artifact() { # DIR: token, certificate, signature over DIR/artifact
    (umask 077 && mint >"$1/token.jwt")
    "$B/tenmint" cert --ca "$CA" --token-file "$1/token.jwt" --log-key "$W/ca/log.pem" --out "$1"
    rm -f "$1/token.jwt"
    openssl dgst -sha256 -sign "$1/key.pem" -out "$1/artifact.sig" "$1/artifact"
}
# The audit path as RFC 6962's API gives it; `log find` and `log verify` check such paths.
inclusion_proof() {
    curl -sS --max-time 10 "$CA/log/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=2" |
        grep -o '"audit_path":\[[^]]*\]' | sed 's/^/inclusion proof of the first certificate in the tree of two: /'
}
refresh() { "$B/tenmint" trust refresh --dir "$W/trust" "$@"; }
trusted_root() { "$B/tenmint" trust get trusted_root.json --dir "$W/trust" --out "$W/trusted_root.json" >/dev/null; }
verify() { # DIR
    "$B/tenmint" verify --trusted-root "$W/trusted_root.json" --certificate "$1/chain.pem" \
        --signature "$1/artifact.sig" --issuer "$ISSUER" --identity "$WHO" "${@:2}" "$1/artifact"
}

echo "1. a demo OIDC issuer starts; tenmint-ca init makes a CA and its transparency log"
start_issuer
make_ca "$W/ca" | show

say "2. ceremony: three holders, two must sign; the CA and the log become trusted"
trust_workspace
"$B/tenmint-tuf" trust add-ca --offline --dir "$W/tuf" --url "$CA" --chain "$W/ca/chain.pem" | show
"$B/tenmint-tuf" trust add-ctlog --offline --dir "$W/tuf" --url "$CA/log" --key "$W/ca/log.pem" | show
propose first "the first root"
"$B/tenmint-tuf" review "$W/first.json" | show
for holder in alice bob; do sign_as "$holder" first | show; done
"$B/tenmint-tuf" merge "$W/first.json" "$W/first-alice.json" "$W/first-bob.json" | show
"$B/tenmint-tuf" publish --dir "$W/tuf" "$W/first.json" | show
"$B/tenmint-tuf" status --dir "$W/tuf" | show

say "3. the CA, its log and the published TUF tree are served on loopback"
serve
echo "   API $CA, log $CA/log/, TUF $CA/tuf/, metrics http://127.0.0.1:$METRICS_PORT/metrics"

if [ "${1:-demo}" = run ]; then
    cat <<TEXT

Running until Ctrl-C. To try:
  curl -s -X POST $ISSUER/token > $W/token.jwt
  build/tenmint cert --ca $CA --token-file $W/token.jwt --log-key $W/ca/log.pem --out $W --force
  build/tenmint show $W/leaf.pem
  curl -s $CA/api/v2/trustBundle
  curl -s $CA/api/v2/configuration
  curl -s $CA/log/checkpoint
  curl -s $CA/log/ct/v1/get-sth
  build/tenmint-ca log find $CA/log --key $W/ca/log.pem --repository acme/widget
  build/tenmint trust init --root $W/tuf/published/1.root.json --metadata-url $CA/tuf --dir $W/trust
  build/tenmint trust get trusted_root.json --dir $W/trust --out $W/trusted_root.json
  build/tenmint-tuf status $CA/tuf
  curl -s http://127.0.0.1:$METRICS_PORT/metrics
TEXT
    trap 'exit 0' INT TERM
    wait "$CA_PID"
    exit 0
fi

say "4. a CI job: token (GitHub-Actions-shaped, RS256), ephemeral key, proof of possession, certificate"
echo "hello from a CI job" >"$W/artifact"
sign_artifact "$W" | show
say "5. the certificate, its identity and its SCT"
"$B/tenmint" show --log-key "$W/ca/log.pem" "$W/chain.pem" | show
say "6. the log holds it: the tree is recomputed against the signed checkpoint"
logged() { "$B/tenmint-ca" log find "$CA/log" --key "$W/ca/log.pem" --repository acme/widget; }
is_logged() { logged | grep -q acme/widget; }
wait_until is_logged
logged | show
"$B/tenmint-ca" log verify "$CA/log" --key "$W/ca/log.pem" | show

say "7. a verifier that knows only the first root refreshes, then verifies the artifact"
"$B/tenmint" trust init --root "$W/tuf/published/1.root.json" --metadata-url "$CA/tuf" --dir "$W/trust" | show
refresh | show
trusted_root
verify "$W" | show
if verify "$W" --extension source-repository-uri=https://github.com/evil/widget >"$W/refused" 2>&1; then
    echo "   another repository was accepted" >&2
    exit 1
fi
echo "   and for another repository it refuses:"
grep -i 'source-repository-uri' "$W/refused" | head -n 2 | show

say "8. the CA key rotates: the next key is trusted before it signs, the old one is retired"
old=$(ca_fingerprint)
"$B/tenmint-ca" rotate "$W/ca" | show
"$B/tenmint-tuf" trust add-ca --dir "$W/tuf" --url "$CA" --chain "$W/ca/next/chain.pem" | show
ceremony rotation "the CA key rotates" alice carol | show
"$B/tenmint-ca" rotate "$W/ca" --activate | show
wait_for "$W/ca.log" 'CA key and chain reloaded'
mkdir "$W/second"
echo "built after the rotation" >"$W/second/artifact"
sign_artifact "$W/second" | show
"$B/tenmint-tuf" trust retire-ca "$old" --dir "$W/tuf" --end "$(date -u -d '+15 minutes' +%Y-%m-%dT%H:%M:%SZ)" | show
ceremony retire "the old CA key ends" bob carol | show

say "9. the verifier refreshes: the artifacts of the old and of the new key both verify"
refresh | show
trusted_root
verify "$W" | show
verify "$W/second" | show
two_logged() { [ "$(logged | grep -c acme/widget)" = 2 ]; }
wait_until two_logged
inclusion_proof | show
"$B/tenmint-tuf" history "$W/tuf/published" | show

say "10. tenmint-ca init --all: a whole private Sigstore of its own, CA, logs, timestamps and TUF root"
kill "$CA_PID" && wait "$CA_PID"
ALL_PORT=$(free_port)
ALL=http://127.0.0.1:$ALL_PORT
"$B/tenmint-ca" init "$W/sigstore" --all --url "$ALL" --organization 'Demo Ltd' | show
sed -i "s,https://token.actions.githubusercontent.com,$ISSUER,g" "$W/sigstore/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$W/sigstore/tenmint-ca.yaml"
: >"$W/sigstore.log"
"$B/tenmint-ca" serve --config "$W/sigstore/tenmint-ca.yaml" >"$W/sigstore.log" 2>&1 &
ALL_PID=$!
PIDS="$PIDS $ALL_PID"
wait_for "$W/sigstore.log" '"message":"listening"'

say "11. a signer who trusts its TUF root and nothing else: certificate, timestamp and log entry by default"
"$B/tenmint" trust init --root "$W/sigstore/tuf/published/1.root.json" --metadata-url "$ALL/tuf" --dir "$W/all-trust" | show
echo "signed with no flag" >"$W/release"
(umask 077 && mint >"$W/token.jwt")
"$B/tenmint" sign --trust-dir "$W/all-trust" --token-file "$W/token.jwt" "$W/release" | show
rm -f "$W/token.jwt"
kill "$ALL_PID" && wait "$ALL_PID"

say "12. a day later, every server gone: verified offline, with the proof that the log holds the entry"
faketime -f +1d "$B/tenmint" verify --offline --dir "$W/all-trust" --bundle "$W/release.sigstore.json" \
    --issuer "$ISSUER" --identity "$WHO" "$W/release" | show
tr -d ' \n' <"$W/release.sigstore.json" | grep -o '"inclusionProof":{"logIndex.*"checkpoint":{"envelope":"[^"]*"' | show

stop_all
say "done: leaf.pem chain.pem key.pem artifact artifact.sig trusted_root.json are in $W/"
