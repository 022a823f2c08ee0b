#!/usr/bin/env bash
# tenmint-log: a real server with its log and two witnesses; status, verify, find, export and
# watch on the directory and over both read APIs; damage is named, forks and rollbacks are seen.
set -u
. "$(dirname "$0")/../begin.bash"
T=$B/tenmint-log

exits() { # NAME CODE command…: output in $W/out and $W/err
    local name=$1 want=$2
    shift 2
    "$@" >"$W/out" 2>"$W/err"
    check "$name" "$want" $?
}
says() { # NAME PATTERN: in what the last command printed
    check "$1" yes "$(cat "$W/out" "$W/err" | grep -q -e "$2" && echo yes || cat "$W/out" "$W/err" | tail -n 3)"
}
start_witness() { # NAME: sets VKEY and URL
    $T witness --name "$1.example.com" --key "$W/$1.key" --new-key >"$W/$1.vkey" 2>"$W/err" || cat "$W/err"
    VKEY=$(cat "$W/$1.vkey")
    $T witness --name "$1.example.com" --key "$W/$1.key" --dir "$W/$1" --listen 127.0.0.1:0 \
        --log "$ORIGIN=$W/ca/log.pem" >"$W/$1.out" 2>"$W/$1.log" &
    WITNESS_PID=$!
    PIDS="${PIDS:-} $WITNESS_PID"
    wait_for "$W/$1.log" '"witness listening"' || return 1
    URL=http://$(sed -n 's/.*"witness listening","address":"\([^"]*\)".*/\1/p' "$W/$1.log")
}
start_server() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
}
stop_server() { kill -TERM "$CA_PID"; wait "$CA_PID"; }
issue() { # N: that many certificates
    for _ in $(seq "$1"); do
        (umask 077 && mint >"$W/token")
        rm -rf "$W/cert"
        "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/cert" >/dev/null 2>"$W/err" ||
            { cat "$W/err"; fails=$((fails + 1)); }
    done
    sleep 1.5 # a checkpoint covers them
}

ORIGIN=log.example.com/e2e
exits init 0 "$B/tenmint-ca" init "$W/ca" --log-origin "$ORIGIN"
start_issuer && start_witness w1 || exit 1
V1=$VKEY U1=$URL
start_witness w2 || exit 1
V2=$VKEY U2=$URL W2_PID=$WITNESS_PID
cat >"$W/ca/issuers.yaml" <<TEXT
oidc-issuers:
  $ISSUER:
    issuer-url: $ISSUER
    client-id: sigstore
    type: github-workflow
TEXT
sed -i -e 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$W/ca/tenmint-ca.yaml"
cat >>"$W/ca/tenmint-ca.yaml" <<TEXT
    witnesses:
      one: {url: $U1, key: $V1}
      two: {url: $U2, key: $V2}
    witness-quorum: 2
TEXT
L=$W/ca/log
K="--key $W/ca/log.pem"
start_server || { cat "$W/ca.log"; exit 1; }
issue 3

exits "status" 0 $T status "$L" $K --witness-key "$V1" --witness-key "$V2"
says "status: origin" "^origin *$ORIGIN"
says "status: size" '^size *3$'
says "status: cosigned" 'by 2 of 2 witnesses'
exits "status by URL" 0 $T status "$CA/log" $K --json
says "status by URL: JSON" '"size":3.*"verified":true'
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout >"$W/other.pem"
exits "status with another key" 1 $T status "$L" --key "$W/other.pem"
exits "verify" 0 $T verify "$L" $K --witness-key "$V1" --witness-key "$V2"
says "verify: counts" '3 entries'
exits "verify, for programs" 0 $T verify "$L" $K --json
says "verify, for programs: counts" '"verified":true,"entries":3'
exits "verify by URL" 0 $T verify "$CA/log" $K
exits "verify by RFC 6962" 0 $T verify "$CA/log" $K --api rfc6962 --origin "$ORIGIN"
exits "find" 0 $T find "$L" $K --repository acme/widget
check "find: rows" 4 "$(wc -l <"$W/out")"
exits "find by URL, JSON" 0 $T find "$CA/log" $K --identity-regexp 'acme/widget' --after 1h --json
check "find: lines" 3 "$(grep -c '"SourceRepositoryURI":"https://github.com/acme/widget"' "$W/out")"
exits "find nothing" 1 $T find "$L" $K --issuer https://other.example.com
says "find nothing: says so" 'no such entry among'
serial=$(openssl x509 -in "$W/cert/leaf.pem" -noout -serial | cut -d= -f2)
exits "find by serial number" 0 $T find "$L" $K --serial "$serial" --json
check "find by serial number: one" 1 "$(wc -l <"$W/out")"
exits "export JSON" 0 $T export "$L" $K --first 1 --last 2
check "export: lines" 2 "$(wc -l <"$W/out")"
exits "export PEM" 0 $T export "$CA/log" $K --api rfc6962 --format pem --out "$W/pem"
check "export: it is the certificate's" "serial=$serial" "$(openssl x509 -in "$W/pem/000000000002.pem" -noout -serial)"
exits "a mistyped option" 2 $T find "$L" --serail 1
says "a mistyped option: suggestion" "did you mean '--serial'"
exits "a mistyped command" 2 $T verfiy "$L"
says "a mistyped command: suggestion" "did you mean 'verify'"
exits "no log there" 6 $T status "$W"
says "no log there: says so" 'this is not a log'

