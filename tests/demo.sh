#!/usr/bin/env bash
# demo.sh demo: the main job end to end. demo.sh run: leaves issuer and CA running.
set -euo pipefail
cd "$(dirname "$0")/.."
B=build
W=build/demo
rm -rf "$W"
mkdir -p "$W"
. tests/lib.sh
trap stop_all EXIT

echo "1. a demo OIDC issuer and an ephemeral CA with its transparency log start on loopback"
start_issuer
start_ca --log "$W/log"
echo "   issuer $ISSUER, CA $CA, metrics $METRICS/metrics"

if [ "${1:-demo}" = run ]; then
    cat <<TEXT

Running until Ctrl-C. To try:
  curl -s -X POST $ISSUER/token > build/demo/token.jwt
  build/tenmint cert --ca $CA --token-file build/demo/token.jwt --out build/demo --force
  build/tenmint show build/demo/leaf.pem
  curl -s $CA/api/v2/trustBundle
  curl -s $CA/api/v2/configuration
  curl -s $METRICS/metrics
TEXT
    trap 'exit 0' INT TERM
    wait "$CA_PID"
    exit 0
fi

echo "2. the CI job asks its issuer for a token (a GitHub-Actions-shaped one, RS256)"
(umask 077 && mint >"$W/token.jwt")
echo "3. tenmint cert: ephemeral key, proof of possession, certificate; its SCT verified"
build/tenmint cert --ca "$CA" --token-file "$W/token.jwt" --out "$W" --log-key "$W/log.pem" | sed 's/^/   /'
echo "4. sign an artifact with the key, verify it by the certificate"
echo "hello from a CI job" >"$W/artifact"
openssl dgst -sha256 -sign "$W/key.pem" -out "$W/artifact.sig" "$W/artifact"
openssl x509 -in "$W/leaf.pem" -noout -pubkey >"$W/leaf.pub"
openssl dgst -sha256 -verify "$W/leaf.pub" -signature "$W/artifact.sig" "$W/artifact" | sed 's/^/   /'
echo "5. verify the chain up to the CA's root, and the identity"
curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/root.pem"
openssl verify -x509_strict -purpose any -CAfile "$W/root.pem" "$W/leaf.pem" | sed 's/^/   /'
want="https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main"
openssl x509 -in "$W/leaf.pem" -noout -ext subjectAltName | grep -qF "URI:$want"
echo "   identity is $want"
echo "6. the certificate, with its log entry"
build/tenmint show --log-key "$W/log.pem" "$W/chain.pem" | sed 's/^/   /'
rm -f "$W/token.jwt"
stop_all
echo "done: leaf.pem chain.pem key.pem artifact artifact.sig are in $W/"
