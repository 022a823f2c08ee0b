# Clients that ask for much and do not read it: 1,000 for tiles, 1,000 for get-entries. Their packets
# are as short as a network's: over loopback's the kernel would take whole answers, and nothing would
# be measured. And 256 connections with TLS and the log. Memory is that of all the server's processes
# together.
L=$(mktemp -d -p "$B")
trap 'stop_all; rm -rf "$W" "$L"' EXIT
MIB=40
start_issuer

served() { # NAME LINE...: a CA with an embedded log
    local dir=$L/$1
    shift
    "$B/tenmint-ca" init --log-origin log.example.com/bench "$dir" >/dev/null
    bench_issuers >"$dir/issuers.yaml"
    printf '%s\n' "per-address-limit: 0" "$@" >>"$dir/tenmint-ca.yaml"
    bench_serve "$dir" --config "$dir/tenmint-ca.yaml" --workers 1 --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0
}
in_flight() { curl -s "$METRICS/metrics" | sed -n 's/^tenmint_requests_in_flight //p'; }
memory() { memory_mib "$CA_PID"; }
readers() { # LABEL PATH: while they are there, and 2 s after
    coproc CROWD { python3 -c '
import socket, sys
held = []
good = 0
for i in range(1000):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    s.connect(("127.0.0.1", int(sys.argv[1])))
    s.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % sys.argv[2].encode())
    held.append(s)
    if len(held) % 50 == 0: # what the server cannot begin at once it refuses
        good += sum(s.recv(15) == b"HTTP/1.1 200 OK" for s in held[-50:])
print(good, flush=True)
sys.stdin.readline()' "${CA##*:}" "$2"; }
    local crowd=$CROWD_PID answered
    read -r answered <&"${CROWD[0]}"
    sleep 1
    at_least "1,000 slow readers of $1: that began to be answered" "$answered" 1000
    at_least "1,000 slow readers of $1: that wait for the rest" "$(in_flight)" 1000
    at_most "1,000 slow readers of $1: MiB" "$(memory)" $MIB
    echo >&"${CROWD[1]}"
    wait "$crowd" 2>/dev/null || true
    sleep 2
    at_most "  kept 2 s after they left: MiB" "$(memory)" $MIB
}

served plain
METRICS=http://$(sed -n 's/.*"message":"metrics listening","address":"\([^"]*\)".*/\1/p' "$L/plain/ca.log")
mint | "$B/tests/bench" logged 6400 "$(bench_target "log" 16)" >/dev/null
at_most "before them: MiB" "$(memory)" $MIB
readers tiles /log/tile/data/000
readers get-entries "/log/ct/v1/get-entries?start=0&end=999"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=bench \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$W/tls.key" -out "$W/tls.pem" 2>/dev/null
chmod 600 "$W/tls.key"
openssl ecparam -name prime256v1 -genkey -noout -out "$W/client.key"
openssl pkey -in "$W/client.key" -pubout -out "$W/pub"
printf 'repo:acme/widget:ref:refs/heads/main' | openssl dgst -sha256 -sign "$W/client.key" -out "$W/proof"
mkfifo "$W/go"
served tls "tls: {certificate: $W/tls.pem, key: $W/tls.key}"
coproc CROWD { mint | python3 -c '
import base64, json, socket, ssl, subprocess, sys
token = sys.stdin.readline().strip()
port, pem, proof = int(sys.argv[1]), open(sys.argv[2]).read(), base64.b64encode(open(sys.argv[3], "rb").read()).decode()
body = json.dumps({"credentials": {"oidcIdentityToken": token},
                   "publicKeyRequest": {"publicKey": {"content": pem}, "proofOfPossession": proof}}).encode()
ctx = ssl._create_unverified_context()
held = [ctx.wrap_socket(socket.create_connection(("127.0.0.1", port))) for i in range(256)]
good = 0
for turn in range(4):
    for s in held:
        s.sendall(b"POST /api/v2/signingCert HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    for s in held:
        data = b""
        while b"\r\n\r\n" not in data or len(data) < data.index(b"\r\n\r\n") + 4 + int(data.lower().split(b"content-length: ")[1].split(b"\r")[0]):
            data += s.recv(65536)
        good += data.startswith(b"HTTP/1.1 200")
print(good, flush=True)
open(sys.argv[4]).read()' "${CA##*:}" "$W/pub" "$W/proof" "$W/go"; }
crowd=$CROWD_PID
read -r good <&"${CROWD[0]}"
at_most "TLS and the log, 256 connections ($good certificates): MiB" "$(memory)" $MIB
echo >"$W/go"
wait "$crowd" 2>/dev/null || true
