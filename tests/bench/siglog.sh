# Entries of the signature log over 250 connections, each of which waits for its checkpoint, ten a
# second; and timestamps over 64: with everything on (fsync, a process per duty). CPU of all the
# server's processes, against what OpenSSL alone needs for the same cryptography. `make bench-peers`
# sets SIGLOG_PEERS to a folder with sigstore's own servers: each has a quarter of the same beside it.
L=$(mktemp -d -p "$B") # in the file system of the build: /tmp may be memory, where fsync is free
trap 'stop_all; rm -rf "$W" "$L"' EXIT
make -s "$B/tests/sigload"
read -r verify_us sign_us < <("$B/tests/sigload" limit)
cpu_us() { # PIDS: user and system time so far
    for p in "$@"; do sed 's/.*) //' "/proc/$p/stat"; done |
        awk -v hz="$(getconf CLK_TCK)" '{ t += $12 + $13 } END { printf "%.0f\n", t * 1e6 / hz }'
}
"$B/tenmint-ca" init "$L/ca" --all --url http://127.0.0.1 >/dev/null
cat >"$L/ca/two.yaml" <<'TEXT'
listen: 127.0.0.1:0
workers: 1
signature-log: {directory: siglog, origin: 127.0.0.1, key: siglog.key, password-file: password, checkpoint-interval: 100ms}
timestamp-authority: {chain: tsa.pem, key: tsa.key, password-file: password}
TEXT
bench_serve "$L" --config "$L/ca/two.yaml"
family=$(family "$CA_PID")
port=${CA##*:}
count=$((BENCH_REQUESTS / 2))
measure() { # WHAT CONNECTIONS [first]: sets US, microseconds of the server for one
    "$B/tests/sigload" "$1" "$port" "$2" 1000 ${3:+9000000} >/dev/null # warm
    local before after from
    before=$(cpu_us $family)
    from=$(date +%s%N)
    "$B/tests/sigload" "$1" "$port" "$2" "$count" ${3:+0} | wc -l >"$W/got"
    took_ms=$((($(date +%s%N) - from) / 1000000))
    after=$(cpu_us $family)
    [ "$(cat "$W/got")" = "$count" ]
    US=$(awk -v t=$((after - before)) -v n="$count" 'BEGIN { printf "%.1f", t / n }')
}
loopback() { # LABEL LIMIT IN,OUT,CONNECTIONS: how much of US is the kernel's, whoever serves
    local floor
    floor=$("$B/tests/bench" floor "$count" "$3")
    figure "$1, loopback alone, us a request" "$floor"
    figure "$1, fraction of limit and loopback together" "$(ratio "$(awk -v a="$2" -v b="$floor" 'BEGIN { print a + b }')" "$US")"
}
measure entries 250 first
entry_us=$US
# Ten checkpoints a second, each a signature.
limit=$(awk -v v="$verify_us" -v s="$sign_us" -v ms="$took_ms" -v n="$count" 'BEGIN { printf "%.1f", v + s * (ms / 100 + 1) / n }')
figure "siglog, OpenSSL alone, us an entry" "$limit"
figure "siglog, server CPU, us an entry" "$US"
at_least "siglog, entries a CPU-second against OpenSSL's" "$(ratio "$limit" "$US")" 0.5
loopback siglog "$limit" 519,1527,250
measure stamps 64
stamp_us=$US
figure "tsa, OpenSSL alone, us a timestamp" "$sign_us"
figure "tsa, server CPU, us a timestamp" "$US"
at_least "tsa, timestamps a CPU-second against OpenSSL's" "$(ratio "$sign_us" "$US")" 0.6
loopback tsa "$sign_us" 171,654,64

peer() { # PROGRAM HEALTH ARGUMENTS...: starts one; sets family and port, which PORT stands for
    local program=$SIGLOG_PEERS/$1 health=$2
    shift 2
    port=$(free_port)
    "$program" serve "${@/PORT/$port}" >"$W/peer.log" 2>&1 &
    family=$!
    PIDS="$PIDS $family"
    wait_until curl -sf "http://127.0.0.1:$port$health" >"$W/peer.health"
}
beside() { # NAME WHAT CONNECTIONS OURS [first]
    measure "$2" "$3" ${5:-}
    figure "$1, server CPU, us" "$US; ours $4"
    at_least "times less CPU than $1" "$(ratio "$US" "$4")" 8
    kill "$family"
}
if [ -n "${SIGLOG_PEERS:-}" ]; then
    count=$((count / 4))
    peer timestamp-server /api/v1/timestamp/certchain --port PORT --host 127.0.0.1 --timestamp-signer memory \
        --disable-ntp-monitoring # its metrics want port 2112
    beside timestamp-authority stamps 64 "$stamp_us"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/peer.key" 2>/dev/null
    mkdir "$L/peer"
    peer posix /healthz --http-port PORT --http-address 127.0.0.1 --hostname 127.0.0.1 \
        --grpc-port "$(free_port)" --http-metrics-port "$(free_port)" --log-level warn \
        --storage-dir "$L/peer" --signer-filepath "$W/peer.key" --persistent-antispam \
        --checkpoint-interval 100ms --batch-max-age 50ms # it refuses what it has, as ours does
    beside "rekor-tiles on POSIX" entries 250 "$entry_us" first
fi
