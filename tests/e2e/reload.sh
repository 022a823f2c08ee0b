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
"$B/tenmint-ca" serve --config "$W/ca.yaml" --workers 1 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS=$CA_PID
wait_for "$W/ca.log" '"message":"listening"' || exit 1

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
hup
said "a file that is refused" 'configuration refused, what was in force stays","detail":".*workerz'
curl -sf --max-time 5 "http://$(address_of listening)/healthz" >/dev/null && echo "ok   it still serves" ||
    { echo "FAIL it no longer serves"; fails=$((fails + 1)); }

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
