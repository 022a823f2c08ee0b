#!/usr/bin/env bash
# sigstore-java's KeylessSigner against a whole private Sigstore of ours: the certificate by gRPC over
# TLS on the API's port, the entry and the timestamp by HTTP; it verifies its bundle, and so do we.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/sigstore-peers.bash
make -s all test-programs
install_sigstore_java

start_issuer
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
URL=https://localhost:$port
"$B/tenmint-ca" init "$W/all" --all --url "$URL" >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/all/issuers.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/all/tls.key" \
    -out "$W/all/tls.pem" -subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost 2>/dev/null
chmod 600 "$W/all/tls.key"
printf 'tls:\n  certificate: tls.pem\n  key: tls.key\noidc:\n  allow-http: true\n' >>"$W/all/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$W/all/tenmint-ca.yaml" --listen "127.0.0.1:$port" \
    --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"'

keytool -importcert -noprompt -alias ca -file "$W/all/tls.pem" -keystore "$W/trust.p12" \
    -storetype PKCS12 -storepass changeit >/dev/null 2>&1
curl -sS -X POST "$ISSUER/token" >"$W/token"
echo 'built by Java' >"$W/artifact"
roots=$W/all/tuf/targets
java -Djavax.net.ssl.trustStore="$W/trust.p12" -Djavax.net.ssl.trustStorePassword=changeit \
    -cp "$SIGSTORE_JAVA:$SIGSTORE_JAVA/lib/*" Peer "$roots/trusted_root.json" "$roots/signing_config.v0.2.json" \
    "$W/token" "$W/artifact" "$W/bundle.json"
grep -q '"message":"issued".*"protocol":"grpc"' "$W/ca.log" || { echo "FAIL not by gRPC"; exit 1; }
"$B/tenmint" verify --bundle "$W/bundle.json" --trusted-root "$roots/trusted_root.json" \
    --issuer "$ISSUER" --identity-regexp '.*' "$W/artifact"
