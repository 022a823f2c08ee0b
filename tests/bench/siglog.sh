# Entries of the signature log over 250 connections, each of which waits for its checkpoint, ten a
# second; and timestamps over 64: with everything on (fsync, a process per duty). CPU of all the
# server's processes, against what OpenSSL alone needs for the same cryptography. With
# SIGLOG_PEERS=DIR sigstore's own timestamp-server has the same beside it, from that folder.
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
# Ten checkpoints a second, each a signature.
limit=$(awk -v v="$verify_us" -v s="$sign_us" -v ms="$took_ms" -v n="$count" 'BEGIN { printf "%.1f", v + s * (ms / 100 + 1) / n }')
figure "siglog, OpenSSL alone, us an entry" "$limit"
figure "siglog, server CPU, us an entry" "$US"
at_least "siglog, entries a CPU-second against OpenSSL's" "$(ratio "$limit" "$US")" 0.5
loopback siglog "$limit" 519,1527,250
measure stamps 64
figure "tsa, OpenSSL alone, us a timestamp" "$sign_us"
figure "tsa, server CPU, us a timestamp" "$US"
at_least "tsa, timestamps a CPU-second against OpenSSL's" "$(ratio "$sign_us" "$US")" 0.6
loopback tsa "$sign_us" 171,654,64
if [ -x "${SIGLOG_PEERS:-}/timestamp-server" ]; then # its metrics want port 2112
    peer_port=$(free_port)
    "$SIGLOG_PEERS/timestamp-server" serve --port "$peer_port" --host 127.0.0.1 --timestamp-signer memory \
        --disable-ntp-monitoring >"$W/peer.log" 2>&1 &
    family=$!
    PIDS="$PIDS $family"
    port=$peer_port ours=$US
    wait_until curl -sf "http://127.0.0.1:$port/api/v1/timestamp/certchain"
    count=$((count / 10))
    measure stamps 64
    figure "tsa, timestamp-authority's server, us a timestamp" "$US"
    at_least "tsa, times less CPU than timestamp-authority" "$(ratio "$US" "$ours")" 8
fi
