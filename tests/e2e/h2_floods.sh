#!/usr/bin/env bash
# Floods of HTTP/2 against a whole server: what each costs the process that has the connections, in
# processor time a frame and in memory, and that others are served meanwhile.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
start_issuer && start_ca || exit 1
A=${CA#http://}
front=$(family "$CA_PID" | tail -n 1) # the last that was started
cpu_ms() { awk '{ print ($14 + $15) * 10 }' "/proc/$front/stat"; }
rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$front/status"; }
curl -sS "$CA/healthz" >/dev/null
begin=$(rss_kib)
for kind in $("$B/tests/h2flood"); do
    cpu=$(cpu_ms)
    "$B/tests/h2flood" "$A" "$kind" 1500 >"$W/one" &
    one=$!
    "$B/tests/h2flood" "$A" "$kind" 1500 >"$W/two" &
    two=$!
    served=0 slow=0 # of another address: this one's places are the flood's
    while kill -0 $one 2>/dev/null; do
        took=$(curl -sS --interface 127.0.0.2 --http2-prior-knowledge --max-time 10 -o /dev/null -w '%{time_total} %{http_code}' \
            "$CA/api/v2/trustBundle")
        if [ "${took#* }" = 200 ]; then served=$((served + 1)); else slow=$((slow + 1)); fi
        awk -v t="${took% *}" 'BEGIN { exit !(t > 5) }' && slow=$((slow + 1))
    done
    wait $one $two
    cpu=$(($(cpu_ms) - cpu)) rss=$(($(rss_kib) - begin))
    frames=$(cat "$W/one" "$W/two" | awk '{ f += $2 } END { print f }')
    us=$((cpu * 1000 / (frames + 1)))
    said="$kind: $frames frames in $(cat "$W/one" "$W/two" | awk '{ c += $1 } END { print c }') connections cost $cpu ms ($us us each), memory +$rss KiB; $served others served"
    if [ "$served" -gt 0 ] && [ $slow = 0 ] && [ $us -le 100 ] && [ $rss -le 24576 ]; then
        echo "ok   $said"
    else
        echo "FAIL $said, $slow slow"
        fails=$((fails + 1))
    fi
done
kill -TERM "$CA_PID"
wait "$CA_PID" || { echo "FAIL the server ended with $?"; fails=$((fails + 1)); }
[ $fails = 0 ]
