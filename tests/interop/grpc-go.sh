#!/usr/bin/env bash
# gRPC with published clients: Fulcio's generated client over grpc-go, in plain text and TLS, and
# grpcurl; a server that stops loses no call.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/go-peer.bash
go_peer grpc-go
peer=build/interop/grpc-go/grpc-go
(cd tests/interop/grpc-go && GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' \
    go build -o "$OLDPWD/build/interop/grpc-go/grpcurl" github.com/fullstorydev/grpcurl/cmd/grpcurl)
make -s all test-programs
SUB=repo:acme/widget:ref:refs/heads/main

start_issuer
"$B/tenmint-ca" init "$W/ca" --log-origin log.example.com/grpc >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
printf 'oidc: {allow-http: true}\n' >>"$W/ca/tenmint-ca.yaml"
curl -sS -X POST "$ISSUER/token" >"$W/token"
begin() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 \
        --metrics-listen 127.0.0.1:0 "$@" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"'
    A=$(address_of listening)
}
finish() {
    kill -TERM "$CA_PID"
    wait "$CA_PID" || { echo "FAIL the server ended with $?"; tail -n 3 "$W/ca.log"; exit 1; }
}
issued() { grep -c '"message":"issued".*"protocol":"grpc"' "$W/ca.log"; }

begin
"$peer" -addr "$A" -token "$W/token" -subject $SUB
[ "$(issued)" = 203 ] || { echo "FAIL $(issued) certificates by gRPC in the log"; exit 1; }
grpcurl() { "build/interop/grpc-go/grpcurl" -plaintext -import-path tests/interop/grpc-go -proto fulcio.proto "$@"; }
grpcurl "$A" dev.sigstore.fulcio.v2.CA/GetTrustBundle | grep -q 'BEGIN CERTIFICATE'
openssl ecparam -name prime256v1 -genkey -noout -out "$W/key"
printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":%s},"proofOfPossession":"%s"}}' \
    "$(cat "$W/token")" "$(openssl pkey -in "$W/key" -pubout | awk 'BEGIN{printf "\""} {printf "%s\\n", $0} END{printf "\""}')" \
    "$(printf %s $SUB | openssl dgst -sha256 -sign "$W/key" | base64 -w0)" >"$W/request"
grpcurl -d @ "$A" dev.sigstore.fulcio.v2.CA/CreateSigningCertificate <"$W/request" |
    grep -q signedCertificateEmbeddedSct
grpcurl -d '{}' "$A" dev.sigstore.fulcio.v2.CA/CreateSigningCertificate >"$W/said" 2>&1 && exit 1
grep -q 'Code: InvalidArgument' "$W/said"

# While eight callers ask without a pause the server stops: whatever was issued was also received.
before=$(issued)
"$peer" -addr "$A" -token "$W/token" -subject $SUB -drain >"$W/drained" &
asking=$!
for _ in $(seq 100); do [ "$(issued)" -lt $((before + 50)) ] || break; sleep 0.1; done
finish
wait $asking || { cat "$W/drained"; exit 1; }
[ "$(sed -n 's/ certificates before the end//p' "$W/drained")" = $(($(issued) - before)) ] ||
    { echo "FAIL $(cat "$W/drained"), but $(($(issued) - before)) were issued"; exit 1; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/ca/tls.key" \
    -out "$W/ca/tls.pem" -subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost 2>/dev/null
chmod 600 "$W/ca/tls.key"
printf 'tls: {certificate: tls.pem, key: tls.key}\n' >>"$W/ca/tenmint-ca.yaml"
begin
"$peer" -addr "$A" -tls "$W/ca/tls.pem" -token "$W/token" -subject $SUB
for version in 1.1 2; do # ALPN takes what the client wants most
    said=$(curl -sS --http$version --cacert "$W/ca/tls.pem" --resolve "localhost:${A##*:}:127.0.0.1" \
        -o /dev/null -w '%{http_version} %{http_code}' "https://localhost:${A##*:}/api/v2/trustBundle")
    [ "$said" = "$version 200" ] || { echo "FAIL curl --http$version: $said"; exit 1; }
done
finish
echo "ok"
