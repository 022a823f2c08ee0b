#!/usr/bin/env bash
# What operators get wrong: every message names the file and the key and says what to do, a running
# server keeps what it has, and nothing secret is in its log.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
(umask 000 && "$B/tenmint-ca" init "$W/saved" >"$W/out") || exit 1
sed -i 's/127.0.0.1:5555/127.0.0.1:0/; s/127.0.0.1:2112/127.0.0.1:0/' "$W/saved/tenmint-ca.yaml"
check "umask 000: nothing is writable by others" 0 "$(find "$W/saved" -perm /022 ! -path "*/audit/spool" | wc -l)"
# Commands of the server's group leave events in the spool.
check "umask 000: the spool is its group's" 770 "$(stat -c %a "$W/saved/audit/spool")"
check "umask 000: secrets are the owner's" "600 600 600 600" \
    "$(cd "$W/saved" && stat -c %a password root.key intermediate.key log.key | xargs)"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/tls.key" -out "$W/tls.pem" \
    -subj /CN=localhost -days 2 2>/dev/null
openssl pkey -in "$W/tls.key" -aes256 -passout pass:x -out "$W/tls.enc" 2>/dev/null
chmod 600 "$W/tls.key" "$W/tls.enc"

fresh() { rm -rf "$W/ca" && cp -a "$W/saved" "$W/ca"; }
wrong() { # NAME MESSAGE COMMAND-ON-$W/ca: check-config refuses with exit 3 and the message
    fresh
    (cd "$W/ca" && eval "$3")
    timeout 30 "$B/tenmint-ca" check-config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1
    local rc=$?
    if [ $rc = 3 ] && grep -qF -- "$2" "$W/out"; then echo "ok   $1"; else
        echo "FAIL $1: exit $rc: $(tail -n 1 "$W/out")"
        fails=$((fails + 1))
    fi
}
config() { # NAME MESSAGE SED-SCRIPT
    wrong "$1" "$2" "sed -i '$3' tenmint-ca.yaml"
}
config "a mistyped key" "tenmint-ca.yaml:2: unknown key 'lisen'; did you mean 'listen'?" 's/^listen/lisen/'
config "no port" "'listen': listen address '127.0.0.1' has no port" 's/^listen:.*/listen: 127.0.0.1/'
config "a port that is none" "port of 0 to 65535" 's/^listen:.*/listen: 127.0.0.1:99999/'
config "IPv6 without brackets" "put an IPv6 address in [ ]" 's/^metrics-listen:.*/metrics-listen: "::1:80"/'
config "a negative number" "'workers' must be a number from 0 to 256" '$a workers: -1'
config "a time without unit" "such as 500ms, 10s" '$a timeouts: {header: 10}'
config "a scalar for a section" "'timeouts' must be a mapping of keys" '$a timeouts: 10'
config "a key twice" "key 'ca' is given twice" '$a ca: {backend: file}'
config "a backend that is none" "not one of file, pkcs11, uri, ephemeral" 's/backend: file/backend: fiel/'
config "another backend's key" "belongs to ca backend pkcs11" 's/  backend: file/  backend: file\n  pkcs11-token: x/'
config "a chain that is not there" "certificate chain: open '$W/ca/chian.pem'" 's/chain: chain.pem/chain: chian.pem/'
config "an issuer list that is not there" "issuer list: open '$W/ca/no.yaml'" 's/issuers-file: .*/issuers-file: no.yaml/'
config "the root's key" "public keys are not equal" 's/key: intermediate.key/key: root.key/'
config "the CA's key for the log" "log key" 's/key: log.key/key: root.pem/'
config "no log there" "no log in" 's/directory: log/directory: glo/'
wrong "the embedded log as an external one" "log 'again' is the embedded one, which would count twice" \
    "sed -i 's,^ct:,&\n  logs: {again: {url: \"http://127.0.0.1:1/log\"\, public-key: log.pem}},' tenmint-ca.yaml"
