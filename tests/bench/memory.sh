# Resident memory with 256 connections in use.
start_issuer
start_ca --workers 1
mint | "$B/tests/bench" memory "$BENCH_REQUESTS" "$(bench_target "256 connections" 256)"
