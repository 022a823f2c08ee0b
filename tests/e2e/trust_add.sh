#!/usr/bin/env bash
# tenmint-tuf trust add-*: the service is asked, what was left out is completed, what clients could not
# use is refused and nothing is written; --offline asks nothing.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077
C=$W/ca
SHAPES=$W/fake
T=("$B/tenmint-tuf" trust)
ANSWER_IN=300ms
says_not_written() { # NAME EXIT TEXT WORD...
    says "$1" "$2" "$3" "${T[@]}" "${@:4}" --folder "$W/none" --timeout "$ANSWER_IN"
    check "$1: nothing is written" "" "$(ls "$W/none" 2>/dev/null)"
}
trusted() { "${T[@]}" show --folder "$1" 2>/dev/null | sed 's/  from .*//; s/   */ /g' | grep -v 'OIDC provider' | sort; }

URL=http://127.0.0.1:$(free_port)
says "init --all" 0 "" "$B/tenmint-ca" init "$C" --all --url "$URL"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
says_not_written "a service that is down" 6 "--chain is not given" add-ca --url "$URL"
: >"$W/ca.log"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
PIDS="${PIDS:-} $!"
wait_for "$W/ca.log" "listening" || exit 1

# With their addresses alone they come to what init wrote.
add() { says "$1: $5" "$2" "$3" "${T[@]}" add-"$4" --folder "$W/t" "${@:6}"; }
add ours 0 "asked GET $URL/api/v2/trustBundle: chain 1 of 1: 2 certificates" ca "chain and issuers" --url "$URL"
add ours 0 "asked GET $URL/log/checkpoint: CT log" ctlog "key and name" --url "$URL/log"
add ours 0 "asked GET $URL/api/v2/checkpoint: Rekor v2 '127.0.0.1', 0 entries, signed by the key" log "version, name, key" --url "$URL" --key "$C/siglog.pem"
add ours 0 "asked POST $URL/api/v1/timestamp: a timestamp of" tsa "a timestamp" --url "$URL"
check "as init made it" "$(trusted "$C/tuf/targets")" "$(trusted "$W/t")"
add twice 1 "has this timestamp authority already" tsa "the same" --url "$URL"
add twice 1 "has this certificate authority already" ca "the same" --url "$URL"
add twice 1 "has this transparency log already" log "the same" --url "$URL" --key "$C/siglog.pem"
add twice 1 "has this CT log already" ctlog "the same" --url "$URL/log"
add ours 0 "wrote" oidc "where people log in" --url https://login.example.com
add twice 1 "has this OIDC provider already" oidc "the same" --url https://login.example.com
under() { openssl x509 -in "$1" -outform DER | sha256sum | cut -c1-16; }
tac "$C/chain.pem" | awk '{print} /BEGIN/ {exit}' | tac >"$W/root.pem"
UNDER="$(under "$C/chain.pem") under $(under "$W/root.pem")"
says "the last certificate is shown when a CA is asked" 0 "chain 1 of 1: 2 certificates, $UNDER, with its root" "${T[@]}" add-ca --url "$URL" --folder "$W/under"
check "and by show" 1 "$("${T[@]}" show --folder "$W/under" 2>/dev/null | grep -c "^certificate authority.*, under ${UNDER##* }$")"
says "as JSON" 0 "" "${T[@]}" add-ca --url "$URL" --folder "$W/json" --json
check "one object" "200 1 0 $W/json/trusted_root.json" "$("${T[@]}" add-ca --url "$URL" --folder "$W/json2" --json 2>&1 |
    python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["asked"][0]["status"], len(d["changes"]), int(d["changes"][0]["danger"]), d["wrote"][0].replace("json2", "json"))')"

# What is missing of a chain is added, another is refused, the next is taken.
openssl x509 -in "$C/chain.pem" -out "$W/first.pem"
says "a chain without its root" 0 "1 certificates are added" "${T[@]}" add-ca --url "$URL" --chain "$W/first.pem" --folder "$W/completed"
check "it is whole" "$(trusted "$W/t" | grep ^certificate)" "$(trusted "$W/completed" | grep ^certificate)"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/key" -out "$W/other.pem" -days 9 -subj /O=x/CN=other \
    -addext keyUsage=critical,keyCertSign -addext extendedKeyUsage=codeSigning >/dev/null 2>&1
