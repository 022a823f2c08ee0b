#!/usr/bin/env bash
# Over real HTTP against the sanitized server: good requests, every kind of bad one, and that the
# next good one still works.
set -u
. "$(dirname "$0")/../begin.bash"

post() { # PATH BODY-FILE [curl options]: prints the status, the body goes to $W/answer
    curl -sS --max-time 20 -o "$W/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
        --data-binary @"$2" "${@:3}" "$CA$1"
}
key() { # ALGORITHM options of genpkey: fresh key in $W/key, public in $W/pub
    openssl genpkey "$@" -out "$W/key" 2>/dev/null && openssl pkey -in "$W/key" -pubout -out "$W/pub"
}
json_string() { awk 'BEGIN{printf "\""} {printf "%s\\n", $0} END{printf "\""}' "$1"; }
proof() { printf %s "$1" | openssl dgst -"${2:-sha256}" -sign "$W/key" | base64 -w0; }
body() { # TOKEN PROOF: a v2 request in $W/body
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":%s},"proofOfPossession":"%s"}}' \
        "$1" "$(json_string "$W/pub")" "$2" >"$W/body"
}
message() { sed -n 's/.*"message":"\([^"]*\)".*/\1/p' "$W/answer"; }
SUB=repo:acme/widget:ref:refs/heads/main
TOKEN_ERROR='There was an error processing the identity token'
good() { # NAME: one good request must work
    body "$(mint)" "$(proof $SUB)"
    check "$1" 200 "$(post /api/v2/signingCert "$W/body")"
}
bad_token() { # NAME CLAIM-CHANGES
    body "$(mint "$2")" "$(proof $SUB)"
    check "$1" 400 "$(post /api/v2/signingCert "$W/body")"
    check "$1: message" "$TOKEN_ERROR" "$(message | sed 's/: .*//')"
}

start_issuer && start_ca || exit 1
key -algorithm EC -pkeyopt ec_paramgen_curve:P-256
good "a good request"
leaf() { sed -n 's/.*"certificates":\["\([^"]*\)".*/\1/p' "$W/answer" | sed 's/\\n/\n/g' >"$W/leaf.pem"; }
leaf
openssl x509 -in "$W/leaf.pem" -noout -text >"$W/text"
for want in 'Version: 3' 'X509v3 Key Usage: critical' 'Digital Signature' 'Code Signing' \
    'X509v3 Subject Alternative Name: critical' 'Subject: $' '1.3.6.1.4.1.57264.1.8:' \
    'ecdsa-with-SHA256' 'X509v3 Authority Key Identifier'; do
    check "certificate has $want" 1 "$(grep -cE "$want" "$W/text" | sed 's/^[1-9][0-9]*$/1/')"
done
check "no basic constraints" 0 "$(grep -c 'Basic Constraints' "$W/text")"
check "asn1 parses" 0 "$(openssl asn1parse -in "$W/leaf.pem" >/dev/null 2>&1; echo $?)"
curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/root.pem"
check "chain verifies" 0 "$(openssl verify -x509_strict -purpose any -CAfile "$W/root.pem" "$W/leaf.pem" >/dev/null 2>&1; echo $?)"

now=$(date +%s)
bad_token expired "{\"exp\":$((now - 3600))}"
bad_token "no exp" '{"exp":null}'
bad_token "not yet valid" "{\"nbf\":$((now + 3600))}"
bad_token "issued in the future" "{\"iat\":$((now + 3600))}"
bad_token "wrong audience" '{"aud":"other"}'
bad_token "no audience" '{"aud":null}'
bad_token "audience of the wrong type" '{"aud":7}'
bad_token "unknown issuer" '{"iss":"https://unknown.example.com"}'
bad_token "no issuer" '{"iss":null}'
bad_token "no subject" '{"sub":null}'
bad_token "empty claim" '{"repository":""}'
bad_token "missing claim" '{"job_workflow_ref":null}'
bad_token "mistyped claim" '{"sha":["x"]}'
bad_token "newline in a claim" '{"workflow":"a\nb"}'
bad_token "over-long claim" "{\"workflow\":\"$(head -c 5000 /dev/zero | tr '\0' a)\"}"
T=$(mint)
body "${T%?????}AAAAA" "$(proof $SUB)"
check "tampered signature" 400 "$(post /api/v2/signingCert "$W/body")"
none=$(printf '{"alg":"none"}' | base64 -w0 | tr -d =)
body "$none.$(echo "$T" | cut -d. -f2)." "$(proof $SUB)"
check "alg none" 400 "$(post /api/v2/signingCert "$W/body")"
body "$(head -c 20000 /dev/zero | tr '\0' .)" "$(proof $SUB)"
check "a token of dots" 400 "$(post /api/v2/signingCert "$W/body")"
body "" "$(proof $SUB)"
check "no token" 400 "$(post /api/v2/signingCert "$W/body")"
check "no token: message" "$TOKEN_ERROR: no token in the request" "$(message | sed 's/ (request .*//')"
good "good again after bad tokens"

