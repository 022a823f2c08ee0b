#!/usr/bin/env bash
# The server's signature log and timestamp authority beside its CA: made, checked, asked, retired.
set -euo pipefail
cd "$(dirname "$0")/../.."
make -s all
W=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$W"' EXIT
fail() { echo "FAIL $*"; tail -n 5 "$W/server.log" 2>/dev/null; exit 1; }
serve() {
    : >"$W/server.log" # else the first look could find what the last server said
    build/tenmint-ca serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 \
        --metrics-listen 127.0.0.1:0 >"$W/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 200); do
        ! grep -q '"message":"listening"' "$W/server.log" || break
        kill -0 $pid 2>/dev/null || fail "no start"
        sleep 0.1
    done
    URL=http://$(sed -n 's/.*"message":"listening".*"address":"\([^"]*\)".*/\1/p' "$W/server.log")
    METRICS=http://$(sed -n 's/.*"message":"metrics listening".*"address":"\([^"]*\)".*/\1/p' "$W/server.log")
}
stop() { kill "$pid"; wait "$pid" || fail "the server ended with $?"; }
ask() { curl -sS --max-time 30 -o "$W/reply" -D "$W/headers" -w '%{http_code}' "$@"; }
expect() { # STATUS WHAT CURL ARGUMENTS
    local want=$1 what=$2 got
    shift 2
    got=$(ask "$@")
    [ "$got" = "$want" ] || { head -c 300 "$W/reply"; fail "$what: want $want, got $got"; }
}

build/tenmint-ca init "$W/ca" >/dev/null
for name in 2026 2027; do
    build/tenmint-ca log create "$W/ca/siglog$name" --signatures --origin rekor.example.com \
        --password-file "$W/ca/password" >"$W/made"
    grep -q '^signature-log:$' "$W/made" || fail "log create says no section"
done
! build/tenmint-ca log create "$W/ca/x" --signatures --origin a.example.com/log \
    --password-file "$W/ca/password" 2>/dev/null || fail "an origin with a path"
(
    cd "$W/ca"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa-root.key \
        -out tsa-root.pem -subj /CN=tsa-root -days 30 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.csr \
        -subj /CN=tsa 2>/dev/null
    chmod 600 tsa.key
    printf 'extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n' >ext
    openssl x509 -req -in tsa.csr -CA tsa-root.pem -CAkey tsa-root.key -CAcreateserial -days 20 \
        -extfile ext -out tsa-leaf.pem 2>/dev/null
    cat tsa-leaf.pem tsa-root.pem >tsa.pem
    cp tenmint-ca.yaml head.yaml
)
section() { # NAME [RETIRED]
    cat "$W/ca/head.yaml"
    printf 'signature-log:\n  directory: siglog%s\n  origin: rekor.example.com\n' "$1"
    printf '  key: siglog%s.key\n  password-file: password\n  checkpoint-interval: 200ms\n' "$1"
    [ -z "${2:-}" ] || printf '  retired:\n    old:\n      directory: siglog%s\n      public-key: siglog%s.pem\n      prefix: /old/api/v2\n' "$2" "$2"
    printf 'timestamp-authority:\n  chain: tsa.pem\n  key: tsa.key\n'
}
section 2026 >"$W/ca/tenmint-ca.yaml"
build/tenmint-ca check-config "$W/ca/tenmint-ca.yaml" >"$W/checked" || fail "check-config"
grep -q '^signature log: rekor.example.com' "$W/checked" && grep -q '^timestamp authority' "$W/checked" ||
    fail "check-config says nothing of them"
serve

