#!/usr/bin/env bash
# SIGHUP says what changed: each key of the configuration file, with what it takes to have it in
# force, and each issuer that came, went or is another one, with the digests of both lists.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
said() { # NAME PATTERN: a line since the last reload
    for _ in $(seq 50); do
        tail -n +$((seen + 1)) "$W/ca.log" | grep -q "$2" && { echo "ok   $1"; return; }
        sleep 0.1
    done
    echo "FAIL $1: no '$2' in:"
    tail -n +$((seen + 1)) "$W/ca.log"
    fails=$((fails + 1))
}
hup() { seen=$(wc -l <"$W/ca.log"); kill -HUP "$CA_PID"; }
issuers() { # ENTRY...: as the list
    printf 'oidc-issuers:\n' >"$W/next"
    printf '  "https://%s.example.com": {issuer-url: "https://%s.example.com", %s, type: email}\n' "$@" >>"$W/next"
    mv "$W/next" "$W/issuers.yaml"
    sha256sum "$W/issuers.yaml" | cut -d' ' -f1
}
first=$(issuers stays stays 'client-id: a' goes goes 'client-id: a')
printf '%s\n' 'listen: 127.0.0.1:0' 'metrics-listen: 127.0.0.1:0' 'ca: {backend: ephemeral}' \
    'issuers-file: issuers.yaml' 'reload-interval: 0s' >"$W/ca.yaml"
mkdir "$W/run"
cp "$W/ca.yaml" "$W/first.yaml"
RUNTIME_DIRECTORY="$W/run" "$B/tenmint-ca" serve --config "$W/ca.yaml" --workers 1 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS=$CA_PID
wait_for "$W/ca.log" '"message":"listening"' || exit 1

pending() { says "$1" 0 "$2" "$B/tenmint-ca" check-config "$W/ca.yaml" --running "$W/run" "${@:3}"; }
pending "check-config: nothing is pending" "nothing is pending"
pending "what the command line has" "not used: workers, --workers of the command line stands in its place"

hup
said "nothing changed" '"message":"configuration not changed"'
said "and the list neither" "\"added\":0,\"removed\":0,\"altered\":0,\"digest_before\":\"$first\",\"digest\":\"$first\""

printf '%s\n' 'timeouts: {wait: 9s}' 'tuf: {directory: tuf}' >>"$W/ca.yaml"
second=$(issuers stays stays 'client-id: b' comes comes 'client-id: a')
hup
said "a value" 'configuration changed: it takes effect","key":"timeouts.wait","change":"changed"'
said "a section" 'it takes effect","key":"tuf.directory"'
said "a section that cannot be served" 'configuration refused, what was in force stays","detail":"tuf: '
said "an issuer came" '"message":"issuer trusted from the reload on","issuer":"https://comes.example.com"'
said "an issuer went" '"message":"issuer no longer trusted","issuer":"https://goes.example.com"'
said "an issuer is another one" '"message":"issuer altered by the reload","issuer":"https://stays.example.com"'
said "the digests" "\"added\":1,\"removed\":1,\"altered\":1,\"digest_before\":\"$first\",\"digest\":\"$second\""

echo 'workerz: 3' >>"$W/ca.yaml"
refused() { curl -sf --max-time 5 "http://$(address_of 'metrics listening')/metrics" | sed -n 's/^tenmint_reloads_total{outcome="refused"} //p'; }
before=$(refused)
hup
said "a file that is refused" 'configuration refused, what was in force stays","detail":".*workerz'
check "it is counted" $((before + 1)) "$(refused)"
before=$(refused)
mv "$W/issuers.yaml" "$W/good.yaml" && echo 'oidc-issuers: none' >"$W/issuers.yaml"
hup
said "a list that is refused" '"message":"issuers not reloaded, the old ones stay"'
said "the file, too" 'configuration refused, what was in force stays'
check "both are counted" $((before + 2)) "$(refused)"
mv "$W/good.yaml" "$W/issuers.yaml"
curl -sf --max-time 5 "http://$(address_of listening)/healthz" >/dev/null && echo "ok   it still serves" ||
    { echo "FAIL it no longer serves"; fails=$((fails + 1)); }