body "$T" "$(proof another-subject)"
check "proof over another subject" 400 "$(post /api/v2/signingCert "$W/body")"
check "proof: message" 'The signature supplied in the request could not be verified' "$(message)"
body "$T" '!!!'
check "bad base64" 400 "$(post /api/v2/signingCert "$W/body")"
echo junk >>"$W/pub"; body "$T" "$(proof $SUB)"
check "PEM with junk" 400 "$(post /api/v2/signingCert "$W/body")"
check "PEM with junk: message" 'The public key supplied in the request could not be parsed' "$(message)"
weak() { # NAME genpkey-args…
    key "${@:2}"; body "$(mint)" "$(proof $SUB)"
    check "$1" 400 "$(post /api/v2/signingCert "$W/body")"
    check "$1: message" 'The public key supplied in the request is insecure' "$(message)"
}
weak "RSA 1024" -algorithm RSA -pkeyopt rsa_keygen_bits:1024
weak "RSA e=3" -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_pubexp:3
weak "secp256k1" -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
for k in "P-384 sha384" "P-521 sha512"; do
    key -algorithm EC -pkeyopt ec_paramgen_curve:${k% *}
    body "$(mint)" "$(proof $SUB ${k#* })"
    check "key ${k% *}" 200 "$(post /api/v2/signingCert "$W/body")"
done
key -algorithm RSA -pkeyopt rsa_keygen_bits:2048; good "key RSA 2048"
key -algorithm ED25519
printf %s $SUB >"$W/sub"
body "$(mint)" "$(openssl pkeyutl -sign -rawin -inkey "$W/key" -in "$W/sub" | base64 -w0)"
check "key Ed25519" 200 "$(post /api/v2/signingCert "$W/body")"

key -algorithm EC -pkeyopt ec_paramgen_curve:P-256
openssl req -new -key "$W/key" -subj / -out "$W/csr" 2>/dev/null
csr() { printf '{"credentials":{"oidc_identity_token":"%s"},"certificate_signing_request":"%s"}' "$(mint)" "$(base64 -w0 <"$1")" >"$W/body"; }
csr "$W/csr"; check "CSR, snake_case" 200 "$(post /api/v2/signingCert "$W/body")"
openssl req -in "$W/csr" -outform DER -out "$W/csr.der"
size=$(stat -c %s "$W/csr.der")
printf '\x01' | dd of="$W/csr.der" bs=1 seek=$((size - 3)) conv=notrunc 2>/dev/null
{ echo '-----BEGIN CERTIFICATE REQUEST-----'; base64 "$W/csr.der"; echo '-----END CERTIFICATE REQUEST-----'; } >"$W/bad.csr"
csr "$W/bad.csr"; check "CSR with a bad signature" 400 "$(post /api/v2/signingCert "$W/body")"
printf '{"publicKey":{"content":"%s"},"signedEmailAddress":"%s"}' "$(base64 -w0 <"$W/pub")" "$(proof $SUB)" >"$W/v1"
check "v1" 201 "$(post /api/v1/signingCert "$W/v1" -H "Authorization: Bearer $(mint)")"
check "v1 answers PEM" 1 "$(grep -c -m1 'BEGIN CERTIFICATE' "$W/answer")"

printf '{' >"$W/body"; check "truncated JSON" 400 "$(post /api/v2/signingCert "$W/body")"
printf '{"a":1,"a":2}' >"$W/body"; check "duplicate keys" 400 "$(post /api/v2/signingCert "$W/body")"
head -c 100000 /dev/zero | tr '\0' '[' >"$W/body"; check "deep nesting" 400 "$(post /api/v2/signingCert "$W/body")"
head -c 10485760 /dev/zero | tr '\0' ' ' >"$W/big"; check "10 MiB body" 400 "$(post /api/v2/signingCert "$W/big")"
check "10 MiB: message" 'http: request body too large' "$(message)"
body "$(mint)" "$(proof $SUB)"
check "chunked body" 200 "$(post /api/v2/signingCert "$W/body" -H 'Transfer-Encoding: chunked')"
check "form body" 415 "$(curl -s -o "$W/answer" -w '%{http_code}' -d a=b "$CA/api/v2/signingCert")"
check "unknown path" 404 "$(curl -s -o "$W/answer" -w '%{http_code}' "$CA/nothing")"
check "unknown path: JSON" '{"code":5,"message":"Not Found","details":[]}' "$(cat "$W/answer")"
check "wrong method" 501 "$(curl -s -o "$W/answer" -w '%{http_code}' "$CA/api/v2/signingCert")"
check healthz '{"status":"SERVING"}' "$(curl -s "$CA/healthz")"
check "trust bundle" 200 "$(curl -s -o "$W/answer" -w '%{http_code}' "$CA/api/v2/trustBundle")"
check HEAD 200 "$(curl -s -I -o "$W/answer" -w '%{http_code}' "$CA/api/v2/trustBundle")"
good "good at the end"
check "metrics count certificates" 1 "$(curl -s "$METRICS/metrics" | grep -c '^tenmint_certificates_issued_total [1-9]')"
check "no token in the log" 0 "$(grep -c -e "$(echo "$T" | cut -c1-60)" "$W/ca.log")"

kill -TERM "$CA_PID"; wait "$CA_PID"; check "SIGTERM exits 0" 0 $?
start_ca || exit 1
key -algorithm EC -pkeyopt ec_paramgen_curve:P-256
kill -9 "$CA_PID"; wait "$CA_PID" 2>/dev/null
start_ca || exit 1
good "good after kill -9 and restart"
kill -TERM "$CA_PID"; wait "$CA_PID"; check "exits 0 again" 0 $?
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { tail -n 30 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
