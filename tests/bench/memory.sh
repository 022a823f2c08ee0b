# Resident memory with 256 connections in use.
start_issuer
bench_ca 1
mint "{\"exp\": $(($(date +%s) + 3600))}" | "$B/tests/bench" memory "$BENCH_REQUESTS" "$(bench_target "256 connections" 256)"
