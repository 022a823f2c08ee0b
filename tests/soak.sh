#!/usr/bin/env bash
# soak.sh: SOAK seconds (15 minutes) of load at 80 % of the maximum against a CA whose key is in a
# token, while everything around it fails and returns: reloads each second, its token issuer and an
# external log that stop, the token that is taken away, slow and hostile clients, a clock that jumps.
# One request of ten has a token that nobody signed. Prints figures; fails on a wrong answer, on
# memory that grows, or when the server does not issue at the end. SOAK=60 is a try.
set -u
cd "$(dirname "$0")/.."
B=build
W=$(mktemp -d)
SOAK=${SOAK:-900}
MODULE=/usr/lib/softhsm/libsofthsm2.so
. tests/lib.sh
helpers=
end() {
    for p in $helpers; do kill "$p" 2>/dev/null; done
    kill -CONT ${PIDS:-} 2>/dev/null
    stop_all
    rm -rf "$W"
}
trap end EXIT

mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
umask 077
softhsm2-util --init-token --free --label soak --pin 135790 --so-pin 24680123 >/dev/null || exit 1
echo 135790 >"$W/pin"
start_issuer || exit 1
ISSUER_PID=${PIDS##* }
start_ct_log || exit 1
LOG_PID=${PIDS##* }
"$B/tenmint-ca" init "$W/ca" --log-origin log.example.com/soak --pkcs11-module "$MODULE" --pkcs11-token soak \
    --pkcs11-key soak --pkcs11-pin-file "$W/pin" >/dev/null || exit 1
printf 'oidc-issuers:\n  "%s":\n    issuer-url: "%s"\n    client-id: sigstore\n    type: github-workflow\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
sed -i "s|^ct:.*|ct:\n  logs: {outside: {url: '$LOG', public-key: $LOG_KEY, timeout: 2s}}|" "$W/ca/tenmint-ca.yaml"
printf 'per-address-limit: 0\n' >>"$W/ca/tenmint-ca.yaml"

# Only the CA's clock jumps, by libfaketime where it is; its monotonic clock does not.
FAKE=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1)
echo +0 >"$W/clock"
mkfifo "$W/log"
cat "$W/log" >"$W/ca.log" &
PIDS="$PIDS $!"
env ${FAKE:+LD_PRELOAD=$FAKE} FAKETIME_TIMESTAMP_FILE="$W/clock" FAKETIME_CACHE_DURATION=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
    --workers 1 >"$W/log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
mint '{"exp": '$(($(date +%s) + 86400))'}' >"$W/token"

every() { # SECONDS COMMAND...: again and again, from then on
    local pause=$1
    shift
    while sleep "$pause"; do "$@"; done
}
reload() { kill -HUP "$CA_PID"; }
issuer_stops() { kill -STOP "$ISSUER_PID"; sleep 4; kill -CONT "$ISSUER_PID"; }
log_stops() { kill -STOP "$LOG_PID"; sleep 4; kill -CONT "$LOG_PID"; }
token_goes() { mv "$W/tokens" "$W/away"; sleep 2; mv "$W/away" "$W/tokens"; }
clock_jumps() { echo +400d >"$W/clock"; sleep 2; echo +0 >"$W/clock"; }
hostile() { # noise, requests that stop, bodies that never end, resets; a minute each
    python3 - "${CA##*:}" <<'P'
import random, socket, struct, sys, time
held = []
for i in range(600):
    try:
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    except OSError:
        sys.exit()
    post = b'POST /api/v2/signingCert HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % random.choice([9, 20000, 260000])
    try:
        s.sendall(random.choice([random.randbytes(300), post[:random.randrange(len(post))], post + b'{' * random.randrange(9000),
                                 b'GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, x\r\n\r\n', b'']))
        if i % 3 == 0:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.close()
    except OSError:
        pass
    held = (held + [s])[-100:]
    time.sleep(.1)
P
}
"$B/tests/bench" soak "$SOAK" "soak=${CA##*:},$CA_PID,64" <"$W/token" >"$W/out" 2>&1 &
load=$!
wait_for "$W/out" 'at most' || exit 1 # the maximum is of a server that is left alone
every 1 reload & helpers="$helpers $!"
every 7 issuer_stops & helpers="$helpers $!"
every 11 log_stops & helpers="$helpers $!"
every 13 token_goes & helpers="$helpers $!"
[ -z "$FAKE" ] || { every 17 clock_jumps & helpers="$helpers $!"; }
every 0 hostile & helpers="$helpers $!"

wait "$load"
rc=$?
cat "$W/out"
for p in $helpers; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
helpers=
kill -CONT "$ISSUER_PID" "$LOG_PID"
[ ! -d "$W/away" ] || mv "$W/away" "$W/tokens"
echo +0 >"$W/clock"
issued() {
    rm -rf "$W/last"
    "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/last" --log-key "$W/ca/log.pem" >"$W/said" 2>&1
}
last=MISSED
for _ in $(seq 20); do issued && last=met && break; sleep 1; done
printf '%-52s %-9s goal           %s\n' "soak: a certificate when all is well again" "" "$last"
[ "$last" = met ] || cat "$W/said"
printf '%-52s %s\n' "soak: reloads, jumps of the clock that were seen" \
    "$(grep -c 'CA key and chain reloaded' "$W/ca.log"), $(grep -ci 'clock' "$W/ca.log")"
[ "$rc" -eq 0 ] && [ "$last" = met ] && ! grep -q ' MISSED$' "$W/out"
