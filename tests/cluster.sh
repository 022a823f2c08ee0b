#!/usr/bin/env bash
# The cluster of config/cluster, with the real programs: HAProxy, three nodes, TesseraCT, PostgreSQL and Redis.
# Under load a node, the log, the database and the store of tokens are killed and come back. No request is
# lost that its client's retry does not recover, no record, and no token is good twice. `make cluster-test`.
# TESSERACT: its program, if it is there already; else Go builds it.
set -u
B=${B:-build}
. "$(dirname "$0")/begin.bash"
for p in haproxy redis-server python3; do
    command -v $p >/dev/null || { echo "$p is missing: tests/install.sh tests"; exit 1; }
done
TESSERACT=${TESSERACT:-$B/tests/tesseract/posix}
if [ ! -x "$TESSERACT" ]; then
    command -v go >/dev/null || { echo "TesseraCT needs Go 1.24 or newer, or TESSERACT=its program"; exit 1; }
    mkdir -p "$B/tests/tesseract"
    GOBIN=$(realpath "$B/tests/tesseract") GOFLAGS=-mod=mod \
        go install github.com/transparency-dev/tesseract/cmd/tesseract/posix@v0.1.1 >"$W/go" 2>&1 || { tail -n 5 "$W/go"; exit 1; }
fi

# ---- what the nodes share ----
. tests/postgres.bash
store() {
    (cd "$W" && exec redis-server --port "$REDIS" --bind 127.0.0.1 --requirepass secret --appendonly yes --appendfsync always \
        --maxmemory-policy noeviction --save "" --dir "$W/redis") >"$W/redis.log" 2>&1 &
    STORE=$!
    PIDS="${PIDS:-} $STORE"
}
mkdir "$W/redis" "$W/log"
REDIS=$(free_port)
store
for _ in $(seq 100); do # else tokens of the first minute could have been used before
    [ "$(REDISCLI_AUTH=secret redis-cli -p "$REDIS" set tenmint:used:begin 1 2>/dev/null)" = OK ] && break
    sleep 0.1
