#!/usr/bin/env bash
# The processes of `serve`, one for each duty of a whole private Sigstore: one that dies ends all with a line that says so, the parent takes them
# along, each key is in one of them only and once, none can be dumped.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1

start_issuer || exit 1
"$B/tenmint-ca" init "$W/ca" --all --url http://127.0.0.1:5555 >/dev/null || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
# The timestamps' key is at a service, so that the process that asks it is among them.
mkdir -m 700 "$W/keys"
openssl pkey -in "$W/ca/tsa.key" -passin "file:$W/ca/password" -out "$W/keys/p256.pem" || exit 1
python3 tests/support/fake_kms.py "$W/keys" 5 >"$W/kms.out" 2>"$W/kms.err" &
PIDS="$PIDS $!"
wait_for "$W/kms.out" '^[0-9]' || { cat "$W/kms.err"; exit 1; }
sed -i -e "/^timestamp-authority:/,/^[a-su-z]/{/password-file/d; s,^  key: .*,  key-uri: 'vault:p256?endpoint=http://127.0.0.1:$(head -n 1 "$W/kms.out")',}" \
    "$W/ca/tenmint-ca.yaml"
export HOME=$W/ca
(umask 077 && printf static-token >"$HOME/.vault-token")
mkdir "$W/run"
begin() {
    : >"$W/ca.log"
    RUNTIME_DIRECTORY="$W/run" "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" \
        --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening)
    read -r _ PARENT KIDS <<<"$(family "$CA_PID" | xargs)"
}
gone() { for p in $PARENT $KIDS; do kill -0 "$p" 2>/dev/null && return 1; done; return 0; }
NAMES="fetch keys audit log signatures timestamps tuf pages issuer front" # in the order of their starts
role() { echo "$KIDS" | cut -d' ' -f"$(echo "$NAMES" | tr ' ' '\n' | grep -nx "$1" | cut -d: -f1)"; }

begin
check "ten processes and their parent" 10 "$(echo $KIDS | wc -w)"
check "every role that there is" "$("$B/tests/roles" "$W/ca/tenmint-ca.yaml" | xargs)" "$NAMES"
mint >"$W/token"
check "a certificate" 0 "$("$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/out" \
    --log-key "$W/ca/log.pem" >/dev/null 2>&1; echo $?)"
check "the root key beside it is warned of" 1 "$(grep -c "root key lies beside.*$W/ca/root.key" "$W/ca.log")"
kill -HUP "$CA_PID"
wait_for "$W/ca.log" 'CA key and chain reloaded'
for p in $CA_PID $PARENT $KIDS; do
    check "no core ($p)" "0 0" "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$p/limits")"
    check "no new privileges ($p)" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$p/status")"
done
for p in $CA_PID $PARENT $KIDS; do
    check "a seccomp filter ($p)" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$p/status")"
done
# /memfd: is memory without a name, the keys of TLS tickets.
check "the front has no file open by name" 0 \
    "$(find "/proc/$(role front)/fd" -lname '/*' ! -lname '/dev/*' ! -lname '/memfd:tickets *' ! -lname "$W/ca.log" 2>/dev/null | wc -l)"
holds_run() { find "/proc/$1/fd" -lname "$W/run" | wc -l; }
check "the first process holds the lock of what is in force" 1 "$(holds_run "$CA_PID")"
for p in $PARENT $KIDS; do
    check "no other process does ($p)" 0 "$(holds_run "$p")"
done
cat >"$W/scan.py" <<'P'
# Prints "process: what it holds, how often" for each role=pid that holds anything.
import re, subprocess, sys
ca, roles = sys.argv[1], [a.split('=') for a in sys.argv[2:]]
def scalar(name):
    t = subprocess.run(['openssl', 'pkey', '-in', ca + '/' + name, '-passin', 'file:' + ca + '/password', '-noout',
                        '-text'], capture_output=True, text=True).stdout
    return bytes.fromhex(re.sub(r'[\s:]', '', re.search(r'priv:\s*([0-9a-f:\s]+?)\s*pub:', t).group(1)))[-32:]
need = {'password': [open(ca + '/password', 'rb').read().strip()],
        'credential': [open(ca + '/.vault-token', 'rb').read()]}
