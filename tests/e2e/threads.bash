#!/usr/bin/env bash
# Concurrent issuance and reloads under ThreadSanitizer: no report, no failure, exit 0.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build/tsan
W=$(mktemp -d)
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
export TSAN_OPTIONS=halt_on_error=0:exitcode=66
start_issuer
start_ca --workers 4
(for _ in $(seq 20); do kill -HUP "$CA_PID"; curl -s -o /dev/null "$METRICS/metrics"; sleep 0.1; done) &
mint | build/tsan/tests/bench memory 2000 "threads=${CA##*:},$CA_PID,8" >/dev/null
wait $!
kill -TERM "$CA_PID"
rc=0
wait "$CA_PID" || rc=$?
[ $rc -eq 0 ] && ! grep -q ThreadSanitizer "$W/ca.log" || { cat "$W/ca.log" | grep -v '"issued"' | head -60; exit 1; }
