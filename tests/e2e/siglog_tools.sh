#!/usr/bin/env bash
# tenmint-log on a log of signatures: status, verify, find by identity, digest, key and time, watch,
# export; and each kind of damage.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077
L=("$B/tenmint-log")
K=(--key "$W/ca/siglog.pem")

"$B/tenmint-ca" init "$W/ca" --no-log >/dev/null || exit 1
"$B/tenmint-ca" log create "$W/ca/siglog" --signatures --origin rekor.example.com --password-file "$W/ca/password" >/dev/null || exit 1
cat >"$W/ca/tenmint-ca.yaml" <<TEXT
listen: 127.0.0.1:0
signature-log: {directory: siglog, origin: rekor.example.com, key: siglog.key, password-file: password, checkpoint-interval: 200ms}
TEXT
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
PIDS=$!
wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
URL=http://$(address_of listening)/api/v2

# Entries of a certificate (an identity, a repository) and of a bare key.
cat >"$W/openssl.cnf" <<'TEXT'
[req]
distinguished_name = d
[d]
[x]
subjectAltName = URI:https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
1.3.6.1.4.1.57264.1.8 = ASN1:UTF8String:https://token.actions.githubusercontent.com
1.3.6.1.4.1.57264.1.12 = ASN1:UTF8String:https://github.com/acme/widget
TEXT
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/cert.key" -out "$W/cert.pem" \
    -subj / -days 30 -config "$W/openssl.cnf" -extensions x 2>/dev/null || exit 1
openssl ecparam -genkey -name prime256v1 -noout -out "$W/bare.key"
openssl pkey -in "$W/bare.key" -pubout -out "$W/bare.pem"
openssl pkey -in "$W/cert.key" -pubout -out "$W/cert.pub"
add() { # TEXT KEY VERIFIER-JSON
    printf %s "$1" >"$W/artifact"
    printf '{"hashedRekordRequestV002":{"digest":"%s","signature":{"content":"%s","verifier":{%s,"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}' \
        "$(openssl dgst -sha256 -binary "$W/artifact" | base64 -w0)" \
        "$(openssl dgst -sha256 -sign "$2" "$W/artifact" | base64 -w0)" "$3" >"$W/entry"
    [ "$(curl -sS --max-time 30 -o "$W/reply" -w '%{http_code}' --data-binary "@$W/entry" "$URL/log/entries")" = 201 ] ||
        { cat "$W/reply"; exit 1; }
}
by_cert="\"x509Certificate\":{\"rawBytes\":\"$(openssl x509 -in "$W/cert.pem" -outform DER | base64 -w0)\"}"
by_key="\"publicKey\":{\"rawBytes\":\"$(openssl pkey -in "$W/bare.key" -pubout -outform DER | base64 -w0)\"}"
says "an empty log" 0 "size        0" "${L[@]}" status "$URL" "${K[@]}"
add one "$W/cert.key" "$by_cert"
add two "$W/bare.key" "$by_key"
{
    printf '{"dsseRequestV002":{"envelope":{"payloadType":"text","payload":"%s","signatures":[{"sig":"%s"}]},"verifiers":[{%s,"keyDetails":"PKIX_ECDSA_P256_SHA_256"}]}}' \
        "$(printf three | base64 -w0)" "$(printf 'DSSEv1 4 text 5 three' | openssl dgst -sha256 -sign "$W/cert.key" | base64 -w0)" "$by_cert"
} >"$W/dsse"
check "an envelope" 201 "$(curl -sS --max-time 30 -o "$W/reply" -w '%{http_code}' --data-binary "@$W/dsse" "$URL/log/entries")"
digest() { printf %s "$1" | sha256sum | cut -c1-64; }

for where in "$URL" "$W/ca/siglog"; do
    says "status of $where" 0 "signature   good" "${L[@]}" status "$where" "${K[@]}"
    says "verify $where" 0 "3 entries" "${L[@]}" verify "$where" "${K[@]}"