for n in ('intermediate.key', 'log.key', 'siglog.key', 'tsa.key', 'audit.key'):
    need[n] = [scalar(n), scalar(n)[::-1]]  # as bytes, and as a number in memory
    need[n + "'s text"] = open(ca + '/' + n, 'rb').read().splitlines()[1:-2]
for role, pid in roles:
    seen, found = 0, {}
    with open('/proc/%s/mem' % pid, 'rb', 0) as mem:
        for line in open('/proc/%s/maps' % pid):
            span, perm = line.split()[:2]
            if not perm.startswith('rw'):
                continue
            lo, hi = (int(x, 16) for x in span.split('-'))
            try:
                mem.seek(lo)
                data = mem.read(hi - lo)
            except (OSError, ValueError, OverflowError):
                continue
            seen += len(data)
            for k, values in need.items():
                found[k] = found.get(k, 0) + sum(data.count(v) for v in values)
    print('%s:%s%s' % (role, ''.join(' %s %d' % f for f in found.items() if f[1]),
                       '' if seen > 1 << 20 else ' could not be read'))
P
if [ "$(id -u)" = 0 ]; then
    check "each key is in its process, once; nothing else of it, no password, anywhere" \
        "serve: parent: fetch: keys: credential audit: audit.key 1 log: log.key 1 signatures: siglog.key 1 timestamps: tuf: pages: issuer: intermediate.key 1 front:" \
        "$(python3 "$W/scan.py" "$W/ca" "serve=$CA_PID" "parent=$PARENT" $(for n in $NAMES; do echo "$n=$(role "$n")"; done) | sed 's/credential [0-9]*/credential/' | xargs)" # curl keeps a header as often as it likes
fi
kill -TERM "$CA_PID"
wait "$CA_PID"
check "SIGTERM: exit code" 0 $?
check "SIGTERM: nobody is left" 0 "$(gone; echo $?)"

# While it ends, it is not ready. A request that waits for its issuer's keys keeps it.
hang=$(free_port)
python3 -c "import socket, time; s = socket.create_server(('127.0.0.1', $hang)); time.sleep(120)" &
PIDS="$PIDS $!"
cp "$W/ca/issuers.yaml" "$W/issuers.was"
printf '  "http://127.0.0.1:%s": {issuer-url: "http://127.0.0.1:%s", client-id: sigstore, type: email}\n' \
    "$hang" "$hang" >>"$W/ca/issuers.yaml"
begin
METRICS=http://$(address_of 'metrics listening')
b64() { base64 -w0 | tr '+/' '-_' | tr -d '='; }
T=$(printf '{"alg":"RS256","kid":"k"}' | b64).$(printf '{"iss":"http://127.0.0.1:%s","aud":"sigstore","sub":"x","exp":%s,"iat":%s}' \
    "$hang" "$(($(date +%s) + 300))" "$(date +%s)" | b64).$(printf 'x%.0s' $(seq 256) | b64)
curl -s --max-time 30 -o /dev/null "$CA/api/v2/signingCert" -H 'Content-Type: application/json' \
    -d "{\"credentials\":{\"oidcIdentityToken\":\"$T\"},\"publicKeyRequest\":{\"publicKey\":{\"content\":\"x\"},\"proofOfPossession\":\"eA==\"}}" &
ASKS=$!
in_flight() { [ "$(curl -s --max-time 5 "$METRICS/metrics" | sed -n 's/^tenmint_requests_in_flight //p')" = 1 ]; }
check "a request waits" 0 "$(wait_until in_flight; echo $?)"
kill -TERM "$CA_PID"
not_ready() { curl -s --max-time 5 -D "$W/head" -o "$W/body" "$METRICS/readyz"; grep -q '^HTTP/1.1 503' "$W/head"; }
check "it ends: not ready" 0 "$(wait_until not_ready; echo $?)"
check "it ends: when to ask again" 1 "$(grep -ci '^retry-after: [0-9]' "$W/head")"
wait "$CA_PID"
check "it ends: exit code" 0 $?
wait "$ASKS"
mv "$W/issuers.was" "$W/ca/issuers.yaml"

