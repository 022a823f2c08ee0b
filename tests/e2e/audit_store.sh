#!/usr/bin/env bash
# The audit trail's database: no certificate leaves before its record is in it, whatever happens to
# it; what was altered, taken out or cut off is found, with a witness against the host's own operator;
# and its questions have answers.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
issue() { # [CLAIMS]: prints the status; headers in $W/head
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint "${1:-}")" "$PUB" "$PROOF" |
        curl -sS --max-time 25 -D "$W/head" -o "$W/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
            -H "traceparent: $TRACE" --data-binary @- "$CA/api/v2/signingCert"
}
TRACE=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
within_20s() { for _ in 1 2 3 4; do wait_until "$@" 2>/dev/null && return; done; return 1; }
metric() { curl -sS --max-time 5 "$METRICS/metrics" | sed -n "s/^$1 //p"; }
serve() {
    : >"$W/ca.log"
    # A write beyond a limit of a file's size is an error, as on a full disk, and no signal.
    (trap '' XFSZ && exec "$B/tenmint-ca" serve --config "$W/ca.yaml") >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening)
    METRICS=http://$(address_of 'metrics listening')
}
ends() {
    kill "$CA_PID"
    wait "$CA_PID"
    check "SIGTERM" 0 "$?"
}
audit() { # NAME WANTED-EXIT WANTED-TEXT WORD...
    says "$1" "$2" "$3" "$B/tenmint-ca" audit "$4" --config "$W/ca.yaml" "${@:5}"
}
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
cat >"$W/ca.yaml" <<YAML
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
timeouts: {drain: 2s}
audit-store:
  store: sqlite
  directory: audit
  node: one
  origin: ca.example.com/audit
  key: audit.key
  head-interval: 1s
YAML

# Without its folder it does not start, and says what to do.
says "no folder yet" 3 "audit" "$B/tenmint-ca" serve --config "$W/ca.yaml"
audit "init" 0 "is ready" init
audit "init again" 0 "is ready" init
says "a witness's key" 0 "" "$B/tenmint-log" witness --name w.example.com --key "$W/w.key" --new-key
VKEY=$(cat "$W/said")
"$B/tenmint-log" witness --name w.example.com --key "$W/w.key" --dir "$W/witness" --listen 127.0.0.1:0 \
    --log "ca.example.com/audit=$W/audit/heads.pem" >"$W/w.out" 2>&1 &
PIDS="${PIDS:-} $!"
wait_for "$W/w.out" 'witness listening' || exit 1
WITNESS=http://$(sed -n 's/.*"witness listening","address":"\([^"]*\)".*/\1/p' "$W/w.out")
printf "  witnesses: {near: {url: '%s', key: '%s'}}\n  witness-quorum: 1\n" "$WITNESS" "$VKEY" >>"$W/ca.yaml"

serve
check "issued" 200 "$(issue)"
ID=$(sed -n 's/^X-Request-Id: \([0-9a-f]\{24\}\)\r*$/\1/Ip' "$W/head")
check "its id begins with its second" yes "$([ $(($(date +%s) - 0x${ID:0:8})) -le 60 ] && echo yes)"
check "a request without a token is refused" 400 "$(curl -sS --max-time 25 -o /dev/null -w '%{http_code}' \
    -H 'Content-Type: application/json' -d '{}' "$CA/api/v2/signingCert")"

# What changed, who asked, what was refused.
audit "which certificates did a repository get" 0 "acme/widget" query --kind issued --repository Acme/widget.git/ --since 1h
check "one of them" 1 "$(grep -c '  issued  ' "$W/said")"
SERIAL=$(sed -n 's/.*issued  *\([0-9a-f]*\.\.\).*/\1/p' "$W/said")
audit "a serial as the table has it" 0 "issued" query --serial "$SERIAL"
audit "who trusted an issuer, since when" 0 "issuer trusted" query --kind trust --issuer "$ISSUER/"
audit "the request's id" 0 "$ID" query --request "$ID" --json
check "the request's trace is in its record" 1 "$(grep -c "\"trace\":\"$TRACE\"" "$W/said")"
check "and in the line" 1 "$(grep -c "\"traceparent\":\"$TRACE\"" "$W/ca.log")"
audit "CSV" 0 "time,seq,node,process,kind,actor" query --csv --kind issued
refused() { "$B/tenmint-ca" audit query --config "$W/ca.yaml" --kind refused; }
wait_until refused || fails=$((fails + 1))
audit "what was refused and why" 0 "reason:" query --kind refused

