# Three times as many requests as the server can serve.
start_issuer
bench_ca 1 "per-address-limit: 0"
mint | "$B/tests/bench" overload 1 "$(bench_target "overload" 1000)"
