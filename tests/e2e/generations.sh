#!/usr/bin/env bash
# A reload takes up whatever changed in the configuration while requests go on: the next log, another
# address, limits; none is lost. What would be refused, or does not start, leaves what there was. The
# same with sockets that a service manager holds, over a restart.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
C=$W/ca
says() { grep -c "$1" "$W/ca.log"; }
hup() { # PATTERN: that the log says after it
    : >"$W/ca.log"
    kill -HUP "$CA_PID"
    told "$1"
}
told() { # PATTERN
    for _ in $(seq 400); do
        grep -q "$1" "$W/ca.log" && return
        sleep 0.1
    done
    echo "FAIL no '$1' after 40 s"
    fails=$((fails + 1))
}
status() { curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$1"; }

start_issuer || exit 1
"$B/tenmint-ca" init "$C" --log-origin ca.example.com/log >/dev/null || exit 1
plain() { # NAME...: keys without a password spare the time that one takes at each start
    for k in "$@"; do
        openssl pkey -in "$C/$k" -passin "file:$C/password" -out "$W/plain" && mv "$W/plain" "$C/$k" && chmod 600 "$C/$k"
    done
}
plain intermediate.key log.key
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i -e 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)

# Requests for certificates from eight threads, half of them on connections that they keep, until a
# file is there. Prints how many were answered, and how many not.
cat >"$W/load.py" <<'P'
import base64, http.client, json, os, subprocess, sys, threading, time
address, token_file, stop, ready, folder = sys.argv[1:]
token = open(token_file).read().strip()
claims = token.split('.')[1]
subject = json.loads(base64.urlsafe_b64decode(claims + '=' * (-len(claims) % 4)))['sub']
key = folder + '/load.key'
run = lambda *a, **k: subprocess.run(a, check=True, capture_output=True, **k).stdout
run('openssl', 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
proof = run('openssl', 'dgst', '-sha256', '-sign', key, input=subject.encode())
body = json.dumps({'credentials': {'oidcIdentityToken': token}, 'publicKeyRequest': {
    'publicKey': {'algorithm': 'ECDSA', 'content': run('openssl', 'pkey', '-in', key, '-pubout').decode()},
    'proofOfPossession': base64.b64encode(proof).decode()}})
good, bad, lock = 0, [], threading.Lock()
def work(keep):
    global good
    c = None
    while not os.path.exists(stop):
        try:
            if c is None:
                c = http.client.HTTPConnection(address, timeout=30)
            c.request('POST', '/api/v2/signingCert', body, {'Content-Type': 'application/json'})
            r = c.getresponse()
            text = r.read()
            last = not keep or r.will_close
            ok = r.status == 200
        except (OSError, http.client.HTTPException) as e:
            ok, text, last = False, repr(e), True
        with lock:
            good += ok
            if not ok:
                bad.append(text)
            if good == 20:
                open(ready, 'w')
        if last:
            c.close()
            c = None
        time.sleep(0.05)
threads = [threading.Thread(target=work, args=(i % 2 == 0,)) for i in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(good, len(bad), *bad[:3])
P
load_begin() {
    rm -f "$W/stop" "$W/ready"
    mint >"$W/token"
    python3 "$W/load.py" "${1#http://}" "$W/token" "$W/stop" "$W/ready" "$W" >"$W/load" 2>&1 &
    LOAD=$!
    wait_until test -e "$W/ready" || exit 1
}
load_end() { # NAME
    touch "$W/stop"
    wait "$LOAD"
    read -r good bad rest <"$W/load"
    echo "     $good answered, $bad lost $rest"
    check "$1: no request is lost" 0 "$bad"
}

"$B/tenmint-ca" log create "$C/log-2" --origin ca.example.com/log/2 --password-file "$C/password" >"$W/said" || exit 1
plain log-2.key
cp "$C/tenmint-ca.yaml" "$W/first.yaml"
{ sed '/^  embedded:/,$d' "$W/first.yaml"; sed -n '/^  embedded:/,$p' "$W/said"; } >"$C/next.yaml"
echo '  retired: {first: {directory: log, public-key: log.pem, prefix: /log}}' >>"$C/next.yaml"
check "the next log's configuration is fine while the server runs" 0 \
    "$("$B/tenmint-ca" check-config "$C/next.yaml" >"$W/said" 2>&1; echo $?)"
load_begin "$CA"
mv "$C/next.yaml" "$C/tenmint-ca.yaml"
hup 'the next generation serves'
check "the log says which keys" 1 "$(says 'configuration changed.*"key":"ct.embedded.origin"')"
sleep 1
load_end "the next log"
check "the last log is served as it ended" 200 "$(status "$CA/log/checkpoint")"
size() { curl -s --max-time 5 "$CA/$1/checkpoint" | sed -n 2p; }
all_logged() { [ "$(($(size log) + $(size log/2)))" = "$good" ]; }
check "every certificate is in one of the logs" 0 "$(wait_until all_logged; echo $?)"

# Refused, or not possible: what was serves on.
pid=$(pgrep -P "$CA_PID")
cp "$C/tenmint-ca.yaml" "$W/good.yaml"
load_begin "$CA"
echo 'connection-limit: many' >>"$C/tenmint-ca.yaml"
hup 'configuration refused.*connection-limit'
sed 's/log-2.key/log-3.key/' "$W/good.yaml" >"$C/tenmint-ca.yaml"
hup 'configuration refused.*log-3.key'
{ cat "$W/good.yaml"; echo 'tuf: {directory: nowhere}'; } >"$C/tenmint-ca.yaml"
hup 'configuration refused.*nowhere'
taken=$(free_port)
python3 -c "import socket, time; s = socket.create_server(('127.0.0.1', $taken)); time.sleep(120)" &
PIDS="$PIDS $!"
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$taken") 2>/dev/null; }
wait_until is_taken
sed "s/^listen:.*/listen: 127.0.0.1:$taken/" "$W/good.yaml" >"$C/tenmint-ca.yaml"
hup 'configuration refused.*listen'
load_end "what is refused"
check "what is refused changes no process" "$pid" "$(pgrep -P "$CA_PID")"

# The next generation hangs: it is ended, and the last one serves again. Here its parent is stopped as
# soon as it is there.
for try in $(seq 8); do # it may have been ready before it was stopped
    { cat "$W/good.yaml"; echo "timeouts: {start: 2s, drain: $((try + 20))s}"; } >"$C/tenmint-ca.yaml"
    timeout 60 python3 tests/e2e/stopper.py "$CA_PID" "$pid" >"$W/stopped" &
    STOPPER=$!
    hup 'next generation \(serves\|does not start\)'
    wait "$STOPPER"
    [ "$(says 'the next generation serves')" = 0 ] && break
    pid=$(cat "$W/stopped")
    kill -CONT "$pid"
done
check "a generation that hangs: why" 1 "$(says 'did not start within 2 s (timeouts .start.)')"
check "a generation that hangs is ended" 1 "$(kill -0 "$(cat "$W/stopped")" 2>/dev/null; echo $?)"
wait_until grep -q '"message":"listening"' "$W/ca.log"
check "a generation that hangs: the last one serves again" 200 "$(status "$CA/api/v2/trustBundle")"
check "a generation that hangs is not told as a death of the server" 0 "$(says 'the server with it')"

# Neither the next generation starts nor the last one, as somebody holds the log when it is let go:
# the last one is tried again until it does.
timeout 60 flock "$C/log-2/state/lock" sh -c 'echo held; exec sleep 60' >"$W/holder" &
HOLDER=$!
PIDS="$PIDS $HOLDER"
{ cat "$W/good.yaml"; echo 'max-request-size: 5KiB'; } >"$C/tenmint-ca.yaml"
hup 'does not start either: it is tried again'
check "it is the log that is in use" held "$(cat "$W/holder")"
kill "$HOLDER"
told '"message":"listening"'
check "nothing started: what was in force serves when it can" 200 "$(status "$CA/api/v2/trustBundle")"
cp "$W/good.yaml" "$C/tenmint-ca.yaml"

# A client resumes its TLS session over a reload, and with the next generation.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 -keyout "$C/tls.key" \
    -out "$C/tls.pem" 2>/dev/null || exit 1
with_tls() { { cat "$W/good.yaml"; echo "tls: {certificate: tls.pem, key: tls.key}"; echo "$1"; } >"$C/tenmint-ca.yaml"; }
talk() { # VERSION OPTION...: whether the session is New or Reused
    printf 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
        timeout 10 openssl s_client -connect "${CA#http://}" "-$1" -ign_eof "${@:2}" 2>/dev/null | sed -n 's/^\(New\|Reused\), .*/\1/p' | head -n 1
}
with_tls ''
hup 'the next generation serves'
for v in tls1_2 tls1_3; do
    check "$v: a session" New "$(talk $v -sess_out "$W/$v")"
    check "$v: it is resumed" Reused "$(talk $v -sess_in "$W/$v")"
done
hup 'CA key and chain reloaded'
for v in tls1_2 tls1_3; do check "$v: after a reload, too" Reused "$(talk $v -sess_in "$W/$v")"; done
with_tls 'max-request-size: 5KiB'
hup 'the next generation serves'
for v in tls1_2 tls1_3; do check "$v: by the next generation, too" Reused "$(talk $v -sess_in "$W/$v")"; done

# Another address, and limits.
port=$(free_port)
sed "s/^listen:.*/listen: 127.0.0.1:$port/" "$W/good.yaml" >"$C/tenmint-ca.yaml"
echo 'max-request-size: 4KiB' >>"$C/tenmint-ca.yaml"
hup 'the next generation serves'
CA=http://127.0.0.1:$port
check "another address" 200 "$(status "$CA/api/v2/trustBundle")"
head -c 5000 /dev/zero | tr '\0' x >"$W/big"
check "another limit" 1 "$(curl -s --data-binary "@$W/big" -H 'Content-Type: application/json' "$CA/api/v2/signingCert" | grep -c 'too large')"
cp "$W/good.yaml" "$C/tenmint-ca.yaml"
kill -TERM "$CA_PID"
wait "$CA_PID"
check "SIGTERM: exit code" 0 $?

# A process of the last generation may end after its parent: killed, it still waits for a disk, and
# has the log's lock. It is the server's child then, which waits for it. Here another child is that:
# it takes the lock when the log lets it go, and has it for seven seconds, longer than a start takes
# on a busy machine.
cat >"$W/with_rest.sh" <<'P'
(
    until [ -e "$1" ]; do sleep 0.1; done
    exec timeout 60 flock "$2" sh -c 'echo held; sleep 7; echo let go'
) >"$3" &
echo $! >"$3.pid"
exec "${@:4}"
P
: >"$W/ca.log"
bash "$W/with_rest.sh" "$W/rest.go" "$C/log-2/state/lock" "$W/rest" \
    "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
touch "$W/rest.go"
is_next() { pgrep -x flock -P "$(cat "$W/rest.pid")" >"$W/flock.pid" && grep -q -- "-> FLOCK.* $(cat "$W/flock.pid") " /proc/locks; }
check "the rest of a generation is next to have the log" 0 "$(wait_until is_next; echo $?)"
{ cat "$W/good.yaml"; echo 'max-request-size: 5KiB'; } >"$C/tenmint-ca.yaml"
hup 'next generation \(serves\|does not start\)'
check "the rest of a generation had the log, and has ended" "held let go" "$(xargs <"$W/rest")"
check "the next generation waits for the rest" "1 0" "$(says 'the next generation serves') $(says 'in use by another process')"
kill -TERM "$CA_PID"
wait "$CA_PID"
check "and all end" 0 $?
cp "$W/good.yaml" "$C/tenmint-ca.yaml"

# What a service manager does: it holds the sockets, and starts the server anew.
cat >"$W/manager.py" <<'P'
import fcntl, os, signal, socket, sys
sockets = [socket.create_server(('127.0.0.1', 0), backlog=128) for _ in range(2)]
held = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 10) for s in sockets]
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR1))
def start():
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for i, fd in enumerate(held):
            os.dup2(fd, 3 + i)
        os.execvpe(sys.argv[1], sys.argv[1:], dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS='2',
                                                   LISTEN_FDNAMES='api:metrics'))
    return pid