# One refusal, by its id: in the answer's header and text, in the server's line, in the trail.
check "a token for somebody else is refused" 400 "$(issue '{"aud":"somebody-else"}')"
REFUSED=$(sed -n 's/^X-Request-Id: \([0-9a-f]\{24\}\)\r*$/\1/Ip' "$W/head")
check "its id is in the answer" 1 "$(grep -c "(request $REFUSED)" "$W/answer")"
check "its id is in the server's line, with the reason" 1 "$(grep -c "\"message\":\"refused\".*\"request\":\"$REFUSED\"" "$W/ca.log")"
in_trail() { "$B/tenmint-ca" audit query --config "$W/ca.yaml" --request "$REFUSED"; }
wait_until in_trail || fails=$((fails + 1))
audit "its id is in the trail" 0 '"kind":"refused"' query --request "$REFUSED" --json
check "with source, trace, reason and identity of the token" 4 "$(grep -o "\"remote\":\"127.0.0.1\"\|\"trace\":\"$TRACE\"\|\"reason\":\"[a-z_]*\"\|\"subject\":\"$SUB\"" "$W/said" | wc -l)"
audit "an hour before" 1 "no record matches" query --kind issued --repository acme/widget --since 2h --until 1h
audit "a list that is cut short says so" 0 "more records match" query --limit 1
check "and has one record" 2 "$(grep -c '^TIME\|^20' "$W/said")"
audit "a list that is whole says nothing" 0 "" query --kind issued --limit 1
check "of more" 0 "$(grep -c 'more records' "$W/said")"
audit "nothing" 1 "no record matches" query --repository nobody/nothing
audit "what can match nothing" 2 "can match nothing" query --repository 'acme/*'
audit "a kind that is none" 2 "--kind: want start" query --kind tea

# The list changes.
OTHER=https://other.example.com
printf '  "%s": {issuer-url: "%s", client-id: sigstore, type: email}\n' "$OTHER" "$OTHER" >>"$W/issuers.yaml"
kill -HUP "$CA_PID"
trusted() { "$B/tenmint-ca" audit query --config "$W/ca.yaml" --kind trust --issuer "$OTHER"; }
wait_until trusted || fails=$((fails + 1))
says "disabled by a command" 0 "shuts out" "$B/tenmint-ca" issuer disable "$W/ca.yaml" "$OTHER"
noted() { "$B/tenmint-ca" audit query --config "$W/ca.yaml" --kind command --issuer "$OTHER"; }
wait_until noted || fails=$((fails + 1))
audit "who disabled an issuer" 0 "issuer disable" query --kind command --issuer "$OTHER"
audit "a new issuer" 0 "issuer trusted from the reload on" query --kind trust --issuer "$OTHER"

# A database that is held: 503, and it goes on by itself.
python3 - "$W/audit/audit.db" "$W/held" "$W/release" <<'PY' &
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.05)
db.execute("ROLLBACK")
PY
holder=$!
PIDS="$PIDS $holder"
wait_until test -e "$W/held" || fails=$((fails + 1))
check "held: refused" 503 "$(issue)"
check "held: nothing leaves" 0 "$(grep -c CERTIFICATE "$W/answer")"
told() { [ "$(metric tenmint_audit_store_working) $(metric tenmint_audit_working)" = "0 0" ]; }
check "held: told" 0 "$(within_20s told; echo $?)"
not_ready() { [ "$(curl -sS --max-time 5 -o /dev/null -w '%{http_code}' "$CA/readyz")" = 503 ]; }
within_20s not_ready || fails=$((fails + 1))
touch "$W/release"
wait "$holder"
works() { [ "$(metric tenmint_audit_store_working)" = 1 ]; }
wait_until works || fails=$((fails + 1))
check "let go: issued" 200 "$(issue)"

