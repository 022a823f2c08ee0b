#!/usr/bin/env bash
# The timestamp authority's next certificate takes over, by tsa rotate, beside a server that runs: its
# key in a file, in a token. What was signed before and after verifies, no query is lost, and what
# cannot be is refused with the old state intact.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
umask 077
PORT=$(free_port) URL=http://127.0.0.1:$PORT
C=$W/ca F=$W/ca/tenmint-ca.yaml
rotate() { says "$1" "$2" "$3" "$B/tenmint-ca" tsa rotate "${@:4}"; }
serve() { start_server --config "$F" || exit 1; }
stamp() { # NAME: of the file "data"
    openssl ts -query -data "$W/data" -sha256 -cert -out "$W/query" 2>/dev/null
    curl -sS --max-time 20 -H 'Content-Type: application/timestamp-query' --data-binary @"$W/query" -o "$W/$1.tsr" "$URL/api/v1/timestamp"
}
good() { # NAME CHAIN
    openssl ts -verify -data "$W/data" -in "$W/$1.tsr" -CAfile "$C/tsa-root.pem" -untrusted "$2" >"$W/said" 2>&1
    check "$1 verifies" 0 $?
}
signers() { # of a timestamp: each certificate in it
    rm -f "$W"/s.*.pem
    openssl ts -reply -in "$W/$1.tsr" -token_out 2>/dev/null | openssl pkcs7 -inform DER -print_certs 2>/dev/null |
        awk -v at="$W/s." '/BEGIN/ { n++; f = at n ".pem" } f { print >f } /END/ { close(f); f = "" }'
    for f in "$W"/s.*.pem; do first "$f"; done
}
first() { openssl x509 -in "$1" -noout -fingerprint -sha256; }
is_new() { stamp after && signers after | grep -q "$(first "$C/tsa-2029/tsa.pem")"; }
nobody() { # whom a start would ask for keys
    printf 'oidc-issuers:\n  "https://i.example.com": {issuer-url: "https://i.example.com", client-id: sigstore, type: email, disabled: true}\n' >"$C/issuers.yaml"
}

echo data >"$W/data"
"$B/tenmint-ca" init "$C" --all --url "$URL" >/dev/null || exit 1
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/; s/^  chain: tsa.pem/& # ours/' "$F"
csplit -sz -f "$W/cert." "$C/tsa.pem" '/-----BEGIN/' '{*}' && cp "$W/cert.02" "$C/tsa-root.pem"
nobody
cp "$F" "$W/before"

# Wrong ways.
rotate "no name" 2 "" "$F"
rotate "a name that is no period" 2 "a period in digits" "$F" next
rotate "no such file" 3 "none'" "$W/none" 2029
rotate "nothing was made" 1 "first run this without --activate" "$F" 2029 --activate
rotate "told twice" 2 "--activate takes no other option" "$F" 2029 --activate --key-type p384
rotate "not in a token" 3 "the present key is not in a token" "$F" 2029 --pkcs11-key x
rotate "not by a URI" 3 "not named by 'key-uri'" "$F" 2029 --key-uri awskms:alias/x
rotate "another's key" 1 "is not the timestamp intermediate certificate's" "$F" 2029 --intermediate-key "$C/tsa-root.key"
mv "$C/tsa-intermediate.key" "$W/usb.key"
rotate "its intermediate's key is offline" 1 "name it by --intermediate-key" "$F" 2029
check "nothing is left of them" "" "$(ls -d "$C"/tsa-2029* 2>/dev/null)"
"$B/tenmint-ca" init "$W/alone" >/dev/null || exit 1
rotate "a CA without an authority" 3 "has no timestamp authority" "$W/alone/tenmint-ca.yaml" 2029