while True:
    pid = start()
    n = signal.sigwait((signal.SIGTERM, signal.SIGUSR1))
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
    if n == signal.SIGTERM:
        sys.exit(0)
P
: >"$W/ca.log"
python3 "$W/manager.py" "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" --listen 127.0.0.2:0 >>"$W/ca.log" 2>&1 &
MANAGER=$!
PIDS="$PIDS $MANAGER"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
check "given sockets: 'listen' is said to be unused" 1 "$(grep -c "'listen' is not used" "$W/ca.log")"
check "given sockets: metrics" 200 "$(status "http://$(address_of 'metrics listening')/metrics")"
load_begin "$CA"
: >"$W/ca.log"
kill -USR1 "$MANAGER"
wait_for "$W/ca.log" '"message":"listening"'
sleep 0.5
load_end "a restart with given sockets"
check "given sockets: the same address" "$CA" "http://$(address_of listening)"

# A container's entry point: the server is process 1 there.
space="--pid --fork --mount-proc --kill-child"
[ "$(id -u)" = 0 ] || space="--user --map-root-user $space"
# shellcheck disable=SC2086
if unshare $space true 2>/dev/null; then
    kill -TERM "$MANAGER"
    wait "$MANAGER"
    : >"$W/ca.log"
    unshare $space "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    SPACE=$!
    PIDS="$PIDS $SPACE"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    check "process 1 serves" 200 "$(status "http://$(address_of listening)/api/v2/trustBundle")"
    kill -TERM "$(pgrep -P "$SPACE")"
    wait "$SPACE"
    check "process 1: SIGTERM: exit code" 0 $?
