#!/usr/bin/env bash
# An issuer list that a threshold of holders has signed: taken by the TUF client in the issuer's
# process, renewed on a schedule, kept through restarts, and refused when it is rolled back, expired
# or not signed by enough.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
. tests/demo_trust.sh
fail() { echo "FAIL $*"; fails=$((fails + 1)); }
is() { if [ "$2" = "$3" ]; then echo "ok   $1"; else fail "$1: want '$2', got '$3'"; fi; }
logged() { wait_for "$W/ca.log" "$2" && echo "ok   $1" || fail "$1"; }
list() { # URL...
    printf 'oidc-issuers:\n' >"$W/tuf/targets/issuers.yaml"
    printf '  "%s": {issuer-url: "%s", client-id: sigstore, type: email}\n' $(for u in "$@"; do echo "$u $u"; done) \
        >>"$W/tuf/targets/issuers.yaml"
}
serve() { # starts; the log is $W/ca.log
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca.yaml" --workers 1 >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
}
stop() { kill "$CA_PID"; wait "$CA_PID" 2>/dev/null; }
published() { curl -sS --max-time 10 "http://$(address_of listening)/api/v2/configuration" | grep -o '"issuerUrl":"[^"]*"' | cut -d'"' -f4 | tr '\n' ' '; }
configure() { # MIRROR
    cat >"$W/ca.yaml" <<TEXT
listen: 127.0.0.1:0
metrics-listen: 127.0.0.1:0
ca: {backend: ephemeral}
freeze-file: frozen.json
issuers-from-tuf:
  mirror: $1
  root: 1.root.json
  target: issuers.yaml
  directory: approved
  refresh: 1s
TEXT
}

trust_workspace && echo 'clients-act-on: [issuers.yaml]' >>"$W/tuf/policy.yaml" && list https://one.example.com && ceremony first "the first list" alice bob >/dev/null || exit 1
cp "$W/tuf/published/1.root.json" "$W/1.root.json"
mkdir "$W/approved"
(cd "$W/tuf/published" && exec python3 -u -m http.server 0 --bind 127.0.0.1) >"$W/http" 2>&1 &
WEB=$!
PIDS="${PIDS:-} $WEB"
wait_for "$W/http" 'port [0-9]' || exit 1
PORT=$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$W/http" | head -n 1)
configure "http://127.0.0.1:$PORT"
printf 'audit-store: {store: sqlite, directory: audit}\n' >>"$W/ca.yaml"
"$B/tenmint-ca" audit init --config "$W/ca.yaml" >"$W/out" 2>&1 || { fail "audit init"; cat "$W/out"; }

serve
wait_for "$W/ca.log" '"message":"listening"' || exit 1
is "the signed list is trusted" "https://one.example.com " "$(published)"
logged "who signed it" '"approved issuer list in force","version":1,"signers":"@\?alice, @\?bob"'
"$B/tenmint-ca" issuer list "$W/ca.yaml" >"$W/out" 2>&1
grep -q 'approved: version 1, signed by @\?alice, @\?bob, valid until 20' "$W/out" && echo "ok   issuer list says so" || { fail "issuer list"; cat "$W/out"; }
"$B/tenmint-ca" issuer disable "$W/ca.yaml" https://one.example.com >"$W/out" 2>&1
is "it is not edited behind the signers' backs" 3 $?
cp -r "$W/tuf/published" "$W/old"
freeze() { "$B/tenmint-ca" freeze --config "${2:-$W/ca.yaml}" --reason INC-1 --issuer "$1" >"$W/out" 2>&1; }
freeze https://typo.example.com
is "the stop of an issuer that is not in the list is refused" 1 $?
grep -q "no issuer 'https://typo.example.com' is trusted (issuers.yaml)" "$W/out" && echo "ok   and says so" || { fail "freeze"; cat "$W/out"; }
freeze https://one.example.com
is "that of one of the list is taken" 0 $?
grep -q 'not checked' "$W/out" && fail "it was not checked" || echo "ok   and is checked"
sed 's/directory: approved/directory: none-yet/' "$W/ca.yaml" >"$W/new.yaml"
freeze https://one.example.com "$W/new.yaml"
is "a list that cannot be read hinders no stop" 0 $?
grep -q 'warning: not checked that this issuer is trusted' "$W/out" && echo "ok   with a warning" || { fail "no warning"; cat "$W/out"; }
"$B/tenmint-ca" thaw --config "$W/ca.yaml" --reason INC-1 --issuer https://one.example.com >/dev/null || fail "thaw"

refreshes() { grep -c 'GET /timestamp.json' "$W/http"; }
for i in $(seq 100); do
    [ "$(refreshes)" -ge 24 ] && break
    kill -HUP "$CA_PID"
    sleep 0.2
done
[ "$(refreshes)" -ge 24 ] && echo "ok   it is renewed more often than there are numbers for pools" || fail "only $(refreshes) refreshes"

list https://one.example.com https://two.example.com
ceremony second "two, too" bob carol >/dev/null || exit 1
grep -q "lets in https://two.example.com: added, type email, audience 'sigstore'" "$W/propose.out" &&
    echo "ok   propose says who is let in" || { fail "propose's words"; cat "$W/propose.out"; }
"$B/tenmint-tuf" review "$W/second.json" >"$W/out" 2>&1
grep -q "lets in https://two.example.com: added, type email, audience 'sigstore'" "$W/out" &&
    echo "ok   the review says who is let in" || { fail "the review's words"; cat "$W/out"; }
