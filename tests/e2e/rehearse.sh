#!/usr/bin/env bash
# Each rotation of the CA, rehearsed beside a server that runs, its key in a token that no rehearsal
# opens: nothing of the live CA changes but the record, nobody of its issuers is asked, a killed run
# leaves no process, and what cannot be proven is no success.
set -u
B=${B:-build}
PATIENCE=300 # a dozen programs each, on a machine that has other things to do
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
R=("$B/tenmint-ca" rehearse)
C=$W/ca/tenmint-ca.yaml
work=(--work "$W/room")
mkdir "$W/room" "$W/tokens"
rehearse() { says "$1" "$2" "$3" "${R[@]}" "$4" --config "$C" "${work[@]}" "${@:5}"; }
status() { says "$1" "$2" "$3" "$B/tenmint-ca" status --config "$C" "${@:4}"; }
step() { grep -qxF "ok    $1" "$W/said" || check "a step" "$1" "$(grep -A1 FAIL "$W/said")"; }
state() { # all but what the server and the record write
    (cd "$W/ca" && find . -type f ! -name rehearsals.jsonl ! -path './log/*' ! -path './audit/*' -exec sha256sum {} + | sort)
}

# An issuer that notes who asks it; a comment, a pattern and one that is disabled in the list.
mkdir "$W/www" && (cd "$W/www" && exec python3 -u -m http.server 0 --bind 127.0.0.1 >"$W/www.out" 2>"$W/asked") &
PIDS="${PIDS:-} $!"
wait_for "$W/www.out" 'port' || exit 1
ISSUER=http://127.0.0.1:$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$W/www.out")
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label 'CI token' --pin 135790 --so-pin 24680123 >/dev/null || exit 1
SECRET=135790
(umask 077; echo 135790 >"$W/pin")
says "init, the CA's key in a token" 0 "" "$B/tenmint-ca" init "$W/ca" --log-origin ca.example.com/log --key-type p384 \
    --pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token 'CI token' --pkcs11-pin-file "$W/pin" --pkcs11-key ca-2026
cat >"$W/ca/issuers.yaml" <<TEXT
# Ask ops before you change this.
oidc-issuers:
  "$ISSUER": {issuer-url: "$ISSUER", client-id: sigstore, type: github-workflow}   # ours
  "https://gitlab.example.com":
    issuer-url: "https://gitlab.example.com"
    client-id: sigstore
    type: gitlab-pipeline
    disabled: true
meta-issuers:
  "https://oidc.eks.*.amazonaws.com/id/*": {client-id: sigstore, type: kubernetes}
TEXT
sed -i 's/^  store: sqlite/&\n  node: one/' "$C"

says "no kind" 2 "" "${R[@]}" --config "$C"
says "no such kind" 2 "rotate, log or issuer" "${R[@]}" sometime --config "$C"
says "no configuration" 3 "No such file" "${R[@]}" rotate --config "$W/none"
says "no such folder" 1 "none': No such file" "${R[@]}" rotate --config "$C" --work "$W/none"
status "never, and no policy" 0 "rotate  never"
printf 'rehearsals: {rotate: 365d, log: 365d}\n' >>"$C"
status "never, and a policy" 5 "DUE"
status "as JSON" 5 '"due"' --json

