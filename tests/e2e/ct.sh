#!/usr/bin/env bash
# Certificates with SCTs from external logs, by the built programs: the client verifies, every
# fault of a log means that nothing is issued, restarts and reloads do not matter.
set -u
. "$(dirname "$0")/../begin.bash"

start_log() { # NAME: $W/NAME.in takes modes; sets URL and KEY
    mkfifo "$W/$1.in"
    "$B/tests/fake_log" <"$W/$1.in" >"$W/$1.out" 2>&1 &
    PIDS="${PIDS:-} $!"
    exec {fd}>"$W/$1.in" # holds the pipe open
    wait_for "$W/$1.out" /tmp/ || return 1
    URL=$(sed -n 1p "$W/$1.out")
    KEY=$(sed -n 2p "$W/$1.out")
}
mode() { # NAME MODE
    echo "$2" >"$W/$1.in"
    sleep 0.2
}
configure() { # lines of the ct section
    cat >"$W/ca.yaml" <<TEXT
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
$1
TEXT
}
start_server() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
    METRICS=http://$(address_of 'metrics listening')
}
stop_server() { kill -TERM "$CA_PID"; wait "$CA_PID"; }
cert() { # [options]: the client's exit code; files in $W/out, messages in $W/said
    (umask 077 && mint >"$W/token")
    rm -rf "$W/out"
    "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/out" "$@" >"$W/said" 2>&1
    echo $?
}
once() { # the server's HTTP status for one request (the client would ask again); its words in $W/said
    openssl req -new -key "$W/k" -subj / -outform PEM 2>/dev/null | base64 -w 0 >"$W/csr"
    curl -sS --max-time 30 -o "$W/said" -w '%{http_code}' -H 'Content-Type: application/json' "$CA/api/v2/signingCert" \
        -d "{\"credentials\":{\"oidcIdentityToken\":\"$(mint)\"},\"certificateSigningRequest\":\"$(cat "$W/csr")\"}"
}
issued() { grep -c '"message":"issued"' "$W/ca.log"; }

start_issuer && start_log one && URL1=$URL KEY1=$KEY && start_log two && URL2=$URL KEY2=$KEY || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
LOGS="logs: {one: {url: '$URL1', public-key: $KEY1, timeout: 1s}, two: {url: '$URL2', public-key: $KEY2, timeout: 1s}}"

configure "ct: {$LOGS}"
check "check-config" 0 "$("$B/tenmint-ca" check-config "$W/ca.yaml" >"$W/said" 2>&1; echo $?)"
check "check-config names the logs" 1 "$(grep -c '^logs: 2, 1 SCT of 1 operator required, embedded' "$W/said")"
configure "ct: {scts-required: 3, $LOGS}"
check "a policy that cannot be met" 3 "$("$B/tenmint-ca" check-config "$W/ca.yaml" >"$W/said" 2>&1; echo $?)"
check "… says so" 1 "$(grep -c '3 SCTs are required, but there are 2 logs' "$W/said")"
configure "ct: {logs: {one: {url: '$URL1', public-key: nowhere.pem}}}"
check "a missing key file" 3 "$("$B/tenmint-ca" serve --config "$W/ca.yaml" >"$W/said" 2>&1; echo $?)"
check "… is named" 1 "$(grep -c "log 'one': .*nowhere.pem" "$W/said")"

