#!/usr/bin/env bash
# What a running server makes of an issuer's terms and of limits: each refusal with its reason, told
# to the job's owner as far as the token shows it, and counted by entry; planned changes come by
# themselves and are announced; a token is used once.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
fail() { echo "FAIL $*"; fails=$((fails + 1)); }
is() { if [ "$2" = "$3" ]; then echo "ok   $1"; else fail "$1: want '$2', got '$3'"; fi; }
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
openssl pkey -in "$W/key" -pubout -out "$W/pub"
ask() { # TOKEN: prints the status; reply in $W/answer, headers in $W/headers
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":%s},"proofOfPossession":"%s"}}' \
        "$1" "$(awk 'BEGIN{printf "\""} {printf "%s\\n", $0} END{printf "\""}' "$W/pub")" \
        "$(printf %s $SUB | openssl dgst -sha256 -sign "$W/key" | base64 -w0)" >"$W/body"
    curl -sS --max-time 20 -o "$W/answer" -D "$W/headers" -w '%{http_code}' \
        -H 'Content-Type: application/json' --data-binary @"$W/body" "$CA/api/v2/signingCert"
}
says() { grep -qF -e "$1" "$W/answer" && echo "ok   says: $1" || { fail "does not say '$1':"; cat "$W/answer"; }; }
list() { # KEYS: the list with these terms, and waits until it is in force
    printf 'oidc-issuers:\n  "%s":\n    issuer-url: "%s"\n    client-id: sigstore\n    type: github-workflow\n%b' \
        "$ISSUER" "$ISSUER" "$1" >"$W/next"
    mv "$W/next" "$W/issuers.yaml"
    [ -z "${CA_PID:-}" ] || wait_for "$W/ca.log" "\"digest\":\"$(sha256sum "$W/issuers.yaml" | cut -d' ' -f1)\""
}
metric() { curl -sS --max-time 10 "$METRICS/metrics" | grep -F "$1" | sed 's/.* //'; }
serve() { # LIMITS
    printf '%s\n' 'listen: 127.0.0.1:0' 'metrics-listen: 127.0.0.1:0' 'ca: {backend: ephemeral}' \
        'issuers-file: issuers.yaml' 'reload-interval: 1s' "$1" >"$W/ca.yaml"
    "$B/tenmint-ca" serve --config "$W/ca.yaml" --workers 2 >"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening) METRICS=http://$(address_of 'metrics listening')
}

start_issuer || exit 1
mkdir "$W/jwks"
CA_PID=
list ''
serve ''
is "a good request" 200 "$(ask "$(mint)")"
list '    allow: [{claim: repository, is: someone/else}]\n'
is "rules" 400 "$(ask "$(mint)")"
says 'There was an error processing the identity token: rules (request '
id=$(sed -n 's/^X-Request-Id: \([0-9a-f]*\).*/\1/Ip' "$W/headers")
says "(request $id)"
grep -q "\"reason\":\"rules\",.*repository is 'someone/else'.*\"request\":\"$id\"" "$W/ca.log" &&
    echo "ok   the log has the rule by the request's id" || fail "no line with the rule and $id"
list '    lifetime: 90s\n'
is "a shorter lifetime" 200 "$(ask "$(mint)")"
sed -n 's/.*"certificates":\["\([^"]*\)".*/\1/p' "$W/answer" | sed 's/\\n/\n/g' >"$W/leaf.pem"
from=$(date -d "$(openssl x509 -in "$W/leaf.pem" -noout -startdate | cut -d= -f2)" +%s)
to=$(date -d "$(openssl x509 -in "$W/leaf.pem" -noout -enddate | cut -d= -f2)" +%s)
is "of 90 s" 90 $((to - from))
list '    trial: true\n'
is "on trial" 400 "$(ask "$(mint)")"
says 'token: trial'
grep -q "\"reason\":\"trial\",.*'https://github.com/acme/widget/[^']*' would get a certificate" "$W/ca.log" &&
    echo "ok   the log says what it would have got" || fail "the trial's line"
is "the published list is without it" '{"issuers":[]}' "$(curl -sS --max-time 10 "$CA/api/v2/configuration")"
list ''
is "another audience" 400 "$(ask "$(mint '{"aud":"other"}')")"
says "aud is 'other', not 'sigstore'"
is "expired" 400 "$(ask "$(mint '{"exp":1000000000,"iat":999999000}')")"
says 'token: the token expired'
is "a stranger" 400 "$(ask "$(mint '{"iss":"https://stranger.example"}')")"
says "'https://stranger.example' is not trusted"

# a planned change comes by itself
soon=$(date -u -d '+5 seconds' +%Y-%m-%dT%H:%M:%SZ)
list "    not-after: $soon\n"
is "before its end" 200 "$(ask "$(mint)")"
grep -q "\"trust in an issuer will change\",.*\"key\":\"not-after\",\"at\":\"$soon\"" "$W/ca.log" &&
    echo "ok   announced" || fail "not announced"
is "and in the metrics" "$(date -d "$soon" +%s)" "$(metric 'tenmint_issuer_trust_change_timestamp_seconds{')"
wait_for "$W/ca.log" '"trust in an issuer has changed"'
is "after its end" 400 "$(ask "$(mint)")"
says 'token: issuer_term'
is "open no more" 0 "$(metric 'tenmint_issuer_open{')"
is "and no longer published" '{"issuers":[]}' "$(curl -sS --max-time 10 "$CA/api/v2/configuration")"

# counted by entry
is "issued, by entry" 3 "$(metric "tenmint_issuer_certificates_issued_total{issuer=\"$ISSUER\"}")"
is "refused by reason, by entry" 1 "$(metric "tenmint_issuer_requests_refused_total{issuer=\"$ISSUER\",reason=\"trial\"}")"

# pinned keys, in the sandbox, replaced while it runs; an issuer that is down
curl -sS --max-time 10 "$ISSUER/jwks" >"$W/jwks.json" 2>/dev/null
jwks=$(curl -sS --max-time 10 "$ISSUER/.well-known/openid-configuration" | sed -n 's/.*"jwks_uri": *"\([^"]*\)".*/\1/p')
curl -sS --max-time 10 "$jwks" >"$W/jwks/ours.json"
kill "$CA_PID"; wait "$CA_PID" 2>/dev/null
list '    jwks-file: ours.json\n' 2>/dev/null
serve $'limits: {identity-per-minute: 2, single-use-tokens: true}\noidc: {skew: 1s}'
is "one that could have been used before this server was there" 503 "$(ask "$(mint)")"
is "of one without iat it never can be told" 400 "$(ask "$(mint '{"iat":null}')")"
says 'token: claims'
for _ in $(seq 100); do
    token=$(mint)
    status=$(ask "$token")
    [ "$status" != 503 ] && break
    sleep 0.1
done
is "by pinned keys" 200 "$status"
other=$(mint '{"jti":"another"}')
third=$(mint '{"jti":"a third"}')
is "a token again" 400 "$(ask "$token")"
says 'token: token_used'
printf '{"keys":[]}' >"$W/jwks/next" && mv "$W/jwks/next" "$W/jwks/ours.json"
wait_for "$W/ca.log" '"issuer keys not fetched"' && echo "ok   a damaged file is told of" ||
    fail "a damaged file is told of"
is "which took nothing of the limits" 200 "$(ask "$other")"
is "too many for an identity" 429 "$(ask "$third")"
says '"code":8'
grep -qi '^Retry-After: [1-9]' "$W/headers" && echo "ok   with Retry-After" || fail "no Retry-After"
is "counted" 1 "$(metric "tenmint_requests_refused_total{reason=\"limit\"}")"

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