says_not_written "another chain" 1 "clients would refuse it" add-ca --url "$URL" --chain "$W/other.pem"
says "a chain cut short of one that is there" 1 "by a chain that goes on otherwise" "${T[@]}" add-ca --url "$URL" --chain "$W/first.pem" --folder "$W/completed" --offline
says "another API where signers are told of one" 1 "signers are told of API 1 at $URL: retire what is there" "${T[@]}" add-ca --url "$URL" \
    --chain "$W/other.pem" --folder "$W/completed" --offline --api-version 2
says "the next chain" 0 "is not under this chain" "${T[@]}" add-ca --url "$URL" --chain "$W/other.pem" --folder "$W/completed"
says_not_written "another authority's chain" 1 "clients would refuse it" add-tsa --url "$URL" --chain "$C/chain.pem"
openssl ec -in "$W/key" -pubout -out "$W/other.pub" 2>/dev/null
says_not_written "another log key" 1 "no signature of" add-log --url "$URL" --key "$W/other.pub"
says_not_written "another CT log key" 1 "no signature of" add-ctlog --url "$URL/log" --key "$W/other.pub"
says_not_written "no log key" 1 "give --key FILE" add-log --url "$URL"
says_not_written "another version" 1 "has version 2: clients would ask at paths that it does not have" add-log --url "$URL" --key "$C/siglog.pem" --api-version 1
says_not_written "another name" 1 "calls itself '127.0.0.1', and clients look for 'localhost'" add-log --url "${URL/127.0.0.1/localhost}" --key "$C/siglog.pem"
says_not_written "a log that is none" 1 "is no log of signatures that clients know" add-log --url "$URL/api" --key "$C/siglog.pem"

# As other programs answer.
python3 tests/support/fake_services.py shapes "$SHAPES" "$W/key" "$W/other.pem"
mkdir -p "$SHAPES"/{frozen,readonly,full}/api/v2/log "$SHAPES"/tsa/api/v1 "$SHAPES"/{other,silenced}/api/v1/timestamp
for log in frozen readonly full; do echo "BEHIND /api/v2/checkpoint" >"$SHAPES/$log/api/v2/checkpoint.get"; done
echo 405 >"$SHAPES/frozen/api/v2/log/entries.post"
echo 503 >"$SHAPES/full/api/v2/log/entries.post"
echo "BEHIND /api/v1/timestamp" | tee "$SHAPES/tsa/api/v1/timestamp.post" >"$SHAPES/other/api/v1/timestamp.post"
cp "$W/other.pem" "$SHAPES/other/api/v1/timestamp/certchain.get"
echo 400 >"$SHAPES/silenced/api/v1/timestamp.post"
python3 tests/support/fake_services.py serve "$SHAPES" "$URL" >"$W/fake.port" &
PIDS="$PIDS $!"
wait_for "$W/fake.port" . || exit 1
FAKE=http://127.0.0.1:$(cat "$W/fake.port")
peer() { says "$1" 0 "$2" "${T[@]}" "${@:3}" --folder "$W/peers"; }
peer "Rekor v1, with its key" "Rekor v1 'rekor.example.com - 42', 7 entries, signed by the key" add-log --url "$FAKE/rekor1"
check "which is what signers are told" "signers use transparency log $FAKE/rekor1 API 1 127.0.0.1" "$(trusted "$W/peers" | grep '^signers.*rekor1')"
peer "a CT log of RFC 6962" "asked GET $FAKE/rfc6962/ct/v1/get-sth: CT log" add-ctlog --url "$FAKE/rfc6962" --key "$W/other.pub"
peer "a Fulcio without v2" "asked GET $FAKE/fulcio1/api/v1/rootCert: chain 1 of 1" add-ca --url "$FAKE/fulcio1"
peer "it takes no certificates of that CA" "takes no certificates of the CA" add-ctlog --url "$URL/log"
curl -sS --max-time 10 "$URL/api/v1/timestamp/certchain" >"$W/tsa.pem"
peer "an authority that says no chain" "by the chain" add-tsa --url "$FAKE/tsa/api/v1/timestamp" --chain "$W/tsa.pem"
says_not_written "nor is it guessed" 1 "give --chain FILE" add-tsa --url "$FAKE/tsa/api/v1/timestamp"
says_not_written "an authority with another chain" 1 "clients would refuse it" add-tsa --url "$FAKE/other/api/v1/timestamp" --chain "$W/tsa.pem"
says_not_written "an authority that grants nothing" 1 "gives no timestamps" add-tsa --url "$FAKE/silenced/api/v1/timestamp" --chain "$W/tsa.pem"
says_not_written "a frozen log" 1 "the log takes no more entries" add-log --url "$FAKE/frozen" --key "$C/siglog.pem"
says_not_written "a log that is only read" 1 "signers would post in vain" add-log --url "$FAKE/readonly" --key "$C/siglog.pem"
peer "which verifiers may know" "wrote" add-log --url "$FAKE/readonly" --key "$C/siglog.pem" --verify-only
says_not_written "a log that is busy" 6 "'POST $FAKE/full/api/v2/log/entries' answers with status 503" add-log --url "$FAKE/full" --key "$C/siglog.pem"

