#!/usr/bin/env bash
# Every test with programs of others, those too that take minutes to build (PEERS=all); then the table
# of what each program did. Scripts add to it by `did` (tests/interop/go-peer.bash).
set -u
cd "$(dirname "$0")/.." || exit 1
export PEERS=all INTEROP_TABLE=$PWD/build/logs/interop.table
mkdir -p build/logs
: >"$INTEROP_TABLE"
passed=0
failed=0
for t in tests/interop/*.sh; do
    name=$(basename "$t" .sh)
    if timeout 3600 bash "$t" >"build/logs/interop-$name.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        echo "FAIL  $name"
        tail -n 40 "build/logs/interop-$name.log"
    fi
    grep '^note: ' "build/logs/interop-$name.log"
done
[ ! -s "$INTEROP_TABLE" ] || sort -s -t'|' -k1,1 "$INTEROP_TABLE" | column -t -s'|'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
