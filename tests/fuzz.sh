#!/usr/bin/env bash
# fuzz.sh SECONDS NAME...: runs fuzz targets from random seeds and keeps what they find in
# build/corpus; without a NAME, every target.
set -eu
cd "$(dirname "$0")/.."
seconds=$1
shift
make --no-print-directory BUILD=build/fuzzing SAN=address,undefined,fuzzer-no-link CC=clang-14 fuzz
[ $# -gt 0 ] || set -- $(ls tests/fuzz/fuzz_*.c | sed 's,.*/fuzz_\(.*\)\.c,\1,')
for name; do
    own=build/corpus/$name
    mkdir -p "$own"
    echo "== $name"
    "build/fuzzing/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=1024 \
        -artifact_prefix="build/corpus/$name-" "$own" \
        $([ -d "testdata/corpus/$name" ] && echo "testdata/corpus/$name") >"build/corpus/$name.log" 2>&1 ||
        { tail -n 30 "build/corpus/$name.log"; exit 1; }
    grep '^Done' "build/corpus/$name.log"
done
