#!/usr/bin/env bash
# A private Sigstore whose CA, logs and timestamp authority have their keys at a key service, each of
# four by its documented API (tests/support/fake_kms.py): it signs and verifies; only the process
# `keys` holds the credential; a service that is slow, busy, down or lies costs no more than it must.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
export HOME=$W
export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret/of+test AWS_REGION=eu-test-1
export AZURE_TENANT_ID=tenant AZURE_CLIENT_ID=client AZURE_CLIENT_SECRET='client secret'
export VAULT_TOKEN=static-token
fake() { # starts the services again on the same port, with the same keys; 20 ms a signature
    FAKE_KMS_PORT=${KMS_PORT:-0} python3 tests/support/fake_kms.py "$W/keys" 20 >"$W/fake.out" 2>"$W/fake.err" &
    FAKE_PID=$!
    PIDS="${PIDS:-} $FAKE_PID"
    wait_for "$W/fake.out" '[0-9]' || { cat "$W/fake.err"; exit 1; }
    KMS_PORT=$(cat "$W/fake.out")
    KMS=http://127.0.0.1:$KMS_PORT
}
fault() { curl -sS --max-time 10 -X PUT -d "{\"kind\":\"$1\",\"count\":$2}" "$KMS/_fault" >/dev/null; }
uri() { # SERVICE KEY
    case $1 in
    aws) echo "awskms:alias/$2?endpoint=$KMS" ;;
    vault) echo "vault:$2" ;;
    gcp) echo "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/$2/cryptoKeyVersions/1?endpoint=$KMS" ;;
    azure) echo "azurekv:test.vault.azure.net/$2?endpoint=$KMS" ;;
    esac
}
make_ca() { # SERVICE DIR
    says "$1: init" 0 "the server's key is" "$B/tenmint-ca" init "$2" --all --url "$URL" --ca-key "$(uri "$1" p256)" \
        --log-key "$(uri "$1" log)" --signature-log-key "$(uri "$1" siglog)" --timestamp-key "$(uri "$1" tsa)" \
        --audit-key "$(uri "$1" audit)"
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$2/issuers.yaml"
    sed -i "s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/" "$2/tenmint-ca.yaml"
    says "$1: check-config" 0 "backend uri" "$B/tenmint-ca" check-config "$2/tenmint-ca.yaml"
}
serve() { # DIR
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$1/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
    METRICS=http://$(address_of 'metrics listening')
}
stop() { kill "$CA_PID"; wait "$CA_PID"; check "$1: SIGTERM" 0 $?; }
body() { # a signing request
    local pub proof sub=repo:acme/widget:ref:refs/heads/main
    [ -s "$W/key" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
    pub=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
    proof=$(printf %s "$sub" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$pub" "$proof" >"$W/body"
}
ask() { # [curl's arguments]: one certificate; prints the status
    curl -sS --max-time 30 -o "$W/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
        --data-binary @"$W/body" "$@" "$URL/api/v2/signingCert"
}
answers() { [ "$(ask)" = "$1" ]; }
family() { # PID: its processes, and theirs
    local p
    for p in $(pgrep -P "$1"); do echo "$p"; family "$p"; done
}
holders() { # who has the token in its environment
    local p
    for p in $(family "$CA_PID"); do grep -aq 'static-token' "/proc/$p/environ" 2>/dev/null && echo "$p"; done
}
ready() { [ "$(curl -sS --max-time 10 -o "$W/ready" -w '%{http_code}' "$METRICS/readyz")" = "$1" ]; }
within_20s() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

start_issuer || exit 1
PORT=$(free_port)
URL=http://127.0.0.1:$PORT
mkdir "$W/keys"
fake
export VAULT_ADDR=$KMS AZURE_AUTHORITY_HOST=$KMS GCE_METADATA_HOST=127.0.0.1:$KMS_PORT

# ---- each service: a whole circle ----
for service in vault aws gcp azure; do
    D=$W/$service
    make_ca $service "$D"
    serve "$D"
    says "$service: trusted" 0 "" "$B/tenmint" trust init --root "$D/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$D.trust"
    mint >"$W/token"
    echo "of $service" >"$D.txt"
    sleep 1 # the windows begin in whole seconds
    says "$service: signed" 0 "" "$B/tenmint" sign --trust-dir "$D.trust" --token-file "$W/token" "$D.txt"
    says "$service: verifies" 0 "ok      log" "$B/tenmint" verify --dir "$D.trust" --bundle "$D.txt.sigstore.json" \
        --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$D.txt"
    stop $service
    check "$service: no credential in the log" 0 "$(grep -cE 'static-token|secret|tok-|ASIA' "$W/ca.log")"
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

# ---- rotation, live ----
says "rotate wants the next key" 1 "--ca-key URI names the next key" "$B/tenmint-ca" rotate "$D"
says "rotate" 0 "intermediate.uri" "$B/tenmint-ca" rotate "$D" --ca-key vault:next
says "activate" 0 "in service" "$B/tenmint-ca" rotate "$D" --activate
kill -HUP "$CA_PID"
wait_for "$W/ca.log" 'CA key and chain reloaded'; check "taken up" 0 $?
check "a certificate of the next key" 200 "$(ask)"
check "the URI" vault:next "$(cat "$D/intermediate.uri")"
cmp -s <(curl -sS --max-time 10 "$URL/api/v1/rootCert" | openssl x509 -noout -fingerprint) \
    <(openssl x509 -in "$D/chain.pem" -noout -fingerprint)
check "the new chain is served" 0 $?

# ---- the trust root: a holder and an online key ----
T=(--dir "$W/tuf")
says "tuf init" 0 "" "$B/tenmint-tuf" init "$W/tuf" --holders alice --threshold 1
says "a holder's key" 0 "fingerprint" "$B/tenmint-tuf" key new alice --key-uri "$(uri azure holder)" "${T[@]}"
says "shown" 0 "ecdsa" "$B/tenmint-tuf" key show alice --key-uri "$(uri azure holder)"
rm "$W/tuf/keys/online.pub" # init made one, in a file
says "an online key" 0 "fingerprint" "$B/tenmint-tuf" key new online --key-uri "$(uri gcp online)" "${T[@]}"
python3 - "$W/tuf/policy.yaml" "$(uri gcp online)" <<'P'
import re, sys
text = open(sys.argv[1]).read()
text = re.sub(r'(?m)^online-keys:\n(?:[ #].*\n)*', '', text)
open(sys.argv[1], 'w').write(text + "online-keys:\n  online: {key-uri: '%s'}\n" % sys.argv[2])
P
says "propose" 0 "" "$B/tenmint-tuf" propose "${T[@]}" --name first --reason first
says "sign" 0 "signed by alice" "$B/tenmint-tuf" sign "$W/tuf/events/first.json" --key-uri "$(uri azure holder)" \
    --digest "$("$B/tenmint-tuf" review "$W/tuf/events/first.json" | grep -oE '[0-9a-f]{64}' | tail -n 1)"
says "publish" 0 "" "$B/tenmint-tuf" publish "${T[@]}" "$W/tuf/events/first.json"
says "the tree verifies" 0 "" "$B/tenmint-tuf" verify "$W/tuf/published"

# ---- faults ----
fault 429 1
check "asked again when it is busy" 200 "$(ask)"
fault wrong-key 2
check "another key's signature is no certificate" 503 "$(ask)"
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

# ---- what is refused ----
says "no such key" 1 "no such key" "$B/tenmint-ca" init "$W/none" --ca-key vault:missing
says "no URI" 2 "no key's URI" "$B/tenmint-ca" init "$W/none2" --ca-key file:x
VAULT_TOKEN=wrong says "a wrong token" 3 "permission denied" "$B/tenmint-ca" check-config "$D/tenmint-ca.yaml"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
