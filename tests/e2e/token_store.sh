#!/usr/bin/env bash
# Two servers share used tokens by a real Redis server: a token is good for one certificate of both,
# also while the store is killed, hangs, forgets, or wants another password; what cannot be told is 503
# with Retry-After, and no connection is waited for longer than the time-out.
set -u
command -v redis-server >/dev/null || { echo "redis-server is missing: apt-get install redis-server" >&2; exit 1; }
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
STORE=
trap '[ -z "$STORE" ] || kill -9 "$STORE" 2>/dev/null; stop_all; rm -rf "$W"' EXIT
fail() { echo "FAIL $*"; fails=$((fails + 1)); }
is() { check "$@"; }
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
openssl pkey -in "$W/key" -pubout -out "$W/pub"
body() { # TOKEN: the request
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":%s},"proofOfPossession":"%s"}}' \
        "$1" "$(awk 'BEGIN{printf "\""} {printf "%s\\n", $0} END{printf "\""}' "$W/pub")" \
        "$(printf %s $SUB | openssl dgst -sha256 -sign "$W/key" | base64 -w0)" >"$W/body"
}
send() { # SERVER: prints the status; reply in $W/answer, headers in $W/headers
    curl -sS --max-time 20 -o "$W/answer" -D "$W/headers" -w '%{http_code}' \
        -H 'Content-Type: application/json' --data-binary @"$W/body" "$1/api/v2/signingCert"
}
ask() { body "$2"; send "$1"; } # SERVER TOKEN
says() { grep -qF -e "$1" "$W/answer" && echo "ok   says: $1" || { fail "does not say '$1':"; cat "$W/answer"; }; }
again() { grep -qi '^Retry-After: [1-9]' "$W/headers" && echo "ok   with Retry-After" || fail "no Retry-After"; }
cli() { REDISCLI_AUTH=${PASSWORD:-secret} redis-cli --no-auth-warning --tls --cacert "$W/store.pem" -p "$PORT" "$@"; }
store() { # starts the store, with TLS, on $PORT or on a free one
    for _ in $(seq 20); do
        [ -n "${PORT:-}" ] || PORT=$((20000 + RANDOM % 12000))
        redis-server --port 0 --tls-port "$PORT" --bind 127.0.0.1 --tls-cert-file "$W/store.pem" \
            --tls-key-file "$W/store.key" --tls-ca-cert-file "$W/store.pem" --tls-auth-clients no \
            --requirepass "${PASSWORD:-secret}" --save '' --appendonly yes --appendfsync always \
            --dir "$W" >"$W/store.log" 2>&1 &
        STORE=$!
        for _ in $(seq 100); do
            [ "$(cli ping 2>/dev/null)" = PONG ] && return 0
            kill -0 "$STORE" 2>/dev/null || break
            sleep 0.1
        done
        PORT=
    done
    fail "the store does not start"; cat "$W/store.log"; exit 1
}
serve() { # NAME MORE
    printf '%s\n' 'listen: 127.0.0.1:0' 'metrics-listen: 127.0.0.1:0' 'ca: {backend: ephemeral}' \
        'issuers-file: issuers.yaml' 'limits:' '  single-use-tokens: true' \
        "  single-use-store: rediss://localhost:$PORT/2" '  single-use-ca-file: store.pem' \
        '  single-use-password-file: password' '  single-use-timeout: 500ms' "$2" 'oidc: {skew: 1s}' >"$W/$1.yaml"
    begin_server "$1"
}
begin_server() { # NAME
    "$B/tenmint-ca" serve --config "$W/$1.yaml" --workers 2 >"$W/$1.log" 2>&1 &
    SERVER=$!
    PIDS="$PIDS $SERVER"
    wait_for "$W/$1.log" '"message":"listening"' || { cat "$W/$1.log"; exit 1; }
    cp "$W/$1.log" "$W/ca.log"
    ADDRESS=http://$(address_of listening) METRICS=http://$(address_of 'metrics listening')
}
lines() { grep -cF "$2" "$W/$1.log"; }
wait_lines() { # NAME TEXT COUNT
    for _ in $(seq 200); do [ "$(lines "$1" "$2")" -ge "$3" ] && return 0; sleep 0.1; done
    fail "$1 does not say $3 times: $2"; tail -3 "$W/$1.log"; return 1
}
mint_now() { mint "{\"jti\":\"$RANDOM-$RANDOM-$RANDOM\"}"; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/store.key" -out "$W/store.pem" \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -days 2 2>/dev/null
(umask 077 && echo secret >"$W/password")
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s":\n    issuer-url: "%s"\n    client-id: sigstore\n    type: github-workflow\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
store
serve one ''
ONE=$ADDRESS
serve two ''
TWO=$ADDRESS
wait_lines one 'the store of used tokens is there' 1
wait_lines two 'the store of used tokens is there' 1
is "it has long been there" OK "$(cli -n 2 set tenmint:used:begin 1)"

token=$(mint_now)
is "a token" 200 "$(ask "$ONE" "$token")"
is "again, at the other server" 400 "$(ask "$TWO" "$token")"
says token_used
is "and at the first" 400 "$(ask "$ONE" "$token")"
body "$(mint_now)"
for i in 1 2 3 4 5 6 7 8; do # the same one at once, at both
    for server in "$ONE" "$TWO"; do
        curl -sS --max-time 20 -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
            --data-binary @"$W/body" "$server/api/v2/signingCert" >>"$W/race" &
        RACERS="${RACERS:-} $!"
    done
done
wait $RACERS
is "of sixteen at once one gets it" "1 200,15 400," "$(sort "$W/race" | uniq -c | sed 's/^ *//' | tr '\n' ',')"

# killed: at once 503, and not ready; back, with what it had on its disk
kill -9 "$STORE"; wait "$STORE" 2>/dev/null
wait_lines two 'the store of used tokens is away' 1
is "what this server has let in it knows" 400 "$(ask "$ONE" "$token")"
body "$(mint_now)"
began=$(date +%s%N)
is "the store is gone" 503 "$(send "$ONE")"
took=$(( ($(date +%s%N) - began) / 1000000 ))
[ "$took" -lt 3000 ] && echo "ok   said within $took ms" || fail "it took $took ms"
again
says 'It cannot be told now whether the token was used before'
is "up, in the metrics" 0 "$(curl -sS --max-time 10 "$METRICS/metrics" | sed -n 's/^tenmint_token_store_up //p')"
for _ in $(seq 100); do
    ready=$(curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "$METRICS/readyz")
    [ "$ready" = 503 ] && break
    sleep 0.1
done
is "not ready" 503 "$ready"
store
wait_lines one 'the store of used tokens is there' 2
wait_lines two 'the store of used tokens is there' 2
is "a used one, after its restart" 400 "$(ask "$TWO" "$token")"
is "a new one, after its restart" 200 "$(ask "$TWO" "$(mint_now)")"

# hangs
fresh=$(mint_now)
kill -STOP "$STORE"
began=$(date +%s%N)
is "it does not answer" 503 "$(ask "$ONE" "$fresh")"
took=$(( ($(date +%s%N) - began) / 1000000 ))
[ "$took" -lt 8000 ] && echo "ok   said within $took ms" || fail "it took $took ms"
for _ in $(seq 100); do # the client tries again; it answers while one of these waits in front of a look
    send "$ONE" >"$W/status" &
    asks=$!
    sleep 0.2
    ! kill -0 $asks 2>/dev/null || kill -CONT "$STORE"
    wait $asks
    status=$(cat "$W/status")
    [ "$status" != 503 ] && break
done
is "the same token, when it answers" 200 "$status"
wait_lines one 'the store of used tokens is there' 3

# forgets: of a token that is older nothing can be told
old=$(mint "{\"jti\":\"old-$RANDOM\",\"iat\":$(($(date +%s) - 30))}")
is "forgets" OK "$(cli flushall)"
is "a used token, after that" 503 "$(ask "$TWO" "$token")"
is "an older one" 503 "$(ask "$TWO" "$old")"
for _ in $(seq 100); do # tokens tell whole seconds, and may be ahead by the skew
    status=$(ask "$TWO" "$(mint_now)")
    [ "$status" = 200 ] && break
    sleep 0.1
done
is "a newer one" 200 "$status"

# another password
is "another password" OK "$(cli config set requirepass other)"
PASSWORD=other
cli client kill type normal skipme yes >/dev/null
is "with the wrong password" 503 "$(ask "$ONE" "$(mint_now)")" # nor is the next look waited for
wait_lines one 'AUTH is refused' 1
grep -F 'AUTH is refused' "$W/one.log" | grep -q secret && fail "the log has the password" || echo "ok   the password is in no line"
(umask 077 && echo other >"$W/next") && mv "$W/next" "$W/password"
wait_lines one 'the store of used tokens is there' 4
is "the file is read anew" 200 "$(ask "$ONE" "$(mint_now)")"

# a command that it refuses is that command's own
serve four '  identity-per-minute: 1'
FOUR=$ADDRESS
wait_lines four 'the store of used tokens is there' 1
"$B/tenmint-ca" check-config --online "$W/four.yaml" >"$W/out" 2>&1
is "check-config logs in" 0 $?
is "without EVAL" OK "$(cli acl setuser default -eval)"
is "the first of an identity" 200 "$(ask "$FOUR" "$(mint_now)")"
for i in 1 2 3; do is "over its limit, $i" 429 "$(ask "$FOUR" "$(mint_now)")"; done
wait_lines four 'could not be given back: it counts as used' 3
is "others get theirs" 200 "$(ask "$ONE" "$(mint_now)")"
"$B/tenmint-ca" check-config --online "$W/four.yaml" >"$W/out" 2>&1
is "check-config tries it" 3 $?
grep -qF 'the store of used tokens: EVAL is refused: NOPERM' "$W/out" && echo "ok   and says so" || { fail "says:"; cat "$W/out"; }
cli client kill type normal skipme yes >/dev/null
is "nor is it there without" 503 "$(ask "$FOUR" "$(mint_now)")"
wait_lines four 'EVAL is refused' 4
is "with EVAL" OK "$(cli acl setuser default +eval)"

# one that may evict keys forgets some, and does not know which
looks_evicting() { # WORD: exit code and words of check-config
    "$B/tenmint-ca" check-config --online "$W/four.yaml" >"$W/out" 2>&1
    is "check-config" "$1" $?
    grep -qF -e "$2" "$W/out" && echo "ok   says: $2" || { fail "does not say '$2':"; cat "$W/out"; }
}
there=$(lines one 'the store of used tokens is there')
is "a bound of its memory" OK "$(cli config set maxmemory 100mb)"
is "with a policy that evicts" OK "$(cli config set maxmemory-policy volatile-lru)"
looks_evicting 3 'it may evict keys (maxmemory 104857600, maxmemory-policy volatile-lru): want maxmemory-policy noeviction'
cli client kill type normal skipme yes >/dev/null # it is looked at each connection, and once a minute
is "a store that evicts is none" 503 "$(ask "$ONE" "$(mint_now)")"
wait_lines one 'it may evict keys' 1
is "and none" OK "$(cli config set maxmemory-policy noeviction)"
wait_lines one 'the store of used tokens is there' $((there + 1))
is "one that does not is one" 200 "$(ask "$ONE" "$(mint_now)")"
looks_evicting 0 "used tokens: rediss://localhost:$PORT/2"
is "without INFO" OK "$(cli acl setuser default -info)"
cli client kill type normal skipme yes >/dev/null
is "it cannot be seen" 200 "$(ask "$ONE" "$(mint_now)")"
wait_lines one 'its user needs +info' 1
looks_evicting 0 'warning: the store of used tokens does not say whether it evicts keys: INFO is refused'
is "with INFO" OK "$(cli acl setuser default +info)"

# when-unknown: allow lets in what nobody can tell of, once
kill -9 "$STORE"; wait "$STORE" 2>/dev/null
STORE=
serve three '  when-unknown: allow'
token=$(mint_now)
is "allow, while it is away" 200 "$(ask "$ADDRESS" "$token")"
is "and not again" 400 "$(ask "$ADDRESS" "$token")"
says token_used
there=$(lines two 'the store of used tokens is there')
PASSWORD=other store
wait_lines three 'the store of used tokens is there' 1
wait_lines two 'the store of used tokens is there' $((there + 1))
is "nor at another server, when it is back" 400 "$(ask "$TWO" "$token")"
says token_used

# in its own memory: the next generation knows what was used, and since when
printf '%s\n' 'listen: 127.0.0.1:0' 'metrics-listen: 127.0.0.1:0' 'ca: {backend: ephemeral}' 'oidc: {skew: 1s}' \
    'issuers-file: issuers.yaml' 'limits: {single-use-tokens: true}' >"$W/five.yaml"
begin_server five
for _ in $(seq 100); do # until it has begun to remember
    token=$(mint_now)
    status=$(ask "$ADDRESS" "$token")
    [ "$status" = 200 ] && break
    sleep 0.1
done
is "a token" 200 "$status"
fresh=$(mint_now)
echo 'timeouts: {drain: 31s}' >>"$W/five.yaml"
kill -HUP "$SERVER"
wait_lines five 'the next generation serves' 1
is "the same, in the next generation" 400 "$(ask "$ADDRESS" "$token")"
says token_used
is "one that is older than it" 200 "$(ask "$ADDRESS" "$fresh")"

# what the configuration refuses
refused() { # LIMITS WORDS
    printf '%s\n' 'ca: {backend: ephemeral}' 'issuers-file: issuers.yaml' "limits: {$1}" >"$W/bad.yaml"
    "$B/tenmint-ca" check-config "$W/bad.yaml" >"$W/out" 2>&1
    is "refused: $1" 3 $?
    grep -qF -e "$2" "$W/out" && echo "ok   says: $2" || { fail "does not say '$2'"; cat "$W/out"; }
}
refused 'single-use-tokens: true, single-use-store: "redis://db.example"' 'is read by everybody on the way'
refused 'single-use-tokens: true, single-use-store: "rediss://u:pw@db.example"' 'a password belongs in a file'
refused 'single-use-tokens: true, single-use-store: "http://db.example"' 'not of the form redis://'
refused 'single-use-tokens: true, single-use-store: "redis://localhost/x"' 'not of the form redis://'
refused 'single-use-store: "rediss://db.example"' 'without single-use-tokens'
refused 'single-use-tokens: true, single-use-password-file: p' 'nothing uses its password'

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
