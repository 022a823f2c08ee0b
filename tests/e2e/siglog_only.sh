#!/usr/bin/env bash
# A signature log that takes certificates of its own CAs only; and reload: another list of CAs,
# another chain of the timestamp authority, by SIGHUP and by themselves; a bad file leaves the old.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077
C=$W/ca
: >"$W/said"
"$B/tenmint-ca" init "$C" --all --url http://127.0.0.1 >/dev/null || exit 1
"$B/tenmint-ca" init "$W/other" --all --url http://127.0.0.1 >/dev/null || exit 1
cat >"$C/tenmint-ca.yaml" <<'TEXT'
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
reload-interval: 1s
signature-log: {directory: siglog, origin: 127.0.0.1, key: siglog.key, password-file: password, checkpoint-interval: 200ms, only-from: cas.pem}
timestamp-authority: {chain: tsa.pem, key: tsa.key, password-file: password}
TEXT
cp "$C/chain.pem" "$C/cas.pem"
says "check-config" 0 "takes only certificates of the CAs in" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
PIDS=$!
CA_PID=$!
wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
URL=http://$(address_of listening)
METRICS=http://$(address_of 'metrics listening')

openssl ecparam -genkey -name prime256v1 -noout -out "$W/key"
leaf() { # NAME CA-DIR DAYS: a certificate of that CA
    openssl req -new -key "$W/key" -subj /CN=leaf -out "$W/csr" 2>/dev/null
    printf 'extendedKeyUsage=codeSigning\nauthorityKeyIdentifier=keyid\n' >"$W/ext"
    openssl x509 -req -in "$W/csr" -CA "$2/chain.pem" -CAkey "$2/intermediate.key" -passin "file:$2/password" \
        -set_serial "$RANDOM" -days "$3" -extfile "$W/ext" -out "$W/$1" 2>/dev/null
}
number=0
post() { # VERIFIER-JSON: the status
    number=$((number + 1))
    printf %s "$number" >"$W/artifact"
    printf '{"hashedRekordRequestV002":{"digest":"%s","signature":{"content":"%s","verifier":{%s,"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}' \
        "$(openssl dgst -sha256 -binary "$W/artifact" | base64 -w0)" \
        "$(openssl dgst -sha256 -sign "$W/key" "$W/artifact" | base64 -w0)" "$1" >"$W/entry"
    curl -sS --max-time 30 -o "$W/said" -w '%{http_code}' --data-binary "@$W/entry" "$URL/api/v2/log/entries"
}
by() { echo "\"x509Certificate\":{\"rawBytes\":\"$(openssl x509 -in "$1" -outform DER | base64 -w0)\"}"; }
bare="\"publicKey\":{\"rawBytes\":\"$(openssl pkey -in "$W/key" -pubout -outform DER | base64 -w0)\"}"
refused() { # NAME WORD VERIFIER
    check "$1" 400 "$(post "$3")"
    grep -q "$2" "$W/said" || check "$1: why" "$2" "$(cat "$W/said")"
}
leaf ours.pem "$C" 2
leaf theirs.pem "$W/other" 2
leaf ended.pem "$C" -1
openssl req -x509 -key "$W/key" -subj /CN=self -days 2 -out "$W/self.pem" 2>/dev/null
check "a certificate of ours" 201 "$(post "$(by "$W/ours.pem")")"
refused "a bare key" "no bare keys" "$bare"
refused "another CA's" "of its own CAs" "$(by "$W/theirs.pem")"
refused "its own" "of its own CAs" "$(by "$W/self.pem")"
refused "one that has ended" "expired" "$(by "$W/ended.pem")"
refused "no certificate" "" "\"x509Certificate\":{\"rawBytes\":\"AAAA\"}"

# Another list of CAs, by itself; a bad one leaves the old.
cat "$C/chain.pem" "$W/other/chain.pem" >"$C/new" && mv "$C/new" "$C/cas.pem"
wait_for "$W/ca.log" '"message":"reloaded","what":"signature-log: only-from"' || fails=$((fails + 1))
check "the other CA's now" 201 "$(post "$(by "$W/theirs.pem")")"
echo rubbish >"$C/cas.pem"
kill -HUP "$CA_PID"
wait_for "$W/ca.log" '"message":"not reloaded, the old stays","what":"signature-log: only-from"' || fails=$((fails + 1))
check "the old list stays" 201 "$(post "$(by "$W/theirs.pem")")"
says "check-config of it" 3 "only-from" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
cp "$C/chain.pem" "$C/cas.pem"
kill -HUP "$CA_PID"
refused_now() { [ "$(post "$(by "$W/theirs.pem")")" = 400 ]; }
check "back to ours" 0 "$(wait_until refused_now; echo $?)"

# The timestamp authority's chain and key.
stamp() { # ROOT: whether a token verifies by it
    openssl ts -query -data "$W/artifact" -sha256 -cert -out "$W/query" 2>/dev/null
    curl -sS --max-time 30 -o "$W/token" -H 'Content-Type: application/timestamp-query' --data-binary "@$W/query" "$URL/api/v1/timestamp"
    awk '/BEGIN/{n++} n==3' "$1" >"$W/root"
    openssl ts -verify -queryfile "$W/query" -in "$W/token" -CAfile "$W/root" >/dev/null 2>&1
}
check "a timestamp of the first chain" 0 "$(stamp "$C/tsa.pem"; echo $?)"
cp "$C/tsa.pem" "$W/first.pem"; cp "$C/tsa.key" "$W/first.key"
cp "$W/other/tsa.pem" "$C/tsa.pem" # half of a pair
kill -HUP "$CA_PID"
wait_for "$W/ca.log" '"message":"not reloaded, the old stays","what":"timestamp-authority","detail":".*the timestamp key is not' || fails=$((fails + 1))
check "half a pair leaves the first" 0 "$(stamp "$W/first.pem"; echo $?)"
openssl pkey -in "$W/other/tsa.key" -passin "file:$W/other/password" -aes256 -passout "file:$C/password" -out "$C/tsa.key"
chmod 600 "$C/tsa.key"
check "a timestamp of the second chain" 0 "$(wait_until stamp "$W/other/tsa.pem"; echo $?)"
curl -sS --max-time 10 -o "$W/chain" "$URL/api/v1/timestamp/certchain"
cmp -s "$W/chain" "$W/other/tsa.pem" || check "the chain" "the second" "another"

# Paths that nobody has, below what is served.
for path in /api/v1/x /api/v1/timestamp/x; do
    check "$path" '{"code":5,"message":"Not Found","details":[]}' "$(curl -sS --max-time 10 "$URL$path")"
done
check "/api/v2/x" '{"code":5,"message":"no such file in this log","details":[]}' "$(curl -sS --max-time 10 "$URL/api/v2/x")"
stop_all
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { tail -n 5 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