done
openssl ecparam -name prime256v1 -genkey -noout -out "$W/log.key" 2>/dev/null
openssl pkey -in "$W/log.key" -pubout -out "$W/log.pem"
"$B/tenmint-ca" init "$W/ca" --no-log >/dev/null || exit 1
LOGPORT=$(free_port)
log() { # as its unit starts it
    # shellcheck disable=SC2046 # its words
    "$TESSERACT" $(sed -n '/^ExecStart/,/[^\\]$/p' config/cluster/tesseract.service | sed 's,^ExecStart=[^ ]* ,,; s,\\$,,' |
        sed "s,127.0.0.1:6962,127.0.0.1:$LOGPORT,; s,/var/lib/tesseract/2026,$W/log,; s,/etc/tesseract/2026.key,$W/log.key,
            s,/etc/tesseract/root.pem,$W/ca/root.pem,") >>"$W/log.out" 2>&1 &
    LOG_PID=$!
    PIDS="$PIDS $LOG_PID"
}
log
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"

# ---- the nodes ----
(umask 077 && echo "host=127.0.0.1 port=$PGPORT user=postgres dbname=postgres" >"$W/ca/audit.dsn" && echo secret >"$W/ca/tokens.password")
rm -rf "$W/ca/audit" "$W/ca/audit.key"
mv "$W/ca/root.key" "$W/offline.key"
cp "$W/log.pem" "$W/ca/log.pem"
declare -A port pid
node() { # N
    : >"$W/ca-$1.log"
    "$B/tenmint-ca" serve --config "$W/ca-$1/tenmint-ca.yaml" >>"$W/ca-$1.log" 2>&1 &
    pid[$1]=$!
    PIDS="$PIDS ${pid[$1]}"
}
for n in 1 2 3; do
    port[$n]=$(free_port)
    cp -a "$W/ca" "$W/ca-$n"
    sed "s,10.0.0.11:5555,127.0.0.1:${port[$n]},; s,127.0.0.1:2112,127.0.0.1:0,; s,10\.0\.0\.10,127.0.0.1,; s,ca-1,ca-$n,
        s,https://log.example.com/2026,http://127.0.0.1:$LOGPORT/2026,; /single-use-ca-file/d
        s,rediss://tokens.example.com:6379,redis://127.0.0.1:$REDIS," config/cluster/tenmint-ca.yaml >"$W/ca-$n/tenmint-ca.yaml"
    says "ca-$n: audit init" 0 "is ready" "$B/tenmint-ca" audit init --config "$W/ca-$n/tenmint-ca.yaml"
    says "ca-$n: check-config" 0 "audit trail: postgresql of ca-$n" "$B/tenmint-ca" check-config "$W/ca-$n/tenmint-ca.yaml"
    node $n
done
for n in 1 2 3; do wait_for "$W/ca-$n.log" '"message":"listening"' || exit 1; done

# ---- the proxy ----
FRONT=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/tls.key" -out "$W/tls.pem" -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null
cat "$W/tls.pem" "$W/tls.key" >"$W/both.pem"
sed -e "s,bind :443,bind 127.0.0.1:$FRONT," -e "s,/etc/ssl/sigstore.example.com.pem,$W/both.pem," \
    -e "s,10.0.0.11:5555,127.0.0.1:${port[1]},; s,10.0.0.12:5555,127.0.0.1:${port[2]},; s,10.0.0.13:5555,127.0.0.1:${port[3]}," \
    config/cluster/haproxy.cfg >"$W/haproxy.cfg"
says "HAProxy takes its configuration" 0 "" haproxy -c -f "$W/haproxy.cfg"
haproxy -db -f "$W/haproxy.cfg" >"$W/haproxy.log" 2>&1 &
PIDS="$PIDS $!"
CA=https://127.0.0.1:$FRONT
up() { curl -sf --max-time 5 --cacert "$W/tls.pem" "$CA/readyz" >/dev/null; }
for _ in $(seq 20); do wait_until up 2>/dev/null && break; done
up || { echo "FAIL no node is ready"; tail -n 3 "$W"/ca-*.log "$W/log.out"; exit 1; }

# ---- load, and what happens to it ----
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
openssl pkey -in "$W/key" -pubout -out "$W/pub"
printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0 >"$W/proof"
timeout 180 python3 tests/cluster/clients.py "$CA" "$W/tls.pem" "$ISSUER" "$W/pub" "$W/proof" "${CLUSTER_SECONDS:-30}" 8 >"$W/clients" &
load=$!
kill9() { kill -9 "$1"; wait "$1" 2>/dev/null; }
sleep 3; kill9 "${pid[2]}"; echo "     a node is killed"
sleep 3; node 2; sleep 2
kill9 "$LOG_PID"; echo "     the log is killed"
sleep 2; log; sleep 3
kill -9 "$(head -n 1 "$D/data/postmaster.pid")"; echo "     the database is killed"
sleep 3
for _ in $(seq 20); do pg_start && break; done
sleep 3
kill9 "$STORE"; echo "     the store of tokens is killed"
sleep 2; store; sleep 3
kill9 "${pid[1]}"; kill9 "${pid[3]}"; echo "     two nodes at once are killed"
sleep 1; node 1; node 3
wait "$load"
check "the clients end" 0 $?

# ---- what is there afterwards ----
"$B/tenmint-ca" audit query --config "$W/ca-1/tenmint-ca.yaml" --kind issued --csv >"$W/rows.csv" 2>"$W/said"
"$B/tenmint-log" export "$W/log" --key "$W/log.pem" >"$W/entries" 2>"$W/said"
check "the log is read" 0 $?
python3 - "$W/clients" "$W/rows.csv" "$W/entries" <<'P' || fails=$((fails + 1))
import csv, json, sys
clients = json.load(open(sys.argv[1]))
rows = [(r["node"], int(r["serial"], 16)) for r in csv.DictReader(open(sys.argv[2]))]
entries = [int(json.loads(line)["serial"], 16) for line in open(sys.argv[3])]
serials = {int(s) for s in clients["serials"]}
recorded = {s for _, s in rows}
n = {k: sum(1 for r in rows if r[0] == k) for k in sorted({r[0] for r in rows})}
print("    ", clients["counts"], "tried again:", clients["again"], "slowest:", clients["slowest_s"], "s")
print("     certificates that came: %d; rows: %d %s; entries of the log: %d, of which %d are of requests that were cut off"
      % (len(serials), len(rows), n, len(entries), len(set(entries) - recorded)))
wrong = 0
def expect(what, ok):
    global wrong
    print("%s %s" % ("ok  " if ok else "FAIL", what))
    wrong += not ok
expect("no request is lost: %s" % clients["lost"][:3], not clients["lost"])
expect("some were tried again", sum(clients["again"].values()) > 0)
expect("enough for a judgement", clients["counts"]["answered"] >= 100 and clients["counts"]["shown again"] >= 10)
expect("no token is good twice: %s" % clients["twice"][:3], not clients["twice"])
expect("each certificate that came has its row", serials <= recorded)
expect("each row's certificate is in the log", recorded <= set(entries))
expect("no more entries without a row than requests can have been cut off: 5 times, 16 at once", len(set(entries) - recorded) <= 80)
expect("no row is there twice", len(recorded) == len(rows))
expect("all nodes issued", len(n) == 3)
sys.exit(wrong > 0)
P
for n in 1 2 3; do says "the chain of ca-$n is whole" 0 "ca-$n: " "$B/tenmint-ca" audit verify --config "$W/ca-$n/tenmint-ca.yaml" --key "$W/ca-$n/audit/heads.pem"; done
[ "$fails" = 0 ] || tail -n 3 "$W"/ca-*.log "$W/log.out" "$W/haproxy.log"
echo "$fails failed"
[ "$fails" -eq 0 ]
