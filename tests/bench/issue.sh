# Issuance over HTTP: RS256 token, P-256 client key and CA key, keep-alive connections.
start_issuer
start_ca --workers 1
one=$(bench_target "one worker" 2)
start_ca --workers 2
two=$(bench_target "two workers" 4)
start_ca --workers 1
many=$(bench_target "256 connections" 256)
mint | "$B/tests/bench" throughput 25600 "$one" "$two" "$many"