configure "ct: {scts-required: 2, operators-required: 2, deadline: 3s, $LOGS}"
start_server || exit 1
mode one good-indexed
check "two embedded SCTs verify" 0 "$(cert --log-key "$KEY1" --log-key "$KEY2")"
check "… and the client says so" 1 "$(grep -c '2 SCTs, verified' "$W/said")"
openssl x509 -in "$W/out/leaf.pem" -noout -ext ct_precert_scts >"$W/scts"
check "OpenSSL reads both" 2 "$(grep -c 'Version *: v1 (0x0)' "$W/scts")"
"$B/tenmint" show --log-key "$KEY1" "$W/out/chain.pem" >"$W/shown" 2>&1
check "show prints both" 2 "$(grep -c '^SCT Log' "$W/shown")"
check "show prints the leaf index" 1 "$(grep -c '^SCT Leaf Index *0$' "$W/shown")"
check "show verifies" 1 "$(grep -c '^SCT Verified *yes' "$W/shown")"
# A certificate of somebody else's: names of any type, and what would turn a terminal's line.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=x -out "$W/strange.pem" -addext \
    "subjectAltName=otherName:1.3.6.1.4.1.57264.1.7;BOOLEAN:TRUE,otherName:1.2.3;UTF8:a$(printf '\x9b')b,otherName:1.2.3;NULL:,DNS:c" 2>/dev/null
check "show of strange names" "3 (a name of another kind), a?b" "$("$B/tenmint" show "$W/strange.pem" | sed -n 's/^Identity *//p' | sort | uniq -c | sed 's/^ *1 //; s/^ *//' | paste -sd, | sed 's/,/, /')"
check "show without the issuer refuses" 1 "$("$B/tenmint" show --log-key "$KEY1" "$W/out/leaf.pem" >/dev/null 2>&1; echo $?)"
check "the audit line names the logs" 1 "$(grep -c '"log_id":"[0-9a-f]\{64\} [0-9a-f]\{64\}","leaf_index":"0 -"' "$W/ca.log")"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/k" 2>/dev/null
openssl pkey -in "$W/k" -pubout -out "$W/other.pem"
check "another log's key refuses" 1 "$(cert --log-key "$W/other.pem")"
check "… and writes nothing" 1 "$(ls "$W/out" 2>/dev/null | grep -c . | sed 's/^0$/1/')"
check "a log key that is none" 1 "$(cert --log-key "$W/said")"

for m in wrong-key other-log future trailing version not-json huge truncated close slow redirect busy error refuse; do
    mode one $m
    before=$(issued)
    check "log answers $m: refused" 503 "$(once)"
    check "log answers $m: Fulcio's words" 1 "$(grep -c '"Error entering certificate in CTL' "$W/said")"
    check "log answers $m: nothing issued" "$before" "$(issued)"
    stop_server; start_server || exit 1 # with its breaker closed
done
mode one good
check "good again" 0 "$(cert --log-key "$KEY1" --log-key "$KEY2")"
mode one shaky
check "asked again after a 500" 0 "$(cert --log-key "$KEY1")"
curl -sS --max-time 10 "$METRICS/metrics" >"$W/metrics"
check "metrics count the log's failure" 1 "$(grep -c '^tenmint_ct_failures_total{log="one",reason="busy"} 1$' "$W/metrics")"
check "metrics tell the breaker" 1 "$(grep -c '^tenmint_ct_breaker_state{log="two"} 0$' "$W/metrics")"

mode one slow
(cert >/dev/null) &
sleep 0.4
kill -TERM "$CA_PID"; wait "$CA_PID"; check "SIGTERM while a log is slow exits 0" 0 $?
wait $! 2>/dev/null
mode one good

configure "ct: {detached: true, $LOGS}"
start_server || exit 1
check "detached SCT verifies" 0 "$(cert --log-key "$KEY1" --log-key "$KEY2")"
check "… is written" 1 "$(grep -c '"sct_version":0' "$W/out/sct.json")"
check "… and not in the certificate" 0 "$(openssl x509 -in "$W/out/leaf.pem" -noout -text | grep -c 'CT Precertificate SCTs')"
stop_server

configure "ct: {logs: {one: {url: '$URL1', public-key: $KEY1, not-after-limit: '2020-01-01T00:00:00Z'}}}"
start_server || exit 1
check "no shard takes it: refused" 6 "$(cert)"
check "… with the reason in the log" 1 "$(grep -m1 -c '"reason":"log","detail":"too few SCTs.*one: another shard' "$W/ca.log")"
stop_server