approvers() { "$B/tenmint-ca" audit query --config "$W/ca.yaml" --kind trust --json | grep -q "$1"; }
logged "a new list comes by itself" '"message":"issuer trusted from the reload on","issuer":"https://two.example.com"'
wait_until approvers 'approved by @\?bob, @\?carol: version 2 of' && echo "ok   the trail says who approved it" || fail "no approvers in the trail"
logged "and its signers" '"version":2,"signers":"@\?bob, @\?carol"'
is "it is in force" "https://one.example.com https://two.example.com " "$(published)"
metrics=$(curl -sS --max-time 10 "http://$(address_of 'metrics listening')/metrics")
grep -q 'tenmint_issuers_approved_version{signers="[^"]*carol"} 2' <<<"$metrics" && echo "ok   in the metrics" || fail "no metric"

# what nobody has signed is nothing
mv "$W/tuf/published" "$W/true" && cp -r "$W/old" "$W/tuf/published"
# the web server's folder is the moved one: serve the old tree from another
kill "$WEB"; wait "$WEB" 2>/dev/null
(cd "$W/tuf/published" && exec python3 -u -m http.server "$PORT" --bind 127.0.0.1) >"$W/http" 2>&1 &
WEB=$!
PIDS="$PIDS $WEB"
logged "a rollback is refused" '"approved issuer list not renewed: the last good one stays","detail":"[^"]*rollback'
is "and changes nothing" "https://one.example.com https://two.example.com " "$(published)"
stop
serve
wait "$CA_PID"; is "nor does it start from one" 3 $?
grep -q rollback "$W/ca.log" && echo "ok   and says why" || { fail "no word of the rollback"; cat "$W/ca.log"; }

# nobody answers: the last good one, until it expires
kill "$WEB"; wait "$WEB" 2>/dev/null
serve
logged "without a mirror it starts from the last good one" '"approved issuer list not renewed: the last good one is taken"'
wait_for "$W/ca.log" '"message":"listening"' || exit 1
is "which is the second" "https://one.example.com https://two.example.com " "$(published)"
stop
mv "$W/approved" "$W/approved.kept" && mkdir "$W/approved"
serve
wait "$CA_PID"; is "with neither it does not start" 3 $?

# a list that no server can read is a danger to who signs it
echo 'oidc-issuers: {' >"$W/tuf/targets/issuers.yaml"
rm -r "$W/tuf/published" && cp -r "$W/true" "$W/tuf/published"
propose third "damaged" && "$B/tenmint-tuf" review "$W/third.json" >"$W/out" 2>&1
is "a damaged list is a danger" 4 $?
grep -q 'DANGER: no server can read the new list of issuers' "$W/out" && echo "ok   and the review says so" || fail "no danger"

# a directory as the mirror, in the sandbox
rm -r "$W/approved" && mv "$W/approved.kept" "$W/approved"
configure "$W/true"
serve
wait_for "$W/ca.log" '"message":"listening"' || exit 1
is "a directory is a mirror, too" "https://one.example.com https://two.example.com " "$(published)"
stop
"$B/tenmint-ca" check-config "$W/ca.yaml" >"$W/out" 2>&1
is "check-config" 0 $?
grep -q 'version 2, signed by' "$W/out" && echo "ok   says the version" || fail "check-config says no version"

# listed by a role of its own: whose signers and version count is that role's
list https://one.example.com https://two.example.com
cat >>"$W/tuf/policy.yaml" <<'TEXT'
delegations:
  admission: {holders: [carol], threshold: 1, expiry: 30d, signing: 7d, directory: admission, paths: ["trust/*"]}
TEXT
mkdir -p "$W/tuf/admission/trust" && cp "$W/tuf/targets/issuers.yaml" "$W/tuf/admission/trust/list.yaml"
ceremony fourth "a role for the list" alice bob carol >"$W/out" 2>&1 || { fail "the ceremony"; cat "$W/out" "$W/propose.out"; }
rm -rf "$W/approved" && mkdir "$W/approved"
configure "$W/tuf/published"
sed -i 's|target: .*|target: trust/list.yaml|; /^freeze-file/d' "$W/ca.yaml"
serve
wait_for "$W/ca.log" '"message":"listening"' || exit 1
logged "the role's own signers" '"approved issuer list in force","version":1,"signers":"@\?carol","role":"admission","valid_until":"20'
until=$(sed -n 's/.*"role":"admission","valid_until":"\([^"]*\)".*/\1/p' "$W/ca.log")
[ "$(date -d "$until" +%s)" -le "$(date -d '+30 days' +%s)" ] && echo "ok   and its end" || fail "valid until $until"
"$B/tenmint-ca" freeze --config "$W/ca.yaml" --reason INC-2 >"$W/out" 2>&1
is "without freeze-file it can be stopped, too" 0 $?
[ -s "$W/frozen.json" ] && echo "ok   beside the root file" || fail "no frozen.json"
rm "$W/frozen.json"
stop

# what the review calls dangerous
cat >>"$W/tuf/admission/trust/list.yaml" <<'TEXT'
meta-issuers:
  "https://*.example.net": {client-id: sigstore, type: email}
TEXT
propose fifth "a pattern"
grep -q 'DANGER: lets in https://\*.example.net: added' "$W/propose.out" && echo "ok   propose warns of it" || { fail "propose's danger"; cat "$W/propose.out"; }
"$B/tenmint-tuf" review "$W/fifth.json" >"$W/out" 2>&1
is "a pattern without rules is a danger" 4 $?
grep -q 'DANGER: lets in https://\*.example.net: added' "$W/out" && echo "ok   also where no policy names the list" || { fail "no danger"; cat "$W/out"; }
echo 'issuers-file: x.yaml' >>"$W/ca.yaml"
"$B/tenmint-ca" check-config "$W/ca.yaml" >"$W/out" 2>&1
is "a list beside it is refused" 3 $?

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
