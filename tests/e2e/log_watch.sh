#!/usr/bin/env bash
# tenmint-log watch as a monitor lives: killed (-9) over and over while the log grows, its state
# damaged or another log's, the log away, its output full; no certificate goes unreported, and a
# fork or rollback is always 4. And what find and export say to a mistyped line.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077

serve() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
}
issue() { # DIR
    mint >"$1/token"
    rm -rf "$1/cert"
    "$B/tenmint" cert --ca "$CA" --token-file "$1/token" --out "$1/cert" >"$1/said" 2>&1
}
log=("$B/tenmint-ca" log)
watch() { says "$1" "$2" "$3" "${log[@]}" watch "${@:4}"; }

start_issuer || exit 1
says init 0 'log.pem' "$B/tenmint-ca" init "$W/ca" --log-origin log.example.com/e2e
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
CA=http://127.0.0.1:$(free_port) # it is stopped and comes back
sed -i -e "s,^listen:.*,listen: ${CA#http://},; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/" "$W/ca/tenmint-ca.yaml"
serve
URL=$CA/log
K=(--key "$W/ca/log.pem")
printf 'repository: [https://github.com/acme/widget]\n' >"$W/mine.yaml"
MINE=(--identities "$W/mine.yaml")

# --- killed in the middle ---
mkdir "$W/job"
(while [ ! -e "$W/enough" ]; do issue "$W/job"; done) &
ISSUING=$!
for i in $(seq 30); do
    "${log[@]}" watch "$URL" "${K[@]}" "${MINE[@]}" --state "$W/s" --interval 10ms --json >>"$W/reports" 2>>"$W/errors" &
    pid=$!
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    kill -9 $pid; wait $pid 2>/dev/null
    echo >>"$W/reports" # a line that the kill cut short must not run into the next
done
touch "$W/enough"; wait $ISSUING
sleep 1.5 # a checkpoint covers the last
watch "after 30 kills" 0 '' "$URL" "${K[@]}" "${MINE[@]}" --state "$W/s" --once --json
cat "$W/said" >>"$W/reports"
size=$("${log[@]}" status "$URL" "${K[@]}" --json | sed 's/.*"size":\([0-9]*\).*/\1/')
check "after 30 kills: it grew" yes "$([ "$size" -gt 10 ] && echo yes || echo "$size")"
check "after 30 kills: every certificate was reported" "$size" \
    "$(sed -n 's/^{"index":\([0-9]*\),.*}$/\1/p' "$W/reports" | sort -nu | wc -l)"
check "after 30 kills: it said nothing" 0 "$(grep -c . "$W/errors")"
watch "after 30 kills: nothing new" 0 ' 0 new, 0 matching' "$URL" "${K[@]}" "${MINE[@]}" --state "$W/s" --once

# --- a state that is no state ---
bad_state() { # NAME TEXT: $W/sx holds it
    cp "$W/sx" "$W/kept"
    for _ in 1 2; do watch "state: $1" 1 "$2" "$URL" "${K[@]}" --state "$W/sx" --once; done
    check "state: $1: not written over" same "$(cmp -s "$W/sx" "$W/kept" && echo same)"
}
: >"$W/sx"; bad_state "empty" "restore it, or move it away"
head -c 100 "$W/s" >"$W/sx"; bad_state "cut" "ends too early"
head -c 300 /dev/urandom >"$W/sx"; bad_state "noise" "restore it, or move it away to begin anew): '$W/sx'"
sed 's/"version": 1/"version": 2/' "$W/s" >"$W/sx"; bad_state "another version" "its version is not 1"
sed 's/"read": .*/"read": 0,/' "$W/s" >"$W/sx"; bad_state "another size" 'frontier'
peaks=$(grep -c '^    "' "$W/s") # a size that takes as many
other=$(((1 << peaks) - 1))
[ "$other" -eq "$size" ] || { sed "s/\"read\": .*/\"read\": $other,/" "$W/s" >"$W/sx"; bad_state "another size that fits" 'either is damaged'; }
cat "$W/s" "$W/s" >"$W/sx"; bad_state "twice" "something follows"
sed 's,log.example.com/e2e,log.example.com/two,' "$W/s" >"$W/sx"; bad_state "another log's" "each log needs a state of its own"
watch "state: a directory" 6 "is a directory" "$URL" "${K[@]}" --state "$W" --once
watch "state: nowhere" 1 "nowhere/s.lock': No such file" "$URL" "${K[@]}" --state "$W/nowhere/s" --once
printf 'repo: x\n' >"$W/bad.yaml"
watch "a mistyped identity file" 3 "bad.yaml:1: unknown key 'repo'" "$URL" "${K[@]}" --state "$W/s" --once --identities "$W/bad.yaml"

# --- a report that cannot be made counts as not made ---
"${log[@]}" watch "$URL" "${K[@]}" "${MINE[@]}" --state "$W/new" --once --json >/dev/full 2>"$W/said"
check "output is full" 1 $?
check "output is full: says so" 1 "$(grep -c 'standard output: No space left' "$W/said")"
says "output is full: all is reported again" 0 "" bash -c '"$@" >"$0.out"' "$W/new" "${log[@]}" watch "$URL" "${K[@]}" "${MINE[@]}" --state "$W/new" --once --json
check "output is full: all of it" "$size" "$(grep -c '"index"' "$W/new.out")"