done
says "another key" 1 "" "${L[@]}" status "$URL" --key "$W/bare.pem"
says "another origin" 1 "not of 'x'" "${L[@]}" status "$URL" "${K[@]}" --origin x
found() { # WHAT ENTRIES OPTION...
    local what=$1 want=$2
    shift 2
    "${L[@]}" find "$URL" "${K[@]}" --json "$@" >"$W/said" 2>&1
    check "find by $what" "$want" "$(grep -o '"index":[0-9]*' "$W/said" | cut -d: -f2 | tr '\n' ' ' | sed 's/ $//')"
}
found identity "0 2" --identity https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
found "identity, as a pattern" "0 2" --identity-regexp acme
found repository "0 2" --repository acme/widget
found issuer "0 2" --issuer https://token.actions.githubusercontent.com
found digest 1 --digest "$(digest two)"
found "digest as others write it" 0 --digest "sha256:$(digest one)"
found "a payload's digest" 2 --digest "$(digest three)"
found "the signer's key" 1 --signer-key "$W/bare.pem"
found "a certificate's key" "0 2" --signer-key "$W/cert.pub"
found "digest and another's key" "" --digest "$(digest two)" --signer-key "$W/cert.pub"
found "time" "0 2" --after 1h
found "an earlier time" "" --before 2020-01-01
says "as a table" 0 "(https://github.com/acme/widget)" "${L[@]}" find "$URL" "${K[@]}" --repository acme/widget
says "a key in the table" 0 "key " "${L[@]}" find "$URL" "${K[@]}" --digest "$(digest two)"
says "nothing" 1 "no such entry among 3" "${L[@]}" find "$URL" "${K[@]}" --digest "$(digest four)"
says "no digest" 2 "want a digest of" "${L[@]}" find "$URL" "${K[@]}" --digest 12
says "no key" 2 "--signer-key" "${L[@]}" find "$URL" "${K[@]}" --signer-key "$W/artifact"
says "export" 0 '"kind":"hashedrekord"' "${L[@]}" export "$URL" "${K[@]}"
check "an entry's text is what was hashed" "$(digest one)" "$("${L[@]}" export "$URL" "${K[@]}" --last 0 | sed 's/.*"body":"\([^"]*\)".*/\1/' | base64 -d | sed 's/.*"digest":"\([^"]*\)".*/\1/' | base64 -d | xxd -p -c 64)"
says "not as certificates" 2 "with --format json" "${L[@]}" export "$URL" "${K[@]}" --format pem

# A monitor: what is mine is told once, and a rollback is danger.
echo 'repository: [acme/widget]' >"$W/mine.yaml"
watch=("${L[@]}" watch "$URL" "${K[@]}" --state "$W/state" --identities "$W/mine.yaml" --once)
says "watch" 0 "3 new, 2 matching" "${watch[@]}"
says "watch again" 0 "0 new, 0 matching" "${watch[@]}"
add four "$W/cert.key" "$by_cert"
says "one more" 5 "1 new, 1 matching" "${watch[@]}" --fail-on-match
says "it dates nothing" 1 "say no time" "${watch[@]}" --max-age 1h
cp -r "$W/ca/siglog" "$W/copy"
says "a copy goes on" 0 "0 new" "${L[@]}" watch "$W/copy" "${K[@]}" --state "$W/state" --once
"${L[@]}" find "$URL" "${K[@]}" --json --last 0 --identity-regexp . >/dev/null
says "the newest checkpoint is kept" 0 "4 entries" "${L[@]}" verify "$W/copy" "${K[@]}"

# Damage.
damage() { # NAME TEXT COMMAND...: on a copy
    rm -rf "$W/bad"; cp -r "$W/ca/siglog" "$W/bad"; chmod -R u+w "$W/bad"
    local name=$1 text=$2
    shift 2
    "$@"
    says "$name" 1 "$text" "${L[@]}" verify "$W/bad" "${K[@]}"
}
poke() { printf X | dd of="$W/bad/$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
damage "an entry's byte" "entry 0 is not what the signed tree says" poke tile/entries/000.p/4 60
damage "a length" "" poke tile/entries/000.p/4 0
damage "a hash" "hash 0 is wrong" poke tile/0/000.p/4 3
damage "a tile that is gone" "is missing" rm -r "$W/bad/tile/entries"
says "found nowhere in it" 1 "" "${L[@]}" find "$W/bad" "${K[@]}" --repository acme/widget
damage "a checkpoint's byte" "checkpoint" poke checkpoint 20
stop_all
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