# Keys without a password spare the time that one takes at each start.
for k in intermediate log siglog tsa audit; do
    openssl pkey -in "$W/ca/$k.key" -passin "file:$W/ca/password" -out "$W/ca/$k.plain" &&
        mv "$W/ca/$k.plain" "$W/ca/$k.key" && chmod 600 "$W/ca/$k.key"
done
for name in parent $NAMES; do
    begin
    killed=$(date +%s%3N)
    kill -9 "$([ "$name" = parent ] && echo "$PARENT" || role "$name")"
    wait "$CA_PID"
    check "kill -9 of $name: exit code" 1 $?
    took=$(($(date +%s%3N) - killed))
    echo "     $took ms after kill -9 of $name all had ended"
    check "kill -9 of $name: the end comes at once" 1 "$((took < 8000))"
    check "kill -9 of $name: one line" 1 \
        "$(grep -c "a process of the server has ended.*\"process\":\"$name\".*killed by signal 9" "$W/ca.log")"
    check "kill -9 of $name: nobody is left" 0 "$(wait_until gone; echo $?)"
done

begin
kill -9 "$CA_PID"
wait "$CA_PID" 2>/dev/null
check "kill -9 of serve itself: nobody is left" 0 "$(wait_until gone; echo $?)"
begin
check "and it starts again" 200 "$(curl -s -o /dev/null -w '%{http_code}' --max-time 10 "$CA/api/v2/trustBundle")"

# Started by root: each process is a user of its own, and opens its own files as that.
if [ "$(id -u)" = 0 ]; then
    kill -TERM "$CA_PID"
    wait "$CA_PID"
    cat >>"$W/ca/tenmint-ca.yaml" <<'T'
user: nobody
users: {issuer: daemon, log: bin, fetch: sys, signatures: games, timestamps: man, tuf: mail, pages: news, audit: uucp, keys: lp}
T
    chmod 711 "$W" "$W/ca" "$W/ca/tuf"
    chown -R games "$W/ca/siglog" "$W/ca/siglog.key"
    chown -R news "$W/ca/pages"
    chown man "$W/ca/tsa.pem"
    chown lp "$W/ca/.vault-token"
    chown daemon "$W/ca/intermediate.key" "$W/ca/chain.pem" "$W/ca/issuers.yaml"
    chown bin "$W/ca/log.key"
    chown -R uucp "$W/ca/audit" "$W/ca/audit.key"
    chown -R bin "$W/ca/log"
    sed -i '/password-file:/d' "$W/ca/tenmint-ca.yaml"
    begin
    for pair in front:nobody issuer:daemon log:bin fetch:sys signatures:games timestamps:man tuf:mail pages:news audit:uucp keys:lp; do
        check "${pair%:*} is ${pair#*:}" "$(id -u "${pair#*:}") $(id -g "${pair#*:}")" \
            "$(awk '/^Uid:/ { u = $2 } /^Gid:/ { g = $2 } END { print u, g }' "/proc/$(role "${pair%:*}")/status")"
        check "${pair%:*} cannot be dumped" root "$(stat -c %U "/proc/$(role "${pair%:*}")/mem")"
    done
    mint >"$W/token"
    check "a certificate from users' processes" 0 "$("$B/tenmint" cert --ca "$CA" --token-file "$W/token" \
        --out "$W/out.users" --log-key "$W/ca/log.pem" >/dev/null 2>&1; echo $?)"
    kill -HUP "$CA_PID"
    check "the CA key is read again" 0 "$(wait_for "$W/ca.log" 'CA key and chain reloaded' >/dev/null; echo $?)"
    kill -9 "$CA_PID"
    wait "$CA_PID" 2>/dev/null
    check "kill -9 of serve with other users' processes: nobody is left" 0 "$(wait_until gone; echo $?)"
    chown root "$W/ca/log.key"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 >"$W/refused" 2>&1
    check "a key that its user cannot read: exit code" 3 $?
    check "a key that its user cannot read: named" 1 "$(grep -c "log key '$W/ca/log.key'.*Permission denied" "$W/refused")"
fi

[ "$fails" = 0 ] || { cat "$W/ca.log"; echo "$fails checks failed"; exit 1; }