else
    echo "skip process 1: no namespaces here (needs root, or kernel.unprivileged_userns_clone=1)"
fi

# A next generation that is asked for without a change of the configuration, as the resolver's file is
# another one, while a key is away: it is not tried with this server's life.
space="--mount"
[ "$(id -u)" = 0 ] || space="--user --map-root-user $space"
# shellcheck disable=SC2086
if unshare $space true 2>/dev/null; then
    kill -TERM "$MANAGER" "$SPACE" 2>/dev/null
    : >"$W/ca.log"
    # shellcheck disable=SC2086
    unshare $space sh -c 'mkfifo "$1/order"; { read -r _ <"$1/order"; mount --bind "$1/resolv" /etc/resolv.conf && : >"$1/mounted"; } &
        exec "$2" serve --config "$3"' sh "$W" "$B/tenmint-ca" "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening)
    echo 'nameserver 127.0.0.1' >"$W/resolv"
    mv "$C/log-2.key" "$W/away.key"
    timeout 10 sh -c 'echo go >"$1"' sh "$W/order"
    wait_until test -e "$W/mounted"
    hup 'configuration refused.*log-2.key'
    check "another resolver while a key is away: the server answers" 200 "$(status "$CA/api/v2/trustBundle")"
    mv "$W/away.key" "$C/log-2.key"
    hup 'the next generation serves'
    check "the key is back: the next generation answers" 200 "$(status "$CA/api/v2/trustBundle")"
else
    echo "skip another resolver: no namespaces here (needs root, or kernel.unprivileged_userns_clone=1)"
fi

[ "$fails" = 0 ] || { tail -n 30 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