# A full disk: 503 and told; with room again it goes on.
for p in $(family "$CA_PID"); do
    find "/proc/$p/fd" -lname '*/audit.db' 2>/dev/null | grep -q . && KEEPER=$p
done
prlimit --pid "$KEEPER" --fsize=4096:unlimited
check "no room: refused" 503 "$(issue)"
check "no room: nothing leaves" 0 "$(grep -c CERTIFICATE "$W/answer")"
check "no room: told" 0 "$(within_20s told; echo $?)"
check "no room: why" yes "$(grep -q 'takes no records.*audit database' "$W/ca.log" && echo yes)"
prlimit --pid "$KEEPER" --fsize=unlimited:unlimited
wait_until works || fails=$((fails + 1))
check "room again: issued" 200 "$(issue)"

# Killed: what left is recorded.
left=0
for _ in 1 2 3; do [ "$(issue)" != 200 ] || left=$((left + 1)); done
kill -9 "$CA_PID"
wait "$CA_PID" 2>/dev/null
"$B/tenmint-ca" audit query --config "$W/ca.yaml" --kind issued --csv >"$W/issued.csv"
check "killed: every certificate that left is recorded" yes "$([ "$(grep -c ',issued,' "$W/issued.csv")" -ge $((left + 2)) ] && echo yes)"
check "killed: three left" 3 "$left"
serve
ends
audit "killed and restarted: the chain is whole" 0 "a head vouches" verify --key "$W/audit/heads.pem" --witness-key "$VKEY"

# Who may only read: a folder of somebody else, a read-only mount. Root without what lets it pass
# over modes is one of those.
READER=()
[ "$(id -u)" != 0 ] || READER=(setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all)
reads() { says "$1" "$2" "$3" "${READER[@]}" "$B/tenmint-ca" audit "$4" --config "$W/ca.yaml" "${@:5}"; }
cp -a "$W/audit" "$W/writable"
check "the log is empty after the server's end" 0 "$(cat "$W"/audit/audit.db-wal 2>/dev/null | wc -c)"
rm -f "$W"/audit/audit.db-*
chmod 555 "$W/audit"
reads "read-only: query" 0 "issued" query --kind issued
reads "read-only: verify" 0 "a head vouches" verify --key "$W/audit/heads.pem" --witness-key "$VKEY"
reads "read-only: export" 0 "records of one" export --out "$W/read.jsonl"
check "read-only: nothing was made" 0 "$(find "$W/audit" -name 'audit.db-*' | wc -l)"
sed '/^  origin/,$d' "$W/ca.yaml" >"$W/headless.yaml"
says "read-only: serve says so at its start" 3 "records are written in the folder" \
    "${READER[@]}" timeout 20 "$B/tenmint-ca" serve --config "$W/headless.yaml"
chmod 755 "$W/audit"
echo "records that no reader without its index sees" >"$W/audit/audit.db-wal"
chmod 555 "$W/audit"
reads "read-only: with a log that has records" 6 "which this user may not make or read" query
chmod 755 "$W/audit"
rm "$W/audit/audit.db-wal"
chmod 000 "$W/audit/audit.db"
reads "a file that may not be read" 6 "Permission denied" query
rm -rf "$W/audit" && mv "$W/writable" "$W/audit"