# --- the log is away for a while; one watcher a state ---
"${log[@]}" watch "$URL" "${K[@]}" "${MINE[@]}" --state "$W/s" --interval 100ms --fail-on-match >"$W/long.out" 2>"$W/long.err" &
LONG=$!
wait_for "$W/long.err" ' 0 new' || fails=$((fails + 1))
watch "a second watcher" 1 'in use by another watcher' "$URL" "${K[@]}" --state "$W/s" --once
kill -TERM "$CA_PID"; wait "$CA_PID"
wait_for "$W/long.err" "checkpoint': Couldn't connect" || fails=$((fails + 1))
watch "the log is away" 6 "Couldn't connect" "$URL" "${K[@]}" --state "$W/s2" --once
check "a first look that failed leaves no state" no "$([ -e "$W/s2" ] && echo yes || echo no)"
cp -r "$W/ca/log" "$W/backup"
serve
issue "$W/job"
for _ in $(seq 100); do kill -0 $LONG 2>/dev/null || break; sleep 0.1; done
wait $LONG; check "it goes on when the log is back, and reports" 5 $?
check "… whose it is" 1 "$(grep -c 'https://github.com/acme/widget' "$W/long.out")"

# --- an old copy: a rollback, then a fork; both for good ---
kill -TERM "$CA_PID"; wait "$CA_PID"
mv "$W/ca/log" "$W/right"; cp -r "$W/backup" "$W/ca/log"
serve
watch "rollback" 4 "ROLLBACK: the log shows a tree of $size, and had signed one of $((size + 1))" "$URL" "${K[@]}" --state "$W/s" --once
check "rollback: evidence" 2 "$(ls "$W/s.evidence" | wc -l)"
watch "rollback: again" 4 "ROLLBACK" "$URL" "${K[@]}" --state "$W/s" --interval 10ms
: >"$W/file"
watch "rollback: no room for evidence" 4 "THE EVIDENCE COULD NOT BE SAVED" "$URL" "${K[@]}" --state "$W/s" --once --evidence "$W/file"
issue "$W/job"; issue "$W/job"
sleep 1.5
for api in tiles rfc6962; do
    watch "fork over $api" 4 "FORK" "$URL" "${K[@]}" --api $api --origin log.example.com/e2e --state "$W/s" --once --json
done
watch "fork by directory" 4 "FORK" "$W/ca/log" "${K[@]}" --state "$W/s" --once
watch "the right one is still right" 0 " 0 new" "$W/right" "${K[@]}" --state "$W/s" --once
check "the evidence of the fork is signed" 0 "$("${log[@]}" verify "$W/right" "${K[@]}" --checkpoint "$W/s.evidence/$(ls "$W/s.evidence" | grep '^seen-before' | head -n 1)" >"$W/said" 2>&1; echo $?)"

# --- find and export, mistyped ---
L=$W/right
says "find: no time" 2 "--before: want a time such as" "${log[@]}" find "$L" --before yesterday
says "find: no serial number" 2 "'zz' is not a serial number" "${log[@]}" find "$L" --serial zz
says "find: no expression" 2 "regular expression '(', at character 2" "${log[@]}" find "$L" --identity-regexp '('
says "find: no entry" 1 "entries: there is no entry 999999" "${log[@]}" find "$L" "${K[@]}" --first 999999
says "find: no range" 2 "--last is before --first" "${log[@]}" find "$L" --first 2 --last 1
says "find: a mistyped option" 2 "did you mean '--json'" "${log[@]}" find "$L" --jsn
says "find: no log" 2 "something is missing" "${log[@]}" find
says "an option before the command" 2 "a command comes first" "${log[@]}" --jsno find
says "find: no key" 1 "signature NOT CHECKED: no --key" "${log[@]}" find "$L" --serial 01
says "export: no range" 2 "--last is before --first" "${log[@]}" export "$L" --first 2 --last 1
says "export: no entry" 1 "entries: there is no entry 999999" "${log[@]}" export "$L" "${K[@]}" --first 999999
says "export: no number" 2 "--first: want a number" "${log[@]}" export "$L" --first 1x
says "export: no format" 2 "want json, pem or der, not 'pme'" "${log[@]}" export "$L" --format pme
says "export: no directory" 2 "--format der needs --out DIR" "${log[@]}" export "$L" --format der
says "export: JSON has no directory" 2 "goes to standard output" "${log[@]}" export "$L" --out "$W/x"
"${log[@]}" export "$L" "${K[@]}" >/dev/full 2>"$W/said"
check "export: output is full" 1 $?
says "witness: no name" 3 "has a space" "${log[@]}" witness --name 'a b' --key "$W/w.key" --new-key
check "witness: no name, no key" no "$([ -e "$W/w.key" ] && echo yes || echo no)"
kill -TERM "$CA_PID"; wait "$CA_PID"; check "SIGTERM exits 0" 0 $?
check "no sanitizer report" 0 "$(cat "$W/ca.log" "$W/long.err" "$W/errors" | grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer')"
[ $fails -eq 0 ] || { tail -n 20 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