# Not opened: there is no token any more, and no key file is there to be read.
mv "$W/tokens" "$W/away" && mkdir "$W/tokens"
before=$(state)
mkdir "$W/live" && echo '{"config": "of the live server"}' >"$W/live/in-force.json"
live() { (cd "$W/live" && ls -Al --time-style=full-iso && sha256sum ./*); }
ran=$(live)
export RUNTIME_DIRECTORY=$W/live STATE_DIRECTORY=$W/live CACHE_DIRECTORY=$W/live LOGS_DIRECTORY=$W/live
rehearse "issuer, the token gone" 0 '"result": "passed"' issuer --json
unset RUNTIME_DIRECTORY STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY
check "the live server's folders are not the copy's" "$ran" "$(live)"
check "none of the list's issuers is asked" 0 "$(grep -c GET "$W/asked")"
check "steps, and the refusals' reasons" "37 at least, of 11 at least" "$(python3 - "$W/said" <<'PY'
import json, sys
r = json.load(open(sys.argv[1]))
assert all(s["ok"] or s["skipped"] for s in r["steps"]), r
refused = [s for s in r["steps"] if "refused" in s["step"] and s["says"]]
assert len(r["steps"]) >= 37 and len(refused) >= 11, (len(r["steps"]), len(refused))
for word in "is not trusted", "issuer_disabled", "rules", "aud is", "expired", "signature":
    assert any(word in s["says"] for s in refused), word
print("37 at least, of 11 at least")
PY
)"
check "nothing changed" "$before" "$(state)"
rmdir "$W/tokens" && mv "$W/away" "$W/tokens"

"$B/tenmint-ca" serve --config "$C" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
NO_COSIGN=$(for d in ${PATH//:/ }; do [ -e "$d/cosign" ] || printf '%s:' "$d"; done)
PATH=${NO_COSIGN%:} rehearse "rotate, while the server runs, without cosign" 0 "rehearsal 'rotate' passed, 5 of 2" rotate
check "what could not be done is no success" 5 "$(grep -A1 '^skip  ' "$W/said" | grep -c '^ *it is not installed here$')"
for s in 'a wrong signature is refused' 'an artifact that nobody signed is refused' 'a verifier that was told takes it' \
    'by the new key: a verifier that was not told of it refuses it' 'an artifact by the retired key is refused' \
    'the artifact from before still verifies' 'the files of the live CA are as they were'; do step "$s"; done
check "nothing changed" "$before" "$(state)"
status "steps that were skipped" 5 "5 steps skipped"
status "the log is due" 5 "log     never                 wanted every 8760 h  DUE"
kill "$CA_PID"; wait "$CA_PID"; check "the server ran all the while" 0 $?
says "the audit trail has both" 0 "issuer" "$B/tenmint-ca" audit query --config "$C" --kind rehearsal --json
check "with the digest of the record's lines" "$(while read -r l; do printf '%s\n' "$l" | sha256sum | cut -c1-64; done <"$W/ca/rehearsals.jsonl" | sort)" \
    "$(grep -o '"after":"[0-9a-f]*"' "$W/said" | cut -d'"' -f4 | sort)"

keys=(--log-key "$W/ca/log.pem" --heads-key "$W/ca/audit/heads.pem")
says "evidence of them" 0 "" "$B/tenmint-ca" evidence make --config "$C" --out "$W/pack"
check "step by step" 2 "$(grep -c ',tenmint-ca,\(rotate,.*,passed,2[0-9],5\|issuer,.*,passed,[0-9]*,[0-9]*\),audit trail' "$W/pack/tables/rehearsals.csv")"
says "which verifies" 0 "2 of 2 are in the audit trail" "$B/tenmint-ca" evidence verify "$W/pack" "${keys[@]}"
cp "$W/ca/rehearsals.jsonl" "$W/record" && sed -i 1d "$W/ca/rehearsals.jsonl"
no_pack() { # NAME KIND: of a record that the trail contradicts none is made, and nothing is left
    says "$1: no pack" 1 "rehearsals.jsonl' was altered or cut" "$B/tenmint-ca" evidence make --config "$C" --out "$W/pack2"
    check "$1: which" 1 "$(grep -c "'$2' of 20.* whose record is not in the pack" "$W/said")"
    check "$1: nothing is left" "" "$(ls -d "$W"/pack2* 2>/dev/null)"
    cp "$W/record" "$W/ca/rehearsals.jsonl"
}
no_pack "a record that somebody took out" issuer
sed -i '2s/"passed"/"failed"/' "$W/ca/rehearsals.jsonl" && no_pack "a result that somebody altered" rotate
rm "$W/ca/rehearsals.jsonl" && no_pack "no record at all" issuer
cp -r "$W/pack" "$W/pack3" && sed -i 1d "$W/pack3/rehearsals/ca.jsonl" # by who fits table and list to it
python3 - "$W/pack3" <<'PY'
import hashlib, json, os, sys
os.chdir(sys.argv[1])
table = open("tables/rehearsals.csv").readlines()
open("tables/rehearsals.csv", "w").writelines(table[:1] + table[2:])
m = json.load(open("evidence.json"))
for f in m["files"]:
    f["sha256"] = hashlib.sha256(open(f["name"], "rb").read()).hexdigest()
json.dump(m, open("evidence.json", "w"))
PY
says "a pack's record that somebody took out" 4 "whose record is not in the pack" \
    "$B/tenmint-ca" evidence verify "$W/pack3" "${keys[@]}"
# Each server has a record of its own, and one trail has them all.
sed 's/^  node: one/  node: two/; s|^rehearsals:.*|rehearsals: {file: two.jsonl}|' "$C" >"$W/ca/two.yaml"
says "a pack made at another server" 0 "2 rehearsals of other servers are in the audit trail alone" \
    "$B/tenmint-ca" evidence make --config "$W/ca/two.yaml" --out "$W/pack4"
says "which verifies, and says so" 0 "2 are of servers whose record is not in the pack" \
    "$B/tenmint-ca" evidence verify "$W/pack4" "${keys[@]}"
rm "$W/ca/two.yaml"

until_true() { for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; return 1; } # a minute
# Told to end: it takes its folder away.
room_is_used() { [ -n "$(ls "$W/room")" ]; }
for signal in HUP QUIT; do
    "${R[@]}" log --config "$C" "${work[@]}" >"$W/said" 2>&1 &
    told=$!
    until_true room_is_used || check "$signal: a copy is made" yes no
    kill -$signal $told; wait $told; check "$signal: it failed" 1 $?
    check "$signal: nothing is left" "" "$(ls "$W/room")"
done
# Killed: its processes end with it, and the next run removes what it left.
"${R[@]}" log --config "$C" "${work[@]}" >"$W/killed" 2>&1 &
killed=$!
serving() { pgrep -f "serve --config $W/room/" ; }
until_true serving || check "the copy is served" yes no
kill -9 $killed; wait $killed 2>/dev/null
gone() { ! pgrep -f "$W/room/tenmint-rehearsal"; }
until_true gone || check "no process is left" "" "$(pgrep -af "$W/room/")"
left=$(ls "$W/room")
check "a folder is left" 1 "$(wc -w <<<"$left")"
touch -d '2 minutes ago' "$W/room/$left"
rehearse "log" 0 "rehearsal 'log' passed" log
for s in 'in the new log: a verifier that was not told of it refuses it' 'a verifier that was told takes it' \
    'the old log of certificates is served as it ended' 'the artifact from before still verifies'; do step "$s"; done
check "which removes it, and its own" "" "$(ls "$W/room")"
check "nothing changed" "$before" "$(state)"
status "all were rehearsed" 0 "issuer  20"
sed -i 's/"time":"20[0-9][0-9]/"time":"2020/' "$W/ca/rehearsals.jsonl"
status "long ago" 5 "OVERDUE"

# What is no success. The programs that it needs are beside it, or on the PATH.
records() { wc -l <"$W/ca/rehearsals.jsonl"; }
count=$(records)
mkdir "$W/bin" && cp "$B/tenmint-ca" "$W/bin/"
says "without our client" 1 "there is no program 'tenmint'" env PATH=/nowhere "$W/bin/tenmint-ca" rehearse rotate --config "$C" "${work[@]}"
check "is a record of failure" "$((count + 1)) failed" "$(records) $(tail -n 1 "$W/ca/rehearsals.jsonl" | grep -o failed)"
status "which status tells" 5 "FAILED"
(ulimit -f 1 && trap '' XFSZ && "${R[@]}" rotate --config "$C" "${work[@]}") >"$W/said" 2>&1
check "a full disk" "1 1" "$? $(grep -c 'the copy: ' "$W/said")"
sed 's|^rehearsals:.*|rehearsals: {file: /dev/full}|' "$C" >"$W/ca/full.yaml"
says "a full disk for the record alone" 1 "write '/dev/full': No space left" "${R[@]}" rotate --config "$W/ca/full.yaml" "${work[@]}"
sed 's|^rehearsals:.*|rehearsals: {file: none/record}|' "$C" >"$W/ca/full.yaml"
says "no place for the record" 1 "none/record': No such file" "${R[@]}" rotate --config "$W/ca/full.yaml" "${work[@]}"
sed '/^ct:/,/^$/d' "$C" >"$W/ca/nolog.yaml"
says "no log of its own" 3 "has no log of its own" "${R[@]}" log --config "$W/ca/nolog.yaml" "${work[@]}"
check "none of these is a success" "$((count + 1))" "$(records)"
check "nor leaves anything" "" "$(ls "$W/room")"
echo 'no json' >>"$W/ca/rehearsals.jsonl"
status "a damaged record is said" 6 "rehearsals.jsonl' line $(records)"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
echo "ok   three kinds of rotation, rehearsed"