config "half of TLS" "'tls' needs both" "\$a tls: {certificate: ..\/tls.pem}"
config "an encrypted TLS key" "not encrypted is needed" "\$a tls: {certificate: ..\/tls.pem, key: ..\/tls.enc}"
config "another certificate's TLS key" "is not the key of the first certificate" "\$a tls: {certificate: chain.pem, key: ..\/tls.key}"
config "a TUF tree that is not there" "publish one with tenmint-tuf" '$a tuf: {directory: nowhere}'
wrong "a readable key" "chmod 600" "chmod 640 intermediate.key"
wrong "a readable password" "chmod 600" "chmod 604 password"
wrong "another password" "wrong password?" "printf x >password"
wrong "an empty key" "the key is empty" ": >intermediate.key"
wrong "a chain cut off in its second block" "is cut off" 'head -c $(($(grep -bo BEGIN chain.pem | tail -n 1 | cut -d: -f1) + 3)) chain.pem >x; mv x chain.pem'
wrong "an issuer list that is empty" "issuers.yaml: the file is empty" ": >issuers.yaml"
wrong "an issuer's mistyped key" "calls it 'client-id'" "sed -i 's/client-id/clientid/' issuers.yaml"
wrong "an issuer over http" "use https, or say 'allow-http: true'" "sed -i 's/https:..token.actions/http:\/\/token.actions/' issuers.yaml"
wrong "an empty configuration" "the file is empty" ": >tenmint-ca.yaml"

# A server that runs, and files that change under it.
start_issuer || exit 1
fresh
cat >"$W/good.yaml" <<X
oidc-issuers:
  "$ISSUER":
    issuer-url: "$ISSUER"
    client-id: sigstore
    type: github-workflow
X
cp "$W/good.yaml" "$W/ca/issuers.yaml"
echo 'reload-interval: 200ms' >>"$W/ca/tenmint-ca.yaml"
serve() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' && CA=http://$(address_of listening)
}
mint >"$W/token" && chmod 600 "$W/token"
issue() { rm -rf "$W/signing" && timeout 20 "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/signing" >"$W/out" 2>&1; }
told() { # PATTERN: in the log by now
    wait_for "$W/ca.log" "$1" 2>/dev/null
    check "the log says: $1" 0 $?
}
serve || exit 1
issue; check "a certificate" 0 $?
check "no core would be written" "0 0" "$(sed -n 's/^Max core file size *\([0-9a-z]*\) *\([0-9a-z]*\).*/\1 \2/p' "/proc/$CA_PID/limits")"
timeout 20 "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1
check "a second server on the same log" 3 $?
check "a second server: message" 1 "$(grep -c 'in use by another process' "$W/out")"
timeout 20 "$B/tenmint-ca" serve --ephemeral --issuer "$ISSUER" --listen "${CA#http://}" >"$W/out" 2>&1
check "a second server on the same port" 1 $?
check "a second server on the same port: message" 1 "$(grep -c 'listen: .*another server there' "$W/out")"
timeout 20 "$B/tenmint-ca" serve --ephemeral --issuer http://idp.example.com --listen 127.0.0.1:0 >"$W/out" 2>&1
check "a trial's issuer over http" 3 $?
check "a trial's issuer over http: message" 1 "$(grep -c 'command line.*use https' "$W/out")"
echo 'oidc-issuers: 7' >"$W/ca/issuers.yaml"
told 'issuers not reloaded.*issuers.yaml:1'
rm "$W/ca/issuers.yaml"; kill -HUP "$CA_PID"
told 'issuers not reloaded.*issuer list: open'
cp "$W/ca/root.key" "$W/ca/intermediate.key"
told 'CA key not reloaded.*public keys are not equal'
printf wrong >"$W/ca/password"
told 'CA key not reloaded.*wrong password'
issue; check "a certificate all the same" 0 $?
rm -rf "$W/ca/chain.pem"; mkdir "$W/ca/chain.pem"; kill -HUP "$CA_PID"
told 'CA key not reloaded.*is a directory'
issue; check "a certificate all the same, again" 0 $?

# kill -9 in the middle of reloads: nothing of it lasts.
rm -rf "$W/ca/chain.pem"
cp -a "$W/saved/chain.pem" "$W/saved/intermediate.key" "$W/saved/password" "$W/ca/"
cp "$W/good.yaml" "$W/ca/issuers.yaml"
for _ in 1 2 3 4 5; do
    for _ in 1 2 3 4 5; do kill -HUP "$CA_PID"; done
    kill -9 "$CA_PID"
    wait "$CA_PID" 2>/dev/null
    cat "$W/ca.log" >>"$W/logs"
    serve || exit 1
done
issue; check "a certificate after five kills" 0 $?
kill -TERM "$CA_PID"; wait "$CA_PID"; check "SIGTERM exits 0" 0 $?
cat "$W/ca.log" >>"$W/logs"

