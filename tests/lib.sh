# Starts the demo issuer and an ephemeral CA on free loopback ports. Sourced by demo.sh and e2e.
# Sets ISSUER, CA, METRICS; B is the build directory, W a scratch directory.
stop_all() {
    for p in ${PIDS:-}; do kill "$p" 2>/dev/null || true; done
    for p in ${PIDS:-}; do wait "$p" 2>/dev/null || true; done
    PIDS=
}
wait_for() { # FILE PATTERN
    for _ in $(seq 600); do # a server opens each of its keys, which takes long where others work
        grep -q "$2" "$1" 2>/dev/null && return 0
        sleep 0.1
    done
    echo "no '$2' in $1 after a minute:" >&2
    cat "$1" >&2
    return 1
}
start_issuer() {
    "$B/tests/demo_issuer" >"$W/issuer.out" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/issuer.out" http:// || return 1
    ISSUER=$(head -n 1 "$W/issuer.out")
}
address_of() { # message
    sed -n "s/.*\"message\":\"$1\",\"address\":\"\([^\"]*\)\".*/\1/p" "$W/ca.log" | tail -n 1
}
start_server() { # arguments of serve; sets CA_PID, and CA and METRICS to where it listens
    : >"$W/ca.log"
    "$B/tenmint-ca" serve "$@" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
    METRICS=http://$(address_of 'metrics listening')
}
start_ca() { # extra serve arguments
    start_server --ephemeral --issuer "$ISSUER" --issuer-type github-workflow --listen 127.0.0.1:0 \
        --metrics-listen 127.0.0.1:0 "$@"
}
start_ct_log() { # sets LOG (a URL) and LOG_KEY (a PEM file)
    mkfifo "$W/log.in"
    "$B/tests/fake_log" <"$W/log.in" >"$W/log.out" 2>&1 &
    PIDS="${PIDS:-} $!"
    exec {log_fd}>"$W/log.in" # holds the pipe open
    wait_for "$W/log.out" /tmp/ || return 1
    LOG=$(sed -n 1p "$W/log.out")
    LOG_KEY=$(sed -n 2p "$W/log.out")
}
start_tsa() { # sets TSA (a URL); its chain is $W/tsa.pem
    "$B/tests/demo_tsa" "$W/tsa.pem" >"$W/tsa.out" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/tsa.out" http:// || return 1
    TSA=$(cat "$W/tsa.out")
}
start_logged_ca() { # an ephemeral CA that embeds SCTs of the CT log; its chain is $W/ca.pem
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$W/issuers.yaml"
    cat >"$W/ca.yaml" <<TEXT
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
issuers-file: issuers.yaml
ct: {logs: {one: {url: '$LOG', public-key: $LOG_KEY, timeout: 2s}}}
TEXT
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
    curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/ca.pem"
}
family() { # PID: it and the processes below it, in the order of their starts
    local p
    echo "$1"
    for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do family "$p"; done
}
mint() { # [JSON of claims to change]
    curl -sS --max-time 10 -X POST -d "${1:-}" "$ISSUER/token"
}
free_port() { # a port that nothing listens on now
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}
wait_until() { # COMMAND...
    for _ in $(seq 50); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "not within 5 s: $*" >&2
    return 1
}
