# A certificate by gRPC beside one by JSON over HTTP/1.
start_issuer
bench_ca 1
mint | "$B/tests/bench" grpc 8000 "$(bench_target "one worker" 8)"
