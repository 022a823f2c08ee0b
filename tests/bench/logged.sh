# Issuance with the embedded log: fsync on, the SCT embedded, so the CA signs precertificate and
# certificate, the log the SCT. The more connections, the more entries share an fsync.
L=$(mktemp -d -p "$B") # in the file system of the build: /tmp may be memory, where fsync is free
trap 'stop_all; rm -rf "$W" "$L"' EXIT
LOGGED=12800 # certificates of each
start_issuer

bench_logged() { # CONNECTIONS
    "$B/tenmint-ca" init --log-origin log.example.com/bench "$L/$1" >/dev/null
    sed -i '/^audit-store:/,/^$/d' "$L/$1/tenmint-ca.yaml"
    bench_issuers >"$L/$1/issuers.yaml"
    bench_serve "$L/$1" --config "$L/$1/tenmint-ca.yaml" --workers 1 \
        --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0
    targets+=("$(bench_target "log, $1 connections" "$1")")
    pids+=("$CA_PID")
    metrics+=("$(sed -n 's/.*"metrics listening","address":"\([^"]*\)".*/\1/p' "$L/$1/ca.log")")
}

connections=(1 8 64 256) targets=() metrics=() pids=()
for n in "${connections[@]}"; do bench_logged "$n"; done
mint | "$B/tests/bench" logged $LOGGED "${targets[@]}"
for i in "${!connections[@]}"; do
    read -r entries group fsync_ms < <(curl -sS --max-time 10 "http://${metrics[i]}/metrics" | awk '
        /^tenmint_log_group_entries_sum/ { entries = $2 }
        /^tenmint_log_group_entries_count/ { groups = $2 }
        /^tenmint_log_fsync_seconds_sum/ { seconds = $2 }
        END { if (groups > 0) printf "%d %.1f %.2f\n", entries, entries / groups, 1000 * seconds / groups }')
    label="log, ${connections[i]} connections"
    at_least "$label: entries that the log took" "$entries" $LOGGED # else it is not what was measured
    figure "$label: mean group, and its fsync" "$group entries, $fsync_ms ms"
    at_most "$label: memory of all processes, MiB" "$(memory_mib "${pids[i]}")" 40
done