printf 'repository: [https://github.com/acme/widget]\n' >"$W/mine.yaml"
watch() { $T watch "$@" $K --once; }
exits "watch: first look" 0 watch "$L" --state "$W/s1" --identities "$W/mine.yaml"
says "watch: three of ours" '3 new, 3 matching'
exits "watch over tiles" 0 watch "$CA/log" --state "$W/s2"
exits "watch over RFC 6962" 0 watch "$CA/log" --state "$W/s3" --api rfc6962 --origin "$ORIGIN"
exits "watch: nothing new" 0 watch "$L" --state "$W/s1" --identities "$W/mine.yaml" --fail-on-match
cp -r "$L" "$W/backup"
cp "$L/checkpoint" "$W/older"
issue 2
exits "watch: two more" 5 watch "$L" --state "$W/s1" --identities "$W/mine.yaml" --fail-on-match
says "watch: two of ours" '2 new, 2 matching'
exits "watch over tiles: grown" 0 watch "$CA/log" --state "$W/s2"
exits "watch over RFC 6962: grown" 0 watch "$CA/log" --state "$W/s3" --api rfc6962 --origin "$ORIGIN"
exits "verify against an older checkpoint" 0 $T verify "$L" $K --checkpoint "$W/older"

kill "$W2_PID"; wait "$W2_PID" 2>/dev/null
issue 1 # a witness that is gone holds up nothing
exits "one witness is gone: quorum of 2" 1 $T status "$L" $K --witness-key "$V1" --witness-key "$V2"
says "one witness is gone: says so" '1 of 2 witnesses have cosigned it, want 2'
exits "one witness is gone: quorum of 1" 0 $T status "$L" $K --witness-key "$V1" --witness-key "$V2" --witness-quorum 1

cp -r "$L" "$W/broken"
size=$(stat -c %s "$W/broken/tile/data/000.p/6")
printf '\xff' | dd of="$W/broken/tile/data/000.p/6" bs=1 seek=$((size - 700)) conv=notrunc 2>/dev/null
exits "verify a damaged tile" 1 $T verify "$W/broken" $K
says "verify a damaged tile: file and entry" 'tile/data/000.p/6.*entry 5'
rm "$W/broken"/issuer/*
exits "verify without issuers" 1 $T verify "$W/broken" $K
says "verify without issuers: says so" 'issuer/.* is missing'

# The same log from an old backup: first a rollback, then, with other entries, a fork.
exits "watch: all of it" 0 watch "$L" --state "$W/s1"
exits "watch a rollback" 4 watch "$W/backup" --state "$W/s1"
says "watch a rollback: says so" 'ROLLBACK'
check "watch a rollback: evidence" 2 "$(ls "$W/s1.evidence" | wc -l)"
stop_server
rm -rf "$L"; cp -r "$W/backup" "$L"
exits "an older copy is refused: the witness has seen more" 3 timeout 60 "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml"
says "an older copy is refused: says so" "witness 'w1.example.com' has a checkpoint of 6 entries which this log signed.*an older copy"
says "an older copy is refused: says what to do" 'Bring back the newest copy.*tenmint-ca log create'
sed -i '/^    witnesses:/,$d' "$W/ca/tenmint-ca.yaml" # without witnesses nobody stops it
start_server || { cat "$W/ca.log"; exit 1; }
issue 4
exits "watch a fork" 4 watch "$L" --state "$W/s1"
says "watch a fork: says so" 'FORK'
exits "watch a fork over tiles" 4 watch "$CA/log" --state "$W/s2"
exits "watch a fork over RFC 6962" 4 watch "$CA/log" --state "$W/s3" --api rfc6962 --origin "$ORIGIN"
check "the evidence is signed" 2 "$(grep -l "$ORIGIN" "$W"/s2.evidence/* | wc -l)"
check "the witness refused" yes "$(grep -q '"status":422\|"status":409' "$W/w1.log" && echo yes)"
exits "no quorum for the fork" 1 $T status "$L" $K --witness-key "$V1"
stop_server; check "server exits 0" 0 $?
check "no sanitizer report" 0 "$(cat "$W/ca.log" "$W/w1.log" "$W/w2.log" | grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer')"
[ $fails -eq 0 ] || { tail -n 20 "$W/ca.log"; tail -n 5 "$W/w1.log"; echo "$fails checks failed"; exit 1; }
