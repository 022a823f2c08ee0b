#!/usr/bin/env bash
# Concurrent issuance into the embedded log, readers of the log and reloads under ThreadSanitizer: no
# report, no failure, exit 0, a sound log.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build/tsan
W=$(mktemp -d)
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
export TSAN_OPTIONS=halt_on_error=0:exitcode=66
start_issuer
"$B/tenmint-ca" init "$W/ca" --log-origin log.example.com/threads >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
"$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --workers 4 --listen 127.0.0.1:0 \
    --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"'
CA=http://$(address_of listening)
METRICS=http://$(address_of 'metrics listening')

(for _ in $(seq 20); do
    kill -HUP "$CA_PID"
    curl -s -o /dev/null --max-time 10 "$METRICS/metrics"
    sleep 0.1
done) &
reload=$!
(for _ in $(seq 20); do
    curl -s --max-time 10 "$CA/log/checkpoint" "$CA/log/ct/v1/get-sth" "$CA/log/ct/v1/get-roots" \
        "$CA/log/ct/v1/get-entries?start=0&end=255" "$CA/log/ct/v1/get-entry-and-proof?leaf_index=0&tree_size=1" >/dev/null
    "$B/tenmint-ca" log watch "$CA/log" --key "$W/ca/log.pem" --state "$W/seen" --once >>"$W/watch.log" 2>&1 ||
        { cat "$W/watch.log"; exit 1; }
done) &
watch=$!
mint | build/tsan/tests/bench memory 2000 "threads=${CA##*:},$CA_PID,8" >/dev/null
wait $reload
wait $watch
kill -TERM "$CA_PID"
rc=0
wait "$CA_PID" || rc=$?
[ $rc -eq 0 ] && ! grep -q ThreadSanitizer "$W/ca.log" "$W/watch.log" ||
    { echo "exit $rc"; grep -v '"issued"' "$W/ca.log" | head -60; exit 1; }
"$B/tenmint-ca" log verify "$W/ca/log" --key "$W/ca/log.pem"
[ "$(sed -n 2p "$W/ca/log/checkpoint")" -ge 2000 ]