# check-config beside the server: what it would take up, what it does not use, and what it has taken up.
printf '%s\n' 'workers: 3' 'timeouts: {wait: 9s, idle: 40s}' | cat - "$W/first.yaml" >"$W/ca.yaml"
pending "what a reload would change" "pending: timeouts.wait (changed) takes effect with a reload (SIGHUP)"
check "no more than that is pending" "timeouts.idle timeouts.wait" "$(sed -n 's/.*pending: \([^ ]*\) .*/\1/p' "$W/said" | sort | xargs)"
pending "and for programs" '"key": "timeouts.idle"' --json
hup
said "it is taken up" 'it takes effect","key":"timeouts.wait"'
said "what is not used" 'it is not used","key":"workers","change":"changed","in_its_place":"--workers of the command line"'
said "by a next generation" '"message":"the next generation serves"'
pending "then it is in force" "nothing is pending"
RUNTIME_DIRECTORY="$W/run" timeout 60 "$B/tenmint-ca" serve --config "$W/ca.yaml" >"$W/second.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/second.log" 'another server runs with it'
check "a second server leaves the folder alone" 0 $?
cp "$W/ca.yaml" "$W/other.yaml"
says "another file" 6 "its server runs with '$W/ca.yaml'" "$B/tenmint-ca" check-config "$W/other.yaml" --running "$W/run"
says "an issuer list" 2 "reloads by itself" "$B/tenmint-ca" check-config "$W/issuers.yaml" --running "$W/run"
says "no such folder" 6 "no server runs with it" "$B/tenmint-ca" check-config "$W/ca.yaml" --running "$W/nowhere"
echo '{' >"$W/run/in-force.json"
says "a file that nobody can read" 6 "in-force.json" "$B/tenmint-ca" check-config "$W/ca.yaml" --running "$W/run"
kill -9 "$CA_PID"
gone() { ! "$B/tenmint-ca" check-config "$W/ca.yaml" --running "$W/run" 2>&1 | grep -q in-force; }
wait_until gone
says "a server that was killed" 6 "no server runs with it" "$B/tenmint-ca" check-config "$W/ca.yaml" --running "$W/run"

# SIGTERM while a generation that hangs is awaited, the first one or the next: as asked, not a failure.
# Here the process that begins it is stopped as soon as it is there; it may have been ready before.
ended() { # NAME PID: by SIGTERM
    kill -TERM "$2"
    wait "$2"
    check "$1: SIGTERM: exit code" 0 $?
}
lone() { # FILE COMMAND...: that runs it
    : >"$W/ca.log" # before what is waited for
    "${@:2}" "$B/tenmint-ca" serve --config "$1" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
}
stop_next() { timeout 60 python3 tests/e2e/stopper.py "$CA_PID" "$1" >"$W/stopped" & STOPPER=$!; }
hangs() { wait "$STOPPER"; grep -q "$1" "$W/ca.log" && return 1; [ -s "$W/stopped" ]; }
for _ in $(seq 8); do
    lone "$W/first.yaml" sh -c 'kill -STOP $$; exec "$@"' sh
    stop_next 0
    hangs '"message":"listening"' && break
    kill -9 "$CA_PID" && wait "$CA_PID" 2>/dev/null
done
ended "the first generation hangs" "$CA_PID"
for try in $(seq 8); do
    cp "$W/first.yaml" "$W/ca.yaml"
    lone "$W/ca.yaml"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    echo "connection-limit: $((try + 100))" >>"$W/ca.yaml"
    stop_next "$(pgrep -P "$CA_PID")"
    kill -HUP "$CA_PID"
    hangs 'the next generation serves' && break
    kill -9 "$CA_PID" && wait "$CA_PID" 2>/dev/null
done
ended "the next generation hangs" "$CA_PID"
# At any other moment of a reload, of two, and right after the start.
for s in 0 0.1 0.4; do
    for again in no yes; do
        cp "$W/first.yaml" "$W/ca.yaml"
        lone "$W/ca.yaml"
        wait_for "$W/ca.log" '"message":"listening"' || exit 1
        echo "connection-limit: 200" >>"$W/ca.yaml"
        kill -HUP "$CA_PID"
        [ $again = no ] || { sleep 0.01; echo 'workers: 3' >>"$W/ca.yaml"; kill -HUP "$CA_PID"; }
        sleep $s
        ended "$s s after SIGHUP, again: $again" "$CA_PID"
    done
done

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
