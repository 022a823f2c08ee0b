#!/usr/bin/env bash
# Ratios against the crypto limit, measured in this run; wall time shares the machine with the load.
set -euo pipefail
cd "$(dirname "$0")/.."
B=build
W=$(mktemp -d)
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
start_issuer
for workers in 1 2; do
    start_ca --workers $workers
    echo "== $workers worker(s)"
    mint | build/tests/bench "${CA##*:}" "$CA_PID" 2000 2 >/dev/null # warm-up
    mint | build/tests/bench "${CA##*:}" "$CA_PID" 20000 $((2 * workers))
    kill "$CA_PID"; wait "$CA_PID"
done
start_ca
echo "== 256 connections"
mint | build/tests/bench "${CA##*:}" "$CA_PID" 51200 256
