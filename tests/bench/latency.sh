# p99 at 70 % load against the median of an idle server.
start_issuer
bench_ca 1
mint | "$B/tests/bench" latency 5 "$(bench_target "one worker" 16)"
