# New TLS connections with one certificate each, over lines of 0, 40 and 100 ms, and beside peers
# that never finish their handshake.
start_issuer
bench_ca 1
plain=$(bench_target "kept connections" 8)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=bench \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$W/tls.key" -out "$W/tls.pem" 2>/dev/null
chmod 600 "$W/tls.key"
bench_ca 1 "tls: {certificate: $W/tls.pem, key: $W/tls.key}" "per-address-limit: 0"
export BENCH_TLS_CERTIFICATE=$W/tls.pem BENCH_TLS_KEY=$W/tls.key
mint | "$B/tests/bench" tls 4000 "$plain" "$(bench_target "TLS" 1)"
