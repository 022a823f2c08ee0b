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

goal() { # LABEL VALUE <=|>= GOAL: a line; a figure that is missing, or is no number, misses its goal
    awk -v l="$1" -v v="$2" -v r="$3" -v g="$4" 'BEGIN {
        figure = v ~ /^[-+]?[0-9]+([.][0-9]*)?(e[-+]?[0-9]+)?$/
        met = figure && (r == "<=" ? v + 0 <= g + 0 : v + 0 >= g + 0)
        printf "%-52s %-9s goal %s %-9.4g %s\n", l, (figure ? sprintf("%.2f", v) : "none"), r, g,
               (met ? "met" : "MISSED") }'
}
at_most() { goal "$1" "$2" "<=" "$3"; }
at_least() { goal "$1" "$2" ">=" "$3"; }
figure() { printf '%-52s %s\n' "$1" "$2"; } # LABEL VALUE, without a goal
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 > 0) printf "%.3f", a / b }'; }
memory_mib() { # PID: of a server's processes together; a page that they share counts once
    for p in $(family "$1"); do cat "/proc/$p/smaps_rollup"; done |
        awk '/^Pss:/ { kib += $2 } END { if (kib > 0) printf "%.1f", kib / 1024 }'
}

bench_issuers() { # the file that trusts the demo issuer
    printf 'oidc-issuers:\n  %s:\n    issuer-url: %s\n    client-id: sigstore\n    type: github-workflow\n' \
        "$ISSUER" "$ISSUER"
}

bench_serve() { # DIRECTORY ARGUMENTS...: sets CA and CA_PID. Its log is read from a pipe, as
    # journald reads it: to a file, each group of certificates would wait for the disk. The reader
    # is not the server's child: what it costs is not the server's.
    local dir=$1
    shift
    mkfifo "$dir/ca.pipe"
    cat "$dir/ca.pipe" >"$dir/ca.log" &
    PIDS="${PIDS:-} $!"
    "$B/tenmint-ca" serve "$@" >"$dir/ca.pipe" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$dir/ca.log" '"message":"listening"'
    CA=$(sed -n 's/.*"message":"listening","address":"\([^"]*\)".*/\1/p' "$dir/ca.log")
}

bench_ca() { # WORKERS [LINE...]: a CA without a log, which costs what certificates alone cost;
    # further lines of its configuration
    local dir workers=$1
    shift
    dir=$(mktemp -d -p "$W")
    bench_issuers >"$dir/issuers.yaml"
    printf '%s\n' "listen: 127.0.0.1:0" "metrics-listen: 127.0.0.1:0" "ca: {backend: ephemeral}" \
        "issuers-file: issuers.yaml" "workers: $workers" "$@" >"$dir/ca.yaml"
    bench_serve "$dir" --config "$dir/ca.yaml"
}

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
