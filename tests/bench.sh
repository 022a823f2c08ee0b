#!/usr/bin/env bash
# bench.sh [PART...]: runs the benchmarks tests/bench/PART.sh, by default all of them. Every figure
# is one labelled line; a line with a goal ends in "met" or "MISSED". Fails when a goal is missed.
#
# A part is sourced with B (build directory), W (its scratch directory), the helpers of
# tests/lib.sh, and BENCH_REQUESTS, which `make bench-long` sets to a million.
set -euo pipefail
cd "$(dirname "$0")/.."
B=build
BENCH_REQUESTS=${BENCH_REQUESTS:-40000}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
broken=0

bench_target() { # NAME CONNECTIONS: the CA started last, as build/tests/bench takes it
    echo "$1=${CA##*:},$CA_PID,$2"
}

part() (
    W=$(mktemp -d)
    . tests/lib.sh
    trap 'stop_all; rm -rf "$W"' EXIT
    . "tests/bench/$1.sh"
)

if [ $# -eq 0 ]; then
    for file in tests/bench/*.sh; do set -- "$@" "$(basename "$file" .sh)"; done
fi
for name in "$@"; do
    echo "== $name"
    part "$name" 2>&1 | tee -a "$out" || { echo "$name failed"; broken=$((broken + 1)); }
done
echo "== goals: $(grep -c ' met$' "$out") met, $(grep -c ' MISSED$' "$out") missed"
[ "$broken" -eq 0 ] && ! grep -q ' MISSED$' "$out"