# What is no answer.
openssl s_server -www -accept 127.0.0.1:0 -cert "$W/other.pem" -key "$W/key" </dev/null >"$W/tls.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/tls.log" "^ACCEPT" || exit 1
TLS=https://$(sed -n 's/^ACCEPT //p' "$W/tls.log")
while read -r kind code text; do
    for service in ca tsa log ctlog; do
        material=(--chain "$W/tsa.pem")
        case $service in *log) material=(--key "$C/siglog.pem") ;; esac
        url=$FAKE/$kind
        case $kind in silent) material=() ;; tls) url=$TLS ;; esac
        case $kind-$service in busy-ca | gateway-ca) ;; busy-* | gateway-*) continue ;; esac # it is asked again, with pauses
        said=$text
        case $kind-$service in garbage-tsa) said="at least one certificate" ;; tls-ctlog) ;; *-ctlog | garbage-log) said=$FAKE/$kind ;; esac
        [ "$kind" = tls ] && ANSWER_IN=20s || ANSWER_IN=300ms # a handshake is slow where others work
        says_not_written "$kind: $service" "$code" "$said" "add-$service" --url "$url" "${material[@]}"
    done
done <<'ROWS'
html 1 web page
huge 1 more than
redirect 1 redirects to another host
silent 6 cannot be asked
busy 6 status 503
gateway 6 status 502
tls 6 TLS certificate is self-signed
garbage 1 certificate
ROWS

says "silent, and nothing is left out" 0 "not asked: $FAKE/silent cannot be reached (" "${T[@]}" add-log --url "$FAKE/silent" --key "$C/siglog.pem" \
    --api-version 2 --folder "$W/given" --timeout 300ms
check "it is noted, and written" "signers use transparency log $FAKE/silent API 2 127.0.0.1" "$(trusted "$W/given" | grep '^signers.*silent')"
says "offline, what is left out stays so" 1 "give --chain FILE" "${T[@]}" add-ca --url https://ca.example.com --folder "$W/none" --offline
says "offline" 0 "wrote" "${T[@]}" add-ca --url https://ca.example.com --chain "$W/other.pem" --folder "$W/offline" --offline
for url in ca.example.com ftp://ca.example.com https:///ca https://user:secret@ca.example.com https://:secret@ca.example.com \
    'https://ca.example.com/?token=secret' 'https://ca.example.com/#a' $'https://ca.example.com/\n' $'https://ca.example.com/\e[2J'; do
    says_not_written "no address: ${url@Q}" 2 "--url is no address such as" add-ca --url "$url" --chain "$W/other.pem" --offline
    says_not_written "nor for signers" 2 "--signing-url is no address such as" add-ca --url https://ca.example.com --signing-url "$url" \
        --chain "$W/other.pem" --offline
done
[ "$fails" = 0 ]