# A hashedrekord entry of a P-256 key.
openssl ecparam -genkey -name prime256v1 -noout -out "$W/key.pem"
key=$(openssl pkey -in "$W/key.pem" -pubout -outform DER | base64 -w0)
entry() { # TEXT
    printf %s "$1" >"$W/artifact"
    printf '{"hashedRekordRequestV002":{"digest":"%s","signature":{"content":"%s","verifier":{"publicKey":{"rawBytes":"%s"},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}' \
        "$(openssl dgst -sha256 -binary "$W/artifact" | base64 -w0)" \
        "$(openssl dgst -sha256 -sign "$W/key.pem" "$W/artifact" | base64 -w0)" "$key"
}
entry one >"$W/one.json"
expect 201 "an entry" --data-binary "@$W/one.json" "$URL/api/v2/log/entries"
grep -q '"inclusionProof"' "$W/reply" || fail "an answer without a proof"
expect 409 "the same again" --data-binary "@$W/one.json" "$URL/api/v2/log/entries"
grep -qi '^x-log-index: 0' "$W/headers" || fail "a duplicate without its index"
expect 400 "another signature" --data-binary "@-" "$URL/api/v2/log/entries" \
    < <(sed 's/"digest":"..../"digest":"AAAA/' "$W/one.json")
expect 200 "the checkpoint" "$URL/api/v2/checkpoint"
[ "$(head -n 2 "$W/reply" | tr '\n' ' ')" = "rekor.example.com 1 " ] || fail "its text"
expect 200 "a tile of entries" "$URL/api/v2/tile/entries/000.p/1"

# A DSSE payload over what the signing routes take.
head -c 3000000 /dev/zero | tr '\0' a >"$W/payload"
{ printf 'DSSEv1 4 text 3000000 '; cat "$W/payload"; } >"$W/pae"
{
    printf '{"dsseRequestV002":{"envelope":{"payloadType":"text","payload":"'
    base64 -w0 "$W/payload"
    printf '","signatures":[{"sig":"%s"}]},"verifiers":[{"publicKey":{"rawBytes":"%s"},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}]}}' \
        "$(openssl dgst -sha256 -sign "$W/key.pem" "$W/pae" | base64 -w0)" "$key"
} >"$W/dsse.json"
expect 201 "a large envelope" --data-binary "@$W/dsse.json" "$URL/api/v2/log/entries"
expect 400 "a large signing request" --data-binary "@$W/dsse.json" "$URL/api/v2/signingCert"

# Timestamps.
openssl ts -query -data "$W/artifact" -sha256 -cert -out "$W/query" 2>/dev/null
expect 200 "a timestamp" -H 'Content-Type: application/timestamp-query' --data-binary "@$W/query" \
    "$URL/api/v1/timestamp"
openssl ts -verify -queryfile "$W/query" -in "$W/reply" -CAfile "$W/ca/tsa-root.pem" >/dev/null 2>&1 ||
    fail "openssl does not accept it"
expect 400 "a bad query" -H 'Content-Type: application/timestamp-query' --data x "$URL/api/v1/timestamp"
expect 200 "the chain" "$URL/api/v1/timestamp/certchain"
cmp -s "$W/reply" <(sed -n '/BEGIN/,/END/p' "$W/ca/tsa.pem") || fail "the chain is another"
expect 405 "a GET" "$URL/api/v1/timestamp"
expect 404 "another path" "$URL/api/v1/timestamp/other"
expect 200 "the CA beside them" "$URL/api/v2/trustBundle"
expect 200 "metrics" "$METRICS/metrics"
for row in 'tenmint_siglog_submissions_total{result="logged"} 2' 'tenmint_siglog_submissions_total{result="bad"} 1' \
    'tenmint_siglog_submissions_total{result="duplicate"} 1' 'tenmint_siglog_size 2' \
    'tenmint_tsa_requests_total{result="granted"} 1' 'tenmint_tsa_requests_total{result="refused"} 1'; do
    grep -qxF "$row" "$W/reply" || { grep 'siglog\|tsa' "$W/reply"; fail "metrics lack $row"; }
done

# The next shard takes over, and the old one is frozen.
stop
section 2027 2026 >"$W/ca/tenmint-ca.yaml"
build/tenmint-ca check-config "$W/ca/tenmint-ca.yaml" >/dev/null || fail "check-config of two shards"
serve
expect 405 "an entry for a frozen shard" --data-binary "@$W/one.json" "$URL/old/api/v2/log/entries"
grep -q 'has been frozen' "$W/reply" || fail "it does not say so"
expect 200 "its checkpoint" "$URL/old/api/v2/checkpoint"
expect 201 "an entry for the next" --data-binary "@$W/one.json" "$URL/api/v2/log/entries"
stop
echo "ok   signature log and timestamp authority beside the CA"