# The embedded log: made by init, found again after kill -9, beside an external one.
"$B/tenmint-ca" init --log-origin ca.example.com/log "$W/new" >"$W/said" 2>&1
check "init makes a log" 0 $?
check "check-config accepts it" 0 "$("$B/tenmint-ca" check-config "$W/new/tenmint-ca.yaml" >"$W/said" 2>&1; echo $?)"
check "… and names it" 1 "$(grep -c 'embedded  ca.example.com/log in' "$W/said")"
check "a wrong origin is a usage error" 2 "$("$B/tenmint-ca" init --log-origin https://x/y "$W/no" >/dev/null 2>&1; echo $?)"
cp "$W/issuers.yaml" "$W/new/issuers.yaml"
serve_new() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/new/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
    METRICS=http://$(address_of 'metrics listening')
}
leaf_index() { sed -n 's/.*"leaf_index":"\([^"]*\)".*/\1/p' "$W/ca.log" | tail -n 1; }
serve_new || exit 1
check "embedded log: SCT verifies" 0 "$(cert --log-key "$W/new/log.pem")"
check "embedded log: leaf index 0" 0 "$(leaf_index)"
check "embedded log: another's key refuses" 1 "$(cert --log-key "$KEY1")"
sed '/^audit-store:/,/^$/d' "$W/new/tenmint-ca.yaml" >"$W/new/second.yaml" # the audit trail has one writer, too
check "a second writer is refused" 3 "$(timeout 20 "$B/tenmint-ca" serve --config "$W/new/second.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/said" 2>&1; echo $?)"
check "… with the reason" 1 "$(grep -c 'ct: embedded log: ' "$W/said")"
check "metrics tell the log's size" 1 "$(curl -sS --max-time 10 "$METRICS/metrics" | grep -c '^tenmint_log_size 2$')"
kill -9 "$CA_PID"; wait "$CA_PID" 2>/dev/null
serve_new || exit 1
check "after kill -9: SCT verifies" 0 "$(cert --log-key "$W/new/log.pem")"
check "after kill -9: the index goes on" 2 "$(leaf_index)"
stop_server
printf '  scts-required: 2\n  operators-required: 2\n  %s\n' "logs: {one: {url: '$URL1', public-key: $KEY1, timeout: 1s}}" >>"$W/new/tenmint-ca.yaml"
serve_new || exit 1
check "embedded and external: both verify" 0 "$(cert --log-key "$W/new/log.pem" --log-key "$KEY1")"
check "embedded and external: two SCTs" 1 "$(grep -c '2 SCTs, verified' "$W/said")"
mode one refuse
check "the external one refuses: no certificate" 503 "$(once)"
mode one good
# Another tenmint-ca's log reads for everyone and writes for its own CA only.
SISTER_PID=$CA_PID
configure "ct: {logs: {sister: {url: '$CA/log', public-key: $W/new/log.pem}}}"
cp "$W/ca.log" "$W/sister.log"
start_server || exit 1
check "another CA's log: no certificate" 503 "$(once)"
check "another CA's log: Fulcio's words" 1 "$(grep -c '"Error entering certificate in CTL' "$W/said")"
check "another CA's log: the reason is on file" 1 "$(grep -c '"reason":"log".*sister: .*HTTP 403.*its own certificate authority only' "$W/ca.log")"
check "another CA's log: nothing issued" 0 "$(issued)"
stop_server
CA_PID=$SISTER_PID
stop_server
mv "$W/new/log/checkpoint" "$W/kept"
check "a log without its checkpoint is refused" 3 "$("$B/tenmint-ca" check-config "$W/new/tenmint-ca.yaml" >"$W/said" 2>&1; echo $?)"
mv "$W/kept" "$W/new/log/checkpoint"

configure ""
start_server || exit 1
check "without a log the client says so" 0 "$(cert)"
check "… in words" 1 "$(grep -c 'the certificate has no SCT' "$W/said")"
check "… and --log-key refuses" 1 "$(cert --log-key "$KEY1")"
stop_server
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { tail -n 30 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
