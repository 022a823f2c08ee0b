# Memory of each process while a whole private Sigstore issues 51,200 certificates, each in the log
# and in the audit trail's database: private memory after 10,240, 30,720 and 51,200. What is
# made when it is first needed is there by the second figure; from then on less than 8 bytes a
# certificate is less than anything that could be forgotten for each: no allocator gives less. The
# pages' process fills SQLite's caches of 4 MiB while its index grows, to a bound.
L=$(mktemp -d -p "$B") # in the file system of the build: /tmp may be memory, where fsync is free
trap 'stop_all; rm -rf "$W" "$L"' EXIT
roles=(serve parent fetch audit log signatures timestamps tuf pages issuer front) # as they are started
steps=(10240 20480 20480) # which 16 connections share in eight rounds
FLAT_MAX=8 # bytes a certificate
PAGES_MAX=16 # MiB in all: 14.3 was the most in two runs
start_issuer
"$B/tenmint-ca" init "$L/ca" --all --url http://127.0.0.1:5555 >/dev/null
for k in intermediate log siglog tsa audit; do # without a password: five of them take their time at a start
    openssl pkey -in "$L/ca/$k.key" -passin "file:$L/ca/password" -out "$L/plain" &&
        mv "$L/plain" "$L/ca/$k.key" && chmod 600 "$L/ca/$k.key"
done
bench_issuers >"$L/ca/issuers.yaml"
bench_serve "$L" --config "$L/ca/tenmint-ca.yaml" --workers 1 --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 || exit 1
mint "{\"exp\": $(($(date +%s) + 3600))}" >"$W/token"
read -ra pids <<<"$(family "$CA_PID" | xargs)"
[ "${#pids[@]}" = "${#roles[@]}" ] || { echo "${#pids[@]} processes"; exit 1; }
private_kib() { awk '/^Pss_Anon:/ { print $2 }' "/proc/$1/smaps_rollup"; }
declare -A at
issued=0
for step in "${steps[@]}"; do
    "$B/tests/bench" memory "$step" "$(bench_target flat 16)" <"$W/token" >/dev/null || exit 1
    issued=$((issued + step))
    for i in "${!roles[@]}"; do at[${roles[i]}]+="$(private_kib "${pids[i]}") "; done
done
for _ in $(seq 100); do # the last ones wait for their checkpoint
    [ "$(curl -sS --max-time 10 "$CA/log/checkpoint" | sed -n 2p)" -lt "$issued" ] || break
    sleep 0.1
done
at_least "flat: entries that the log took" \
    "$(curl -sS --max-time 10 "$CA/log/checkpoint" | sed -n 2p)" "$issued" # else it is not what was measured
for role in "${roles[@]}"; do
    read -r first middle last <<<"${at[$role]}"
    figure "flat: $role after 10, 31 and 51 thousand, MiB" \
        "$(awk -v a="$first" -v b="$middle" -v c="$last" 'BEGIN { printf "%.2f %.2f %.2f", a / 1024, b / 1024, c / 1024 }')"
    if [ "$role" = pages ]; then
        at_most "flat: pages, MiB" "$(awk -v a="$last" 'BEGIN { printf "%.2f", a / 1024 }')" "$PAGES_MAX"
    else
        at_most "flat: $role grows, bytes a certificate" \
            "$(awk -v a="$middle" -v b="$last" 'BEGIN { printf "%.2f", (b - a) * 1024 / 20480 }')" "$FLAT_MAX"
    fi
done
