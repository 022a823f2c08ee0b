#!/usr/bin/env bash
# The configurations for nginx and HAProxy that are among the examples, with the real programs: TLS outside,
# a certificate through it, the client's own address in the record, what a client claims of it dropped.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
: >"$W/said"
for p in nginx haproxy; do
    command -v $p >/dev/null || { echo "FAIL $p is not installed: tests/install.sh tests"; exit 1; }
done
start_issuer
mkdir "$W/ca"
printf 'oidc-issuers:\n  %s:\n    issuer-url: %s\n    client-id: sigstore\n    type: github-workflow\n' "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/key.pem" -out "$W/cert.pem" -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -days 2 2>/dev/null
cat "$W/cert.pem" "$W/key.pem" >"$W/both.pem"
BACK=$(free_port) FRONT=$(free_port)

behind() { # WAY: the server, as the example says that it needs
    stop_all
    start_issuer
    sed -i "s,http://127.0.0.1:[0-9]*,$ISSUER,g" "$W/ca/issuers.yaml"
    printf '%s\n' "listen: 127.0.0.1:$BACK" "metrics-listen: 127.0.0.1:0" "ca: {backend: ephemeral}" "issuers-file: issuers.yaml" \
        "proxies: {addresses: [127.0.0.1], client-address: $1}" >"$W/ca/ca.yaml"
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/ca.yaml" >"$W/ca.log" 2>&1 &
    PIDS="$PIDS $!"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
}
outside() { curl -s --max-time 10 --cacert "$W/cert.pem" --interface 127.0.0.9 "$@"; }
answers() { for _ in $(seq 100); do outside -f "https://127.0.0.1:$FRONT/healthz" >/dev/null && return; sleep 0.1; done; cat "$W/$1.log"; exit 1; }
asked() { # NAME: what every proxy must do
    check "$1: the API" 200 "$(outside -o /dev/null -w '%{http_code}' "https://127.0.0.1:$FRONT/api/v2/trustBundle")"
    mint >"$W/token"
    chmod 600 "$W/token"
    says "$1: a certificate" 0 "" "$B/tenmint" cert --ca "https://127.0.0.1:$FRONT" --tls-ca "$W/cert.pem" --token-file "$W/token" --out "$W/$1" --force
    outside -o /dev/null -H 'X-Forwarded-For: 8.8.8.8' -H 'Content-Type: application/json' -d '{}' "https://127.0.0.1:$FRONT/api/v2/signingCert"
    check "$1: the record has the client's address" 1 "$(($(grep -c '"remote":"127.0.0.9"' "$W/ca.log") > 0))"
    check "$1: what the client claims is dropped" 0 "$(grep -c '8\.8\.8\.8' "$W/ca.log")"
}

behind x-forwarded-for
sed -e "s,listen 443 ssl,listen 127.0.0.1:$FRONT ssl," -e "s,/etc/ssl/sigstore.example.com.pem,$W/cert.pem," \
    -e "s,/etc/ssl/private/sigstore.example.com.key,$W/key.pem," -e "s,127.0.0.1:5555,127.0.0.1:$BACK," config/proxy/nginx.conf >"$W/site.conf"
printf 'daemon off;\nmaster_process off;\npid %s/nginx.pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n%s\ninclude %s/site.conf;\n}\n' "$W" \
    "$(for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $W/$t;"; done)" "$W" >"$W/nginx.conf"
nginx -p "$W" -c "$W/nginx.conf" >"$W/nginx.log" 2>&1 &
PIDS="$PIDS $!"
answers nginx
asked nginx

behind proxy-protocol
sed -e "s,bind :443,bind 127.0.0.1:$FRONT," -e "s,/etc/ssl/sigstore.example.com.pem,$W/both.pem," -e "s,127.0.0.1:5555,127.0.0.1:$BACK," \
    config/proxy/haproxy.cfg >"$W/haproxy.cfg"
haproxy -db -f "$W/haproxy.cfg" >"$W/haproxy.log" 2>&1 &
PIDS="$PIDS $!"
answers haproxy
asked haproxy
check "HTTP/2 outside" 2 "$(outside -o /dev/null -w '%{http_version}' --http2 "https://127.0.0.1:$FRONT/api/v2/configuration")"
printf '\0\0\0\0\0' | outside --http2 -H 'Content-Type: application/grpc' -H 'TE: trailers' --data-binary @- -D "$W/headers" -o "$W/reply" \
    "https://127.0.0.1:$FRONT/grpc.health.v1.Health/Check"
check "gRPC's health" 0 "$(sed -n 's/^grpc-status: \([0-9]*\).*/\1/p' "$W/headers")"
[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
