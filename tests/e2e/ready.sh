#!/usr/bin/env bash
# Readiness: /readyz says whether certificates can be issued, and a load balancer that asks it
# (HAProxy) loses nearly no request when the log of one of two nodes dies.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
status() { curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "$1"; }
is() { [ "$(status "$1")" = "$2" ]; }
within_15s() { # COMMAND...
    for _ in $(seq 150); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
    echo "not within 15 s: $*" >&2
    return 1
}
log_of() { # NODE: a log for it; sets LOG, LOG_KEY and LOG_PID
    mkfifo "$W/$1.in"
    "$B/tests/fake_log" <"$W/$1.in" >"$W/$1.out" 2>&1 &
    LOG_PID=$!
    PIDS="${PIDS:-} $LOG_PID"
    exec {hold}>"$W/$1.in"
    wait_for "$W/$1.out" /tmp/ || exit 1
    LOG=$(sed -n 1p "$W/$1.out")
    LOG_KEY=$(sed -n 2p "$W/$1.out")
}
node() { # NODE: a CA with that log; sets CA and METRICS
    cat >"$W/$1.yaml" <<TEXT
listen: 127.0.0.1:$(free_port)
metrics-listen: 127.0.0.1:$(free_port)
ca: {backend: ephemeral}
issuers-file: issuers.yaml
ct: {deadline: 2s, logs: {one: {url: '$LOG', public-key: $LOG_KEY, timeout: 1s}}}
TEXT
    CA=http://$(sed -n 's/^listen: //p' "$W/$1.yaml")
    METRICS=http://$(sed -n 's/^metrics-listen: //p' "$W/$1.yaml")
    "$B/tenmint-ca" serve --config "$W/$1.yaml" >"$W/$1.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_until curl -sf "$CA/healthz" || { cat "$W/$1.log"; exit 1; }
}
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
    "$(mint)" "$PUB" "$PROOF" >"$W/body"
issued_of_100() { # how many of 100 requests, eight at once, have a certificate
    seq 100 | xargs -P 8 -I{} curl -s --max-time 20 -o /dev/null -w '%{http_code}\n' \
        -H 'Content-Type: application/json' --data-binary @"$W/body" "$FRONT/api/v2/signingCert" |
        grep -c '^200$'
}

log_of a; node a; A=$CA
log_of b; node b; BAD=$CA BAD_METRICS=$METRICS BAD_LOG=$LOG_PID
check "a node with its log becomes ready" 0 "$(within_15s is "$A/readyz" 200; echo $?)"
check "so does the other" 0 "$(within_15s is "$BAD/readyz" 200; echo $?)"
check "the body is short" '{"status":"READY"}' "$(curl -s "$A/readyz")"
check "details are not on the API's address" 404 "$(status "$A/readyz/checks")"
check "details name each check" "audit clock issuers log signature stopped" \
    "$(curl -s "$BAD_METRICS/readyz/checks" | grep -o '"check":"[a-z]*"' | cut -d'"' -f4 | sort | xargs)"

FRONT=http://127.0.0.1:$(free_port)
cat >"$W/haproxy.cfg" <<TEXT
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend api
    bind ${FRONT#http://}
    default_backend nodes
backend nodes
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 200ms fall 1 rise 1
    server a ${A#http://}
    server b ${BAD#http://}
TEXT
if ! command -v haproxy >/dev/null; then
    echo "FAIL haproxy is not installed: tests/install.sh tests"
    exit 1
fi
haproxy -db -f "$W/haproxy.cfg" >"$W/haproxy.log" 2>&1 &
PIDS="$PIDS $!"
wait_until curl -sf "$FRONT/healthz" || { cat "$W/haproxy.log"; exit 1; }
check "both nodes well: issued" 100 "$(issued_of_100)"

kill "$BAD_LOG"; wait "$BAD_LOG" 2>/dev/null
check "a dead log is found out while nothing is issued" 0 "$(within_15s is "$BAD/readyz" 503; echo $?)"
check "the node lives" 200 "$(status "$BAD/healthz")"
check "the metrics name the check" 'tenmint_ready{check="log"} 0' \
    "$(curl -s "$BAD_METRICS/metrics" | grep '^tenmint_ready{check="log"}')"
check "the details say since when" 1 \
    "$(curl -s "$BAD_METRICS/readyz/checks" | grep -c '"check":"log","ready":false,"since":"20[^"]*Z","detail":".*one: ')"
check "so does the log" 0 "$(wait_for "$W/b.log" '"message":"not ready","check":"log","detail":"0 logs .*: one: .*127'; echo $?)"
sleep 1 # HAProxy's next look
n=$(issued_of_100)
echo "     $n of 100 issued with one of two logs dead"
check "one log dead: at least 99 of 100 issued" 1 "$((n >= 99))"

# An embedded log whose disk is nearly full: told before an entry fails, and when it is well again.
mkdir "$W/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=40m tmpfs "$W/small" 2>/dev/null; then
    "$B/tenmint-ca" init "$W/ca" --log-origin log.example.com/ready >/dev/null || exit 1
    cp "$W/issuers.yaml" "$W/ca/"
    mv "$W/ca/log" "$W/small/log"
    sed -i "s|directory: log|directory: $W/small/log|; s|^listen:.*|listen: 127.0.0.1:$(free_port)|; /^metrics-listen:/d" "$W/ca/tenmint-ca.yaml"
    echo "metrics-listen: 127.0.0.1:$(free_port)" >>"$W/ca/tenmint-ca.yaml"
    CA=http://$(sed -n 's/^listen: //p' "$W/ca/tenmint-ca.yaml")
    METRICS=http://$(sed -n 's/^metrics-listen: //p' "$W/ca/tenmint-ca.yaml")
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >"$W/small.log" 2>&1 &
    SMALL=$!
    wait_until curl -sf "$CA/healthz" || cat "$W/small.log"
    check "a disk below its reserve: not ready" 0 "$(within_15s is "$CA/readyz" 503; echo $?)"
    check "a disk below its reserve: said" 1 "$(curl -s "$METRICS/readyz/checks" | grep -c "the log's disk has 3[0-9] MiB left")"
    mount -o remount,size=200m "$W/small"
    check "a larger disk: ready" 0 "$(within_15s is "$CA/readyz" 200; echo $?)"
    kill "$SMALL"
    wait "$SMALL"
    check "SIGTERM" 0 $?
    umount "$W/small"
else
    echo "     no disk of our own can be mounted: its reserve is not tried"
fi

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
