#!/usr/bin/env bash
# A server of any subset of parts: CA, log of certificates, log of signatures, timestamps, TUF files.
# What it has answers, what it has not is a 404 with a word; readiness and metrics follow.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
umask 077

"$B/tenmint-ca" init "$W/ca" --log-origin ca.example.com/log >/dev/null || exit 1
"$B/tenmint-ca" log create "$W/ca/siglog" --signatures --origin rekor.example.com \
    --password-file "$W/ca/password" >/dev/null || exit 1
(
    cd "$W/ca" || exit 1
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.pem \
        -subj /CN=tsa -days 30 -config <(printf '[req]\ndistinguished_name=d\n[d]\n[x]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=critical,CA:false\n') \
        -extensions x 2>/dev/null
) || exit 1
trust_workspace && mkdir -p "$W/tuf/targets" && echo x >"$W/tuf/targets/x" && ceremony first first alice bob >/dev/null || exit 1

declare -A section=(
    [certificates]=$'ca: {chain: chain.pem, backend: file, key: intermediate.key, password-file: password}\nissuers-file: issuers.yaml\n'
    [ct]=$'ct: {embedded: {directory: log, origin: ca.example.com/log, key: log.key, password-file: password}}\n'
    [signatures]=$'signature-log: {directory: siglog, origin: rekor.example.com, key: siglog.key, password-file: password}\n'
    [timestamps]=$'timestamp-authority: {chain: tsa.pem, key: tsa.key}\n'
    [tuf]="tuf: {directory: '$W/tuf/published'}"$'\n'
)
declare -A path=(
    [certificates]=/api/v2/trustBundle [ct]=/log/checkpoint [signatures]=/api/v2/checkpoint
    [timestamps]=/api/v1/timestamp/certchain [tuf]=/tuf/timestamp.json
)
declare -A word=(
    [certificates]='issues no certificates' [ct]='has no log of certificates'
    [signatures]='has no signature log' [timestamps]='makes no timestamps' [tuf]='has no TUF repository'
)
declare -A figure=(
    [certificates]=tenmint_ca_certificate_expiry_seconds [ct]=tenmint_log_size
    [signatures]=tenmint_siglog_size [timestamps]=tenmint_tsa_certificate_expiry_seconds [tuf]=tenmint_tuf_whole
)
declare -A check=(
    [certificates]=signature [ct]= [signatures]=signature-log [timestamps]=timestamps [tuf]=
)
all='certificates ct signatures timestamps tuf'
serve() { start_server --config "$W/ca/tenmint-ca.yaml" || exit 1; }
get() { curl -sS --max-time 20 -o "$W/reply" -w '%{http_code}' "$1"; }
is_ready() { [ "$(get "$CA/readyz")" = 200 ]; }
has() { grep -q "^$1[ {]" "$W/metrics"; }
TRACE=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
refused() { # NAME PATH MESSAGE: of the line that says why, with the ids of the request and of who asked
    local id
    id=$(curl -sS --max-time 20 -o /dev/null -D - -H "traceparent: $TRACE" -H 'Content-Type: application/json' -d x "$CA$2" |
        tr -d '\r' | sed -n 's/^x-request-id: //pI')
    said() { grep -q "\"message\":\"$3\".*\"request\":\"${id:-none}\",\"traceparent\":\"$TRACE\"" "$W/ca.log"; }
    check "$1: its line has both ids" 0 "$(wait_until said "$@"; echo $?)"
}
one() { # PART...
    local part
    { printf 'listen: 127.0.0.1:0\nmetrics-listen: 127.0.0.1:0\n'; for part in "$@"; do printf %s "${section[$part]}"; done; } >"$W/ca/tenmint-ca.yaml"
    says "check-config: $*" 0 ok "$B/tenmint-ca" check-config "$W/ca/tenmint-ca.yaml"
    serve
    check "$*: it lives" 200 "$(get "$CA/healthz")"
    check "$*: it is ready" 0 "$(wait_until is_ready; echo $?)"
    get "$METRICS/metrics" >/dev/null
    cp "$W/reply" "$W/metrics"
    get "$METRICS/readyz/checks" >/dev/null
    cp "$W/reply" "$W/checks"
    for part in $all; do
        if [[ " $* " == *" $part "* ]]; then
            check "$*: $part" 200 "$(get "$CA${path[$part]}")"
            has "${figure[$part]}" || check "$*: its figure ${figure[$part]}" there missing
            [ -z "${check[$part]}" ] || grep -q "\"check\":\"${check[$part]}\"" "$W/checks" || check "$*: its check" there missing
        else
            check "$*: no $part" 404 "$(get "$CA${path[$part]}")"
            grep -q "Not Found: this server ${word[$part]}" "$W/reply" || check "$*: a word about $part" there "$(cat "$W/reply")"
            ! has "${figure[$part]}" || check "$*: a figure of $part" missing there
            [ -z "${check[$part]}" ] || ! grep -q "\"check\":\"${check[$part]}\"" "$W/checks" || check "$*: a check of $part" missing there
        fi
    done
    check "$*: any other path" '{"code":5,"message":"Not Found","details":[]}' "$(get "$CA/other" >/dev/null; cat "$W/reply")"
    check "$*: a POST that asks before its body" 404 "$(curl -sS --max-time 20 -o "$W/reply" -w '%{http_code}' -H 'Expect: 100-continue' -d aaaa "$CA/nope")"
    if [ "$*" = "$all" ]; then
        refused "a certificate" /api/v2/signingCert refused
        refused "an entry" /api/v2/log/entries "no log entry"
        refused "a timestamp" /api/v1/timestamp "no timestamp"
    fi
    kill -HUP "$CA_PID"
    check "$*: it lives after a reload" 200 "$(sleep 0.3; get "$CA/healthz")"
    kill "$CA_PID"; wait "$CA_PID"; check "$*: SIGTERM" 0 $?
}
one signatures
one timestamps
one ct
one tuf
one signatures timestamps
one tuf ct
one certificates
one certificates timestamps
one certificates signatures
one $all
{ printf "listen: 127.0.0.1:0\nmetrics-listen: 127.0.0.1:0\n"; printf %s "${section[signatures]}" "${section[timestamps]}"; } >"$W/ca/tenmint-ca.yaml"
serve
check "a POST to a signing route without a CA" 404 "$(curl -sS --max-time 20 -o "$W/reply" -w "%{http_code}" -H "Content-Type: application/json" -d "{}" "$CA/api/v2/signingCert")"
stop_all
printf 'listen: 127.0.0.1:0\n' >"$W/ca/bad.yaml"
says "nothing to serve" 3 'nothing to serve' "$B/tenmint-ca" serve --config "$W/ca/bad.yaml"
printf 'listen: 127.0.0.1:0\nissuers-file: issuers.yaml\n%s' "${section[timestamps]}" >"$W/ca/bad.yaml"
says "half a CA" 3 "'ca' needs 'backend'" "$B/tenmint-ca" check-config "$W/ca/bad.yaml"
printf 'listen: 127.0.0.1:0\nca: {backend: ephemeral}\n%s' "${section[timestamps]}" >"$W/ca/bad.yaml"
says "the other half" 3 "'issuers-file' is missing" "$B/tenmint-ca" check-config "$W/ca/bad.yaml"
[ $fails -eq 0 ] || { tail -n 5 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