# A copy that needs no server.
audit "export" 0 "records of one" export --out "$W/one.jsonl"
audit "export, for programs" 0 '"node":"one","records":' export --out "$W/again.jsonl" --json
X=("$B/tenmint-ca" audit verify --heads "$W/audit/heads" --key "$W/audit/heads.pem" --witness-key "$VKEY" "$W/one.jsonl")
says "an export" 0 "a head vouches for those up to" "${X[@]}"
sed -i '3s/"seq":2,"time_ms":1/"seq":2,"time_ms":2/' "$W/one.jsonl"
says "an export that was altered" 4 "the trail was written anew" "${X[@]}"
head -n 4 "$W/one.jsonl" >"$W/short" && mv "$W/short" "$W/one.jsonl"
says "an export that was cut off" 6 "cut off behind record 3" "${X[@]}"
# What stands in a file that others made: no line of its own, no word to the terminal.
export_of() { # NODE, as JSON: an export without records
    local zeros; zeros=$(printf '0%.0s' {1..64})
    printf '{"type":"tenmint audit %s 1","node":"%s","seq":0,"hash":"'"$zeros"'"}\n' export "$1" end "$1" >"$W/odd.jsonl"
}
export_of 'ca-1\",\"records\":5000,\"faults\":0}'
says "a node that looks like JSON" 0 "" "$B/tenmint-ca" audit verify --json "$W/odd.jsonl"
check "it is a node's name" 'ca-1","records":5000,"faults":0} 0' \
    "$(python3 -c 'import json, sys; o = json.loads(sys.stdin.read()); print(o["node"], o["records"])' <"$W/said")"
export_of 'ca-1\"}\n{\"node\":\"b'
says "a node of two lines" 6 "'node' holds a control" "$B/tenmint-ca" audit verify --json "$W/odd.jsonl"
check "one object" 1 "$(grep -c '^{' "$W/said")"
export_of '\u001b[2K'
says "a node that speaks to terminals" 6 "'node' holds a control" "$B/tenmint-ca" audit verify "$W/odd.jsonl"
audit "export to nowhere" 1 "" export --out "$W/none/one.jsonl"
audit "export of nobody" 1 "has no records" export --out "$W/none.jsonl" --node nobody
check "no file is left" 1 "$([ -e "$W/none.jsonl" ]; echo $?)"

# Altered, taken out, cut off; and written anew by who has the host and its key.
cp "$W/audit/audit.db" "$W/keep.db"
tamper() { # SQL
    cp "$W/keep.db" "$W/audit/audit.db"
    python3 -c 'import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute(sys.argv[2]); db.commit()' "$W/audit/audit.db" "$1"
}
K=(--key "$W/audit/heads.pem" --witness-key "$VKEY")
tamper "update audit_records set identity = 'https://github.com/acme/other' where kind = 'issued'"
audit "altered" 4 "was altered: its hash is not" verify "${K[@]}"
tamper "delete from audit_records where kind = 'issued'"
audit "taken out" 4 "missing" verify "${K[@]}"
tamper "delete from audit_records where seq > 5"
audit "cut off" 4 "were cut off" verify "${K[@]}"
cp "$W/keep.db" "$W/audit/audit.db"
cp "$W/audit/heads/checkpoint" "$W/checkpoint"
head -n 4 "$W/checkpoint" >"$W/audit/heads/checkpoint"
grep -v 'w.example.com' "$W/checkpoint" | tail -n +5 >>"$W/audit/heads/checkpoint"
audit "a head that no witness has seen" 1 "witness" verify "${K[@]}"
cp "$W/checkpoint" "$W/audit/heads/checkpoint"
audit "as it was" 0 "a head vouches" verify "${K[@]}"
openssl pkey -in "$W/key" -pubout -out "$W/other.pem"
audit "another key" 1 "" verify --key "$W/other.pem"
audit "no key file" 2 "" verify --key "$W/none"

# No database, no configuration of one.
mv "$W/audit/audit.db" "$W/gone.db"
audit "no database" 6 "audit.db" query
sed '/^audit-store/,$d' "$W/ca.yaml" >"$W/plain.yaml"
says "no audit-store" 3 "has no 'audit-store'" "$B/tenmint-ca" audit query --config "$W/plain.yaml"

echo "$fails failed"
[ $fails -eq 0 ]
