#!/usr/bin/env bash
# The keys of the CA, the log, the signature log and the timestamps, each in a token (SoftHSM2) of its
# own. A token is taken away while nobody uses it: /readyz names it, what needs it answers 503 with the
# time to come again, the rest is served; it is back: the same process uses it again by itself.
# `make token-test`: an entry waits 20 s for a checkpoint before its 503.
set -u
B=${B:-build}
. "$(dirname "$0")/begin.bash"
MODULE=/usr/lib/softhsm/libsofthsm2.so
umask 077
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
echo 135790 >"$W/pin"
start_issuer || exit 1
"$B/tenmint-ca" init "$W/ca" --all --url http://127.0.0.1:5555 >/dev/null || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"

declare -A FOLDER # of each token, by its key's file
into_token() { # KEY: the configuration's `key: KEY.key` becomes a key in the token KEY
    openssl pkcs8 -topk8 -nocrypt -in "$W/ca/$1.key" -passin "file:$W/ca/password" -out "$W/$1.p8" 2>/dev/null &&
        softhsm2-util --init-token --free --label "$1" --pin 135790 --so-pin 24680123 >/dev/null &&
        softhsm2-util --import "$W/$1.p8" --token "$1" --pin 135790 --label "$1" --id 01 >/dev/null || exit 1
    FOLDER[$1]=$(for f in "$W"/tokens/*; do grep -qaF "$1" "$f/token.object" && basename "$f"; done | head -n 1)
    rm "$W/ca/$1.key" "$W/$1.p8"
    sed -i -e "/^ *key: $1.key$/{n;/password-file/d}" "$W/ca/tenmint-ca.yaml"
    sed -i -e "s,^\( *\)key: $1.key$,\1pkcs11-module: $MODULE\n\1pkcs11-token: $1\n\1pkcs11-key: $1\n\1pkcs11-pin-file: $W/pin," \
        "$W/ca/tenmint-ca.yaml"
}
for k in intermediate log siglog tsa; do into_token "$k"; done
sed -i 's/backend: file/backend: pkcs11/' "$W/ca/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
METRICS=http://$(address_of 'metrics listening')

# ---- what is asked: of each, status and Retry-After ----
ask() { curl -sS --max-time 30 -D "$W/head" -o "$W/answer" -w '%{http_code}' "$@"; }
retry() { grep -ci '^retry-after: [1-9]' "$W/head"; }
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s repo:acme/widget:ref:refs/heads/main | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
certificate() {
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$PUB" "$PROOF" >"$W/body"
    ask -H 'Content-Type: application/json' --data-binary "@$W/body" "$CA/api/v2/signingCert"
}
entry() {
    head -c 32 /dev/urandom >"$W/artifact"
    printf '{"hashedRekordRequestV002":{"digest":"%s","signature":{"content":"%s","verifier":{"publicKey":{"rawBytes":"%s"},"keyDetails":"PKIX_ECDSA_P256_SHA_256"}}}}' \
        "$(openssl dgst -sha256 -binary "$W/artifact" | base64 -w0)" \
        "$(openssl dgst -sha256 -sign "$W/key" "$W/artifact" | base64 -w0)" \
        "$(openssl pkey -in "$W/key" -pubout -outform DER | base64 -w0)" >"$W/body"
    ask --data-binary "@$W/body" "$CA/api/v2/log/entries"
}
timestamp() {
    openssl ts -query -data "$W/artifact" -sha256 -cert -out "$W/query" 2>/dev/null
    ask -H 'Content-Type: application/timestamp-query' --data-binary "@$W/query" "$CA/api/v1/timestamp"
}
is_ready() { [ "$(ask "$CA/readyz")" = 200 ]; }
says_not() { curl -sS --max-time 5 "$METRICS/readyz/checks" | grep -q "\"check\":\"$1\",\"ready\":false,[^}]*\"detail\":\"[^\"]*$2"; }
within_30s() { for _ in $(seq 300); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }
all_well() { [ "$(certificate) $(entry) $(timestamp)" = "200 201 200" ]; }

check "all four are ready" 0 "$(within_30s is_ready; echo $?)"
check "all four serve" "200 201 200" "$(certificate) $(entry) $(timestamp)"
pids=$(family "$CA_PID" | xargs)
# TOKEN, the check that names it and how, who needs it, what the others answer meanwhile
while read -r token check word needs others; do
    mv "$W/tokens/${FOLDER[$token]}" "$W/away"
    check "$token away: /readyz is 503" 0 "$(within_30s eval '! is_ready'; echo $?)"
    check "$token away: '$check' is named" 0 "$(within_30s says_not "$check" "$word"; echo $?)"
    check "$token away: the metrics name it" "tenmint_ready{check=\"$check\"} 0" \
        "$(curl -s "$METRICS/metrics" | grep -F "tenmint_ready{check=\"$check\"}")"
    check "$token away: who needs it hears 503" 503 "$($needs)"
    check "$token away: and when to come again" 1 "$(retry)"
    check "$token away: the rest is served" "$(echo "$others" | tr , ' ' | wc -w)" \
        "$(for o in ${others//,/ }; do $o; echo; done | grep -c '^20[01]$')"
    mv "$W/away" "$W/tokens/${FOLDER[$token]}"
    check "$token back: ready by itself" 0 "$(within_30s is_ready; echo $?)"
    check "$token back: all serve" 0 "$(within_30s all_well; echo $?)"
done <<'T'
intermediate signature token certificate entry,timestamp
log log key certificate entry,timestamp
siglog signature-log key entry certificate,timestamp
tsa timestamps key timestamp certificate,entry
T
check "the same processes all the time" "$pids" "$(family "$CA_PID" | xargs)"
kill -TERM "$CA_PID"
wait "$CA_PID"
check "SIGTERM: exit code" 0 $?
[ "$fails" = 0 ] || { grep -v '"message":"certificate issued"' "$W/ca.log" | tail -n 30; echo "$fails checks failed"; exit 1; }