# A TLS certificate is renewed under a server that runs, with a client connected.
tls_pair() { # CN: a new pair in $W/new.pem, $W/new.key
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/new.key" -out "$W/new.pem" \
        -subj "/CN=$1" -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null && chmod 600 "$W/new.key"
}
install_pair() { mv "$W/new.key" "$W/ca/tls.key" && mv "$W/new.pem" "$W/ca/tls.pem"; }
served() { # whose certificate a new connection gets
    openssl s_client -connect "${CA#http://}" </dev/null 2>/dev/null | sed -n 's/^subject=CN = //p'
}
asked() { # on the connection that is open
    printf 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' >&"${held[1]}"
    while read -r -t 10 -u "${held[0]}" line && [ "$line" != $'\r' ]; do :; done
    read -r -t 10 -N 20 -u "${held[0]}" line
    echo "$line"
}
tls_pair first && install_pair
echo 'tls: {certificate: tls.pem, key: tls.key}' >>"$W/ca/tenmint-ca.yaml"
timeout 20 "$B/tenmint-ca" check-config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1
check "TLS: check-config says until when" 1 "$(grep -c '^TLS: certificate valid until 20' "$W/out")"
serve || exit 1
check "TLS: the first certificate" first "$(served)"
coproc held { openssl s_client -quiet -connect "${CA#http://}" 2>/dev/null; }
held_pid=$!
check "TLS: a connection is open" '{"status":"SERVING"}' "$(asked)"
tls_pair second && install_pair
told 'TLS certificate reloaded'
check "TLS: the second certificate" second "$(served)"
end=$(date -d "$(openssl x509 -in "$W/ca/tls.pem" -noout -enddate | cut -d= -f2)" +%s)
check "TLS: the metrics have its end" "tenmint_tls_certificate_expiry_seconds $end" \
    "$(curl -sS --max-time 10 "http://$(address_of 'metrics listening')/metrics" | grep '^tenmint_tls')"
check "TLS: the connection lives on" '{"status":"SERVING"}' "$(asked)"
tls_pair third && mv "$W/new.pem" "$W/ca/tls.pem"
told 'TLS certificate not reloaded.*is not the key of'
check "TLS: a certificate without its key changes nothing" second "$(served)"
mv "$W/new.key" "$W/ca/tls.key"
wait_until eval '[ "$(served)" = third ]'
check "TLS: the key came" third "$(served)"
rm "$W/ca/tls.key"; kill -HUP "$CA_PID"
told "TLS certificate not reloaded.*tls: TLS key.*open '$W/ca/tls.key'"
check "TLS: a lost key changes nothing" third "$(served)"
kill "$held_pid" 2>/dev/null
kill -TERM "$CA_PID"; wait "$CA_PID"; check "TLS: SIGTERM exits 0" 0 $?
timeout 20 "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1
check "TLS: a server does not start without its key" 3 $?
check "TLS: … and says so" 1 "$(grep -c "tls: TLS key.*open '$W/ca/tls.key'" "$W/out")"
cat "$W/ca.log" >>"$W/logs"

# What the service manager hears.
python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\n", " "), flush=True)' "$W/notify" >"$W/notified" 2>&1 &
PIDS="$PIDS $!"
cp "$W/saved/"*.yaml "$W/ca/"
wait_for "$W/notified" bound || exit 1
export NOTIFY_SOCKET=$W/notify
serve || exit 1
unset NOTIFY_SOCKET
wait_for "$W/notified" '^READY=1'; check "ready" 0 $?
kill -HUP "$CA_PID"
wait_for "$W/notified" '^RELOADING=1 MONOTONIC_USEC=[0-9]'; check "reloading" 0 $?
twice() { [ "$(grep -c '^READY=1' "$W/notified")" = 2 ]; }
wait_until twice; check "ready again" 0 $?
kill -TERM "$CA_PID"; wait "$CA_PID"
wait_for "$W/notified" '^STOPPING=1'; check "stopping" 0 $?
cat "$W/ca.log" >>"$W/logs"
check "the logs are JSON lines" 0 "$(grep -cv '^{.*}$' "$W/logs")"
for secret in "$W/saved/password" "$W/token"; do
    check "no $(basename "$secret") in the logs" 0 "$(grep -cF -e "$(cut -c1-40 "$secret")" "$W/logs")"
done
check "no key in the logs" 0 "$(grep -c 'PRIVATE KEY' "$W/logs")"
[ $fails -eq 0 ] || { tail -n 20 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
