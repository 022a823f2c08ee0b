#!/usr/bin/env bash
# Runs every test; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0
failed=0
logs=build/logs
mkdir -p "$logs"

ok() { passed=$((passed + 1)); echo "ok    $1"; }
bad() { failed=$((failed + 1)); echo "FAIL  $1"; }

# One command is one test; its output is shown only when it fails.
step() {
    local name=$1
    shift
    if timeout 900 "$@" >"$logs/${name//\//_}.log" 2>&1; then
        ok "$name"
    else
        bad "$name"
        tail -n 40 "$logs/${name//\//_}.log"
    fi
}

# A cmocka program counts each of its cases.
unit() {
    local name=$1 log="$logs/$1.log" n
    shift
    timeout 300 "$@" >"$log" 2>&1
    local rc=$?
    n=$(grep -c '^\[       OK \]' "$log")
    passed=$((passed + n))
    if [ $rc -eq 0 ] && [ "$n" -gt 0 ]; then
        echo "ok    $name ($n cases)"
    else
        bad "$name (exit $rc)"
        grep -v '^\[       OK \]\|^\[ RUN' "$log" | tail -n 40
    fi
}

jobs=$(nproc)
step build make -j"$jobs" all test-programs # tests that run programs find them made
step format make format-check
for t in tests/house/*.sh; do
    [ -e "$t" ] && step "house-$(basename "$t" .sh)" bash "$t"
done
step build-sanitized make -j"$jobs" BUILD=build/asan SAN=address,undefined CC=clang-14 all unit test-programs
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
for t in tests/unit/test_*.c; do # what has a source: what a deleted test left behind is not run
    t=$(basename "$t" .c)
    unit "$t" "build/asan/tests/$t"
done

# The corpus of the tree in one order, then a fixed number of runs from a fixed seed: a faster
# machine finds no more than a slow one, and two runs are alike. Addresses are compared and so steer
# the search: where the kernel lets us they stay where they are. `make explore` is the search for
# new inputs. The time bounds a machine that is many times slower.
here=$(setarch -R true 2>/dev/null && echo setarch -R)
replay() {
    local name=${1##*/fuzz_} found runs seeds
    runs=$(sed -n "s/^$name //p" tests/fuzz/runs)
    seeds=$(LC_ALL=C ls "testdata/corpus/$name"/* 2>/dev/null | paste -sd,)
    [ -n "$runs" ] && [ -n "$seeds" ] || { bad "fuzz_$name: no line in tests/fuzz/runs, or no corpus"; return; }
    found=$(mktemp -d)
    step "fuzz_$name" $here "$1" -seed=1 -runs="$runs" -max_total_time=30 -reload=0 \
        -max_len=65536 -rss_limit_mb=1024 -artifact_prefix="build/logs/" \
        -seed_inputs="$seeds" "$found"
    rm -rf "$found"
}
step build-fuzz make -j"$jobs" BUILD=build/fuzzing SAN=address,undefined,fuzzer-no-link CC=clang-14 fuzz
for f in tests/fuzz/fuzz_*.c; do
    replay "build/fuzzing/fuzz/$(basename "$f" .c)"
done

for t in tests/e2e/*.sh; do
    [ -e "$t" ] && step "$(basename "$t" .sh)" bash "$t"
done

for t in tests/interop/*.sh; do
    [ -e "$t" ] && step "interop-$(basename "$t" .sh)" bash "$t"
done

threaded='gate sink http keystore log_threads log_serve once'
step build-threads make -j"$jobs" BUILD=build/tsan SAN=thread CC=clang-14 all test-programs \
    $(printf "build/tsan/tests/test_%s " $threaded)
for t in $threaded; do
    TSAN_OPTIONS=exitcode=66 unit "threads-test_$t" "build/tsan/tests/test_$t"
done
step threads bash tests/e2e/threads.bash

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
