#!/usr/bin/env bash
# The audit trail of two servers in one PostgreSQL: each has a chain of its own; the database stops
# under requests, comes back, and neither loses nor doubles a record.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
. tests/postgres.bash
(umask 077 && echo "host=127.0.0.1 port=$PGPORT user=postgres dbname=postgres" >"$W/dsn")
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
issue() { # ADDRESS: prints the status
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$PUB" "$PROOF" |
        curl -sS --max-time 25 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' \
            --data-binary @- "$1/api/v2/signingCert"
}
serve() { # NODE: sets CA
    : >"$W/ca.log"
    cat >"$W/$1.yaml" <<YAML
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
timeouts: {drain: 2s}
audit-store: {store: postgresql, dsn-file: dsn, directory: $1, node: $1}
YAML
    "$B/tenmint-ca" audit init --config "$W/$1.yaml" >/dev/null || exit 1
    "$B/tenmint-ca" serve --config "$W/$1.yaml" >>"$W/ca.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening)
}
start_issuer || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
serve one
ONE=$CA
serve two
TWO=$CA
check "one" 200 "$(issue "$ONE")"
check "two" 200 "$(issue "$TWO")"
says "both are found" 0 "acme/widget" "$B/tenmint-ca" audit query --config "$W/one.yaml" --kind issued --repository acme/widget
check "both are found: how many" 2 "$(grep -c '  issued ' "$W/said")"

# It stops hard in the middle of requests; each answer is 200 or 503, and those of 200 are recorded.
for i in $(seq 8); do
    issue "$ONE"
    echo
    [ "$i" != 3 ] || pg_stop
done >"$W/statuses"
check "stopped: refused" yes "$(grep -q 503 "$W/statuses" && echo yes)"
check "stopped: nothing else" "" "$(grep -v '^\(200\|503\)$' "$W/statuses")"
says "stopped: a search says so" 6 "audit database" "$B/tenmint-ca" audit query --config "$W/one.yaml"
pg_start || fails=$((fails + 1))
again() { [ "$(issue "$ONE")" = 200 ]; }
wait_until again || fails=$((fails + 1))
left=$(($(grep -c 200 "$W/statuses") + 2))
"$B/tenmint-ca" audit query --config "$W/one.yaml" --kind issued --node one --csv >"$W/csv"
check "every certificate that left is recorded" yes "$([ "$(grep -c ',issued,' "$W/csv")" -ge $left ] && echo yes)"
check "and none twice" "" "$(grep -o ',issued,.*' "$W/csv" | sort | uniq -d)"
says "both chains are whole" 0 "two: " "$B/tenmint-ca" audit verify --config "$W/two.yaml"

# What an older program left is brought up by the next start, while others write.
NEW="'audit_by_request', 'audit_by_key', 'audit_by_kind', 'audit_by_issuer'"
ask() { (cd / && as "$PG/psql" -qtA -h 127.0.0.1 -p "$PGPORT" -U postgres -c "$1" postgres); }
ask "DROP TABLE audit_schema; DROP INDEX $(tr -d "'" <<<"$NEW")" || fails=$((fails + 1))
serve three
check "brought up: indexes" 4 "$(ask "SELECT count(*) FROM pg_indexes WHERE indexname IN ($NEW)")"
check "brought up: version" 2 "$(ask "SELECT version FROM audit_schema")"
check "brought up: issued" "200 200" "$(issue "$CA") $(issue "$ONE")"
says "brought up: the chains are whole" 0 "three: " "$B/tenmint-ca" audit verify --config "$W/two.yaml"

# Another server that writes as the same node is refused, not woven in.
says "an open dsn-file" 3 "chmod 600" bash -c "chmod 644 '$W/dsn'; '$B/tenmint-ca' audit query --config '$W/one.yaml'"
chmod 600 "$W/dsn"
says "no such database" 6 "does not exist" bash -c "echo 'host=127.0.0.1 port=$PGPORT user=postgres dbname=nobody' >'$W/dsn'; '$B/tenmint-ca' audit query --config '$W/one.yaml'"
for p in tenmint tenmint-log tenmint-tuf tenmint-ca; do
    ldd "$B/$p" | grep -q 'libpq' && { echo "FAIL $p is linked with libpq"; fails=$((fails + 1)); }
done
for p in tenmint tenmint-tuf; do
    ldd "$B/$p" | grep -q 'sqlite' && { echo "FAIL $p is linked with SQLite"; fails=$((fails + 1)); }
done
echo "$fails failed"
[ $fails -eq 0 ]
