#!/usr/bin/env bash
# Records of what was issued: no certificate leaves before its line is out, whatever happens to
# standard output; the process itself is held up by nothing.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
issue() { # prints the status; headers in $W/head, the body in $W/answer
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$PUB" "$PROOF" >"$W/body"
    curl -sS --max-time 25 -D "$W/head" -o "$W/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
        --data-binary @"$W/body" "$CA/api/v2/signingCert"
}
metric() { curl -sS --max-time 5 "$METRICS/metrics" | sed -n "s/^$1 //p"; }
healthz() { curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "$CA/healthz"; }
serve() { # OUTPUT [line of configuration]...: the CA with its standard output there
    local out=$1
    {
        echo "listen: 127.0.0.1:$(free_port)"
        echo "metrics-listen: 127.0.0.1:$(free_port)"
        printf '%s\n' "ca: {backend: ephemeral}" "issuers-file: issuers.yaml" "timeouts: {drain: 2s}" "${@:2}"
    } >"$W/ca.yaml"
    CA=http://$(sed -n 's/^listen: //p' "$W/ca.yaml")
    METRICS=http://$(sed -n 's/^metrics-listen: //p' "$W/ca.yaml")
    "$B/tenmint-ca" serve --config "$W/ca.yaml" >"$out" 2>"$W/ca.err" &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_until curl -sf "$CA/healthz" || { cat "$W/ca.err"; exit 1; }
}
ends() { # NAME: SIGTERM ends it, in time
    kill "$CA_PID"
    for _ in $(seq 100); do kill -0 "$CA_PID" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$CA_PID" 2>/dev/null
    wait "$CA_PID"
    check "$1: SIGTERM" 0 "$?"
}
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"

# A file: the line is there when the certificate is.
serve "$W/out"
check "a file: issued" 200 "$(issue)"
check "a file: its line" 1 "$(grep -c '"message":"issued"' "$W/out")"
ends "a file"

# A full disk: refused, counted, alive.
serve /dev/full
check "a full disk: refused" 503 "$(issue)"
check "a full disk: when to come back" 1 "$(grep -ci '^retry-after: [0-9]' "$W/head")"
check "a full disk: nothing leaves" 0 "$(grep -c CERTIFICATE "$W/answer")"
check "a full disk: healthz" 200 "$(healthz)"
check "a full disk: a bad request is no fault of ours" 400 "$(curl -sS --max-time 25 -o /dev/null -w '%{http_code}' \
    -H 'Content-Type: application/json' -d '{}' "$CA/api/v2/signingCert")"
check "a full disk: counted" 1 "$(metric 'tenmint_requests_refused_total{reason="audit"}')"
check "a full disk: told" 0 "$(metric tenmint_audit_working)"
check "a full disk: nothing counts as issued" 0 "$(metric tenmint_certificates_issued_total)"
ends "a full disk"

# The same, where the operator prefers certificates.
serve /dev/full "audit: best-effort"
check "best effort: issued" 200 "$(issue)"
for _ in $(seq 3); do issue >/dev/null; done
check "best effort: counted" 4 "$(metric tenmint_audit_lines_lost_total)"
ends "best effort"

# A reader that stalls, then reads on.
mkfifo "$W/pipe"
exec {hold}<>"$W/pipe"
serve "$W/pipe"
printf '{}' >"$W/empty"
for _ in $(seq 400); do
    curl -sS --max-time 5 -o /dev/null -w '%{http_code}\n' --data-binary @"$W/empty" \
        -H 'Content-Type: application/json' "$CA/api/v2/signingCert"
done | sort -u >"$W/statuses"
# Before the patience is over these are 400, and 503 once the log is known to be stuck.
check "a stalled reader: every request is answered" "" "$(grep -v '^\(400\|503\)$' "$W/statuses")"
check "a stalled reader: refused" 503 "$(issue)"
check "a stalled reader: healthz" 200 "$(healthz)"
check "a stalled reader: told" 0 "$(metric tenmint_audit_working)"
cat <&$hold >"$W/read" &
reader=$!
PIDS="$PIDS $reader"
works() { [ "$(metric tenmint_audit_working)" = 1 ]; }
wait_until works || fails=$((fails + 1))
check "the reader is back: issued" 200 "$(issue)"
has_line() { grep -q '"message":"issued"' "$W/read"; }
wait_until has_line || fails=$((fails + 1))
check "the reader is back: whole lines" 0 "$(grep -cv '^{.*}$' "$W/read")"
kill "$reader"
ends "a stalled reader"

# A pipe whose reader has gone.
serve >(exec sleep 0.3)
sleep 1
check "no reader: refused" 503 "$(issue)"
check "no reader: healthz" 200 "$(healthz)"
ends "no reader"

# A file of its own, rotated.
serve "$W/out" "audit-file: audit.jsonl"
check "audit-file: issued" 200 "$(issue)"
check "audit-file: its line" 1 "$(grep -c '"message":"issued"' "$W/audit.jsonl")"
id=$(sed -n 's/^X-Request-Id: \([0-9a-f]\{24\}\)\r*$/\1/Ip' "$W/head")
check "audit-file: the answer's id is in it" 1 "$(grep -c "\"request\":\"${id:-none}\"" "$W/audit.jsonl")"
check "audit-file: only there" 0 "$(grep -c '"message":"issued"' "$W/out")"
mv "$W/audit.jsonl" "$W/audit.jsonl.1"
check "audit-file, rotated: issued" 200 "$(issue)"
check "audit-file, rotated: the next line" 1 "$(grep -c '"message":"issued"' "$W/audit.jsonl")"
ends "audit-file"

# Words that are no policy.
sed 's/^audit-file.*/audit: sometimes/' "$W/ca.yaml" >"$W/bad.yaml"
"$B/tenmint-ca" check-config "$W/bad.yaml" >"$W/o" 2>&1
check "audit: sometimes" "3 1" "$? $(grep -c 'not one of required, best-effort' "$W/o")"

echo "$fails failed"
[ $fails -eq 0 ]
