# Issuance over HTTP: RS256 token, P-256 client key and CA key, keep-alive connections.
start_issuer
bench_ca 1
one=$(bench_target "one worker" 8)
bench_ca 2
two=$(bench_target "two workers" 16)
bench_ca 1
many=$(bench_target "256 connections" 256)
mint | "$B/tests/bench" throughput 25600 "$one" "$two" "$many"
