# Each form of request: key and proof by type, and by certificate signing request.
start_issuer
bench_ca 1
mint | "$B/tests/bench" forms 9000 "$(bench_target "one worker" 8)"
