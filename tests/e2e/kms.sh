#!/usr/bin/env bash
# A private Sigstore whose CA, logs and timestamp authority have their keys at a key service, each of
# four by its documented API (tests/support/fake_kms.py): it signs and verifies; only the process
# `keys` holds the credential; a service that is slow, busy, down or lies costs no more than it must.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
. tests/kms.bash
start_issuer || exit 1
URL=http://127.0.0.1:$(free_port)
fakes

# ---- each service: a whole circle ----
for service in vault aws gcp azure; do
    D=$W/$service
    make_ca $service "$D"
    says "rotate wants the next key" 1 "--ca-key URI names the next key" "$B/tenmint-ca" rotate "$D"
    serve "$D"
    trusts "$D"
    signs "$D" before
    every_role $service "$D"
    stop $service
    says_no_secret $service
done
check "no key was written" "root.key tsa-intermediate.key tsa-root.key tuf-admin.key tuf-online.key" \
    "$(cd "$W/aws" && ls -d *.key | tr '\n' ' ' | sed 's/ $//')"

# ---- who holds the credential ----
D=$W/vault
serve "$D"
check "one process has the token" 1 "$(holders | wc -l)"

# ---- many at once ----
body
check "a certificate" 200 "$(ask)"
before=$(date +%s%N)
seq 100 | xargs -P 25 -I{} curl -sS --max-time 30 -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
    --data-binary @"$W/body" "$URL/api/v2/signingCert" | sort | uniq -c >"$W/statuses"
check "100 certificates, 25 at once" "100 200" "$(awk '{print $1, $2}' "$W/statuses")"
echo "     100 certificates of three signatures of 20 ms each: $((($(date +%s%N) - before) / 1000000)) ms"
most=$(curl -sS --max-time 10 "$KMS/_stats" | grep -o '"most": [0-9]*' | grep -o '[0-9]*$')
[ "$most" -ge 8 ] && check "signatures were under way at once" yes yes || check "signatures were under way at once" "8 or more" "$most"
curl -sS --max-time 10 "$METRICS/metrics" >"$W/metrics"
check "the CA's signatures are counted" 1 "$(grep -c '^tenmint_ca_key_service_seconds_count [0-9][0-9][0-9]$' "$W/metrics")"
check "and the log's" 1 "$(grep -c '^tenmint_log_key_service_up 1$' "$W/metrics")"

# ---- faults ----
fault 429 1
check "asked again when it is busy" 200 "$(ask)"
fault wrong-key 100000
check "another key's signature is no certificate" 503 "$(ask)"
within_20s ready 503; check "a service that lies is none: not ready" 0 $?
fault none 0
within_20s answers 200; check "and is over when it is over" 0 $?
grep -q 'no signature by this key' "$W/ca.log"; check "and the log says so" 0 $?
kill -9 "$FAKE_PID"; wait "$FAKE_PID" 2>/dev/null
check "down: 503" 503 "$(ask -D "$W/head")"
grep -qi '^Retry-After: ' "$W/head"; check "with Retry-After" 0 $?
begun=$(date +%s%N)
check "down: at once" 503 "$(ask)"
[ $((($(date +%s%N) - begun) / 1000000)) -lt 3000 ] && check "within 3 s" yes yes || check "within 3 s" yes no
within_20s ready 503; check "not ready" 0 $?
because() { curl -sS --max-time 10 "$METRICS/readyz/checks" | grep -q '"check":"signature","ready":false'; }
within_20s because
check "because of the signature" 0 $?
NAME=$(sed -n 's/.*__name__=~"\([^"]*_up\)".*/\1/p' config/tenmint-alerts.yaml) # KeyServiceGone's series
curl -sS --max-time 10 "$METRICS/metrics" | grep -E "^$NAME 0\$" | grep -q '^tenmint_ca_key_service_up 0$'
check "the metric says it, too" 0 $?
curl -sS --max-time 10 "$METRICS/metrics" | grep -oE '^tenmint_[a-z_]*_key_service_up' >"$W/series"
check "the alert hears every role's key" "$(sort -u "$W/series" | wc -l) of 5" "$(grep -cE "^$NAME\$" "$W/series") of 5"
check "of five roles" 5 "$(wc -l <"$W/series")"
fake
within_20s answers 200; check "back: certificates again" 0 $?
within_20s ready 200; check "ready again" 0 $?
grep -q 'it signs again' "$W/ca.log"; check "the log says so" 0 $?
kill -9 $(holders) # the service ends with it
wait "$CA_PID"; check "without its process for keys it ends" 1 $?
grep -q '"process":"keys"\|keys.*was killed' "$W/ca.log"; check "and says which" 0 $?

# ---- one key ----
for service in vault aws gcp azure; do
    says "key show of $service" 0 "ECDSA" "$B/tenmint-ca" key show "$(uri $service p256)"
    grep -q 'BEGIN PUBLIC KEY' "$W/said"; check "its public half" 0 $?
done
says "as JSON" 0 '"signs":true' "$B/tenmint-ca" key show vault:rsa --json
says "one that does not sign" 1 "no such key" "$B/tenmint-ca" key show vault:missing
says "no key" 2 "no key's URI" "$B/tenmint-ca" key show p256

# ---- an Ed25519 signature log: who cannot read it is said when it is made, and when it is looked at ----
REFUSED="has no ECDSA key: policy-controller refuses the whole trusted root"
says "an Ed25519 signature log" 0 "warning: the signature log '127.0.0.1' $REFUSED" "$B/tenmint-ca" init "$W/ed" --all --url "$URL" \
    --signature-log-key "$(uri gcp ed25519)"
cp "$D/issuers.yaml" "$W/ed"
says "check-config says it" 0 "warning: the signature log '127.0.0.1' $REFUSED" "$B/tenmint-ca" check-config "$W/ed/tenmint-ca.yaml"
says "the trusted root's tool says it" 0 "$REFUSED" "$B/tenmint-tuf" trust show --dir "$W/ed/tuf"
says "log create says it" 0 "warning: the signature log 'two.example.com' $REFUSED" "$B/tenmint-ca" log create "$W/two" --signatures \
    --origin two.example.com --key-uri "$(uri vault ed25519)"
says "log rotate says it" 0 "warning: the signature log '127.0.0.1' $REFUSED" "$B/tenmint-ca" log rotate "$W/ed/tenmint-ca.yaml" 2027 --signatures \
    --key-uri "$(uri vault ed25519)"
says "of ECDSA nothing is said" 0 "" "$B/tenmint-ca" check-config "$D/tenmint-ca.yaml"
check "of ECDSA nothing is said" 0 "$(grep -c "$REFUSED" "$W/said")"

# ---- what is refused ----
says "no such key" 1 "no such key" "$B/tenmint-ca" init "$W/none" --ca-key vault:missing
says "no URI" 2 "no key's URI" "$B/tenmint-ca" init "$W/none2" --ca-key file:x
VAULT_TOKEN=wrong says "a wrong token" 3 "permission denied" "$B/tenmint-ca" check-config "$D/tenmint-ca.yaml"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