# Beside a server that runs.
serve
stamp before && good before "$C/tsa.pem"
rotate "the next" 0 "tenmint-tuf trust add-tsa --chain $C/tsa-2029/tsa.pem" "$F" 2029 --intermediate-key "$W/usb.key" --key-type p384
rotate "again" 1 "it is made already, and --activate puts it in service" "$F" 2029 --intermediate-key "$W/usb.key"
mkdir "$C/tsa-2031.init" && touch "$C/tsa-2031.init/other"
rotate "another failure has no such hint" 1 "tenmint-ca: '$C/tsa-2031.init' is in the way" "$F" 2031 --intermediate-key "$W/usb.key"
rm -r "$C/tsa-2031.init"
check "the configuration is as it was" "" "$(diff "$W/before" "$F")"
check "the key is the server's alone" 600 "$(stat -c %a "$C/tsa-2029/tsa.key")"
cp "$C/tsa-2029/tsa.key" "$W/key" && cp "$C/tsa.key" "$C/tsa-2029/tsa.key"
rotate "a key that is not the certificate's" 1 "" "$F" 2029 --activate
check "the configuration is as it was, still" "" "$(diff "$W/before" "$F")"
cp "$W/key" "$C/tsa-2029/tsa.key"
(for i in $(seq 60); do stamp "load.$i" && echo ok; sleep 0.05; done) >"$W/load" & LOAD=$!
rotate "in service" 0 "in service from the next SIGHUP on" "$F" 2029 --activate
check "two lines of the configuration changed" "chain: tsa-2029/tsa.pem # ours, key: tsa-2029/tsa.key" \
    "$(diff "$W/before" "$F" | sed -n 's/^>  *//p' | paste -sd, | sed 's/,/, /')"
rotate "again, in service" 0 "" "$F" 2029 --activate
kill -HUP "$CA_PID"
wait_until is_new || check "a new certificate signs" yes no
wait $LOAD
check "no query is lost" 60 "$(grep -c ok "$W/load")"
for i in 1 60; do good "load.$i" "$C/tsa-2029/tsa.pem"; done
good after "$C/tsa-2029/tsa.pem"
check "by the new certificate, not the old one" "1 0, 0 1" "$(
    for name in after before; do for chain in tsa-2029/tsa.pem tsa.pem; do signers $name | grep -c "$(first "$C/$chain")"; done; done |
        paste -sd' ' | sed 's/ / /; s/\([01] [01]\) /\1, /')"
good before "$C/tsa.pem"
says "the audit trail has it" 0 "timestamp key put in service" "$B/tenmint-ca" audit query --config "$F" --kind rotation
says "clients can be told" 0 "" "$B/tenmint-tuf" trust add-tsa --dir "$C/tuf" --chain "$C/tsa-2029/tsa.pem" --url "$URL" --offline
kill "$CA_PID"; wait "$CA_PID"; check "SIGTERM" 0 $?

# In a token.
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label sim --pin 135790 --so-pin 24680123 >/dev/null || exit 1
echo 135790 >"$W/pin"
C=$W/token F=$W/token/tenmint-ca.yaml SECRET=135790
"$B/tenmint-ca" init "$C" --all --url "$URL" --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token sim \
    --pkcs11-pin-file "$W/pin" --pkcs11-timestamp-key tsa >/dev/null || exit 1
nobody
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$F"
csplit -sz -f "$W/cert." "$C/tsa.pem" '/-----BEGIN/' '{*}' && cp "$W/cert.02" "$C/tsa-root.pem"
rotate "no type of its own" 0 "wrote $C/tsa-2029" "$F" 2029 --password-file "$C/password"
check "no key is in a file" "" "$(ls "$C/tsa-2029/tsa.key" 2>/dev/null)"
rotate "a label that is taken" 1 "" "$F" 2030 --pkcs11-key tsa-2029 --password-file "$C/password"
check "nothing is left of it" "" "$(ls -d "$C"/tsa-2030* 2>/dev/null)"
rotate "in service" 0 "" "$F" 2029 --activate
check "its label" 1 "$(grep -c "pkcs11-key: .\?tsa-2029" "$F")"
serve
stamp token && good token "$C/tsa-2029/tsa.pem"
kill "$CA_PID"; wait "$CA_PID"

# Killed at any moment: the next folder is whole, or not there.
for i in $(seq 6); do
    "$B/tenmint-ca" tsa rotate "$F" "210$i" --password-file "$C/password" >/dev/null 2>&1 & pid=$!
    sleep "0.0$((i * 13))"
    kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null
    [ ! -e "$C/tsa-210$i" ] || [ -e "$C/tsa-210$i/key.txt" ] || check "whole after $i" yes no
    [ -e "$C/tsa-210$i" ] || rotate "again after $i" 0 "" "$F" "210$i" --pkcs11-key "again-$i" --password-file "$C/password"
done
[ $fails -eq 0 ] || { tail -n 5 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
