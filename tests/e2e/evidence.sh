#!/usr/bin/env bash
# The evidence pack: made of a CA, its log, its audit trail and a TUF workspace; checked by root and
# keys alone; and whatever is altered in it is found, also by who fits its list to that.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
. tests/demo_trust.sh
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
PUB=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
PROOF=$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
post() { curl -sS --max-time 25 -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary @- "$CA/api/v2/signingCert"; }
issue() {
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$PUB" "$PROOF" | post
}
start_issuer && trust_workspace && ceremony first "the first" alice bob >/dev/null || exit 1
"$B/tenmint-ca" init "$W/ca" --log-origin ca.example.com/log >/dev/null 2>&1 || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
C=$W/ca/tenmint-ca.yaml
sed -i 's/^  store: sqlite/&\n  node: one\n  head-interval: 1s/' "$C"
"$B/tenmint-ca" serve --config "$C" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
check "issued" "200 200" "$(issue) $(issue)"
check "refused" 400 "$(echo '{}' | post)"
"$B/tenmint-ca" freeze --config "$C" --reason INC-17 >/dev/null && "$B/tenmint-ca" thaw --config "$C" --reason over >/dev/null || exit 1
"$B/tenmint-ca" issuer add "$C" https://gitlab.example.com --type gitlab-pipeline >/dev/null && kill -HUP "$CA_PID" || exit 1
wait_for "$W/ca.log" '"message":"issuer trusted from the reload on"' || exit 1
"$B/tenmint-ca" rotate "$W/ca" >/dev/null || exit 1
"$B/tenmint-tuf" rehearse holder --dir "$W/tuf" >/dev/null || exit 1
# A drill that was not done, but noted as one is: the pack proves what was recorded (rehearse.sh does them).
printf '{"kind":"rotate","by":"ops@ca","result":"passed","steps":[{"ok":true,"says":"","step":"one"},{"ok":false,"skipped":true,"says":"no cosign","step":"two"}],"time":"2026-01-02T03:04:05Z","version":"1"}\n' >"$W/ca/rehearsals.jsonl"
kill "$CA_PID"
wait "$CA_PID"
make_pack() { says "$1" "$2" "$3" "$B/tenmint-ca" evidence make --config "$C" "${@:4}"; }
make_pack "a pack" 0 "2 certificates with proofs" --out "$W/pack" --tuf "$W/tuf" --controls config/controls.yaml --monitor "$W/ca.log"
DIGEST=$(sed -n 's/.*SHA-256 of evidence.json //p' "$W/said")
KEYS=(--root "$W/tuf/published/1.root.json" --log-key "$W/ca/log.pem" --heads-key "$W/ca/audit/heads.pem")
check "a drill that the trail does not have is told" 1 "$(grep -c '1 of 1 rehearsals are not in the audit trail' "$W/said")"
grep -q '2 drills, of which 0 failed; 1 step skipped. Nobody vouches for 1.' "$W/pack/index.html" || check "the page" "2 drills" "$(grep -o '[0-9]* drills.*' "$W/pack/index.html")"
check "its rows are counted" 1 "$(grep -c 'rehearsals.csv</a>: 2 rows' "$W/pack/index.html")"
says "verify counts it" 1 "of 1 rehearsals nobody knows whether they were done" "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]}"
for text in "     rehearsals 0 of 1 are in the audit trail; NOBODY VOUCHES" "1 are of the repository" "0 failed; 1 steps were skipped"; do
    grep -qF -- "$text" "$W/said" || check "verify says" "$text" "$(cat "$W/said")"
done
says "by machine too" 1 '{"part":"rehearsals","ok":false' "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]}" --json
# Of another period it is not, and there nobody asks for it.
make_pack "a period without drills" 0 "2 certificates" --out "$W/pack.1h" --since 1h --tuf "$W/tuf"
check "has those of the period" ",tenmint-tuf,holder," "$(tail -n +2 "$W/pack.1h/tables/rehearsals.csv" | grep -o ',tenmint-.*,holder,')"
says "verifies" 0 "0 of 0 are in the audit trail" "$B/tenmint-ca" evidence verify "$W/pack.1h" "${KEYS[@]}"
cp -r "$W/pack.1h" "$W/older" && sed -i 's/tenmint evidence 2/tenmint evidence 1/' "$W/older/evidence.json"
says "of a version before" 6 "is a 'tenmint evidence 1', and 'tenmint evidence 2' is what this version makes" "$B/tenmint-ca" evidence verify "$W/older" "${KEYS[@]}"
rm "$W/ca/rehearsals.jsonl" # as nobody vouches for it
make_pack "a pack" 0 "2 certificates with proofs" --out "$W/pack.all" --tuf "$W/tuf" --controls config/controls.yaml --monitor "$W/ca.log"
mv "$W/pack" "$W/pack.invented" && mv "$W/pack.all" "$W/pack"
DIGEST=$(sed -n 's/.*SHA-256 of evidence.json //p' "$W/said")
says "it verifies" 0 "2 certificates are proven to be in it" "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]}"
says "without keys it does not" 1 "NOT CHECKED: give --log-key" "$B/tenmint-ca" evidence verify "$W/pack"
says "by machine" 0 '"part":"tuf","ok":true' "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]}" --json
check "issuance by repository" 1 "$(grep -c '^https://github.com/acme/widget,2,' "$W/pack/tables/repositories.csv")"
check "who signed the root" 2 "$(grep -c 'first,the first' "$W/pack/tables/ceremonies.csv")"
check "each control of the file is on the page" "$(grep -c '{asks' config/controls.yaml)" "$(grep -o 'Answered by' "$W/pack/index.html" | wc -l | awk '{print $1 - 1}')"
python3 - "$W/pack/index.html" <<'PY' || fails=$((fails + 1))
import sys, xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])
PY
# Each table against what was done: rows NAME COUNT PATTERN.
rows() {
    check "$1: $3" "$2" "$(grep -cE "$3" "$W/pack/tables/$1.csv")"
}
U=$(id -un)
rows operations 1 ',start,'
rows operations 1 ',stop,'
rows operations 1 ",freeze,.*INC-17.*$U"
rows operations 1 ",thaw,.*over.*$U"
rows operations 1 ",rotation,\"?next CA key made\"?,.*$U"
rows operations 1 ",command,\"?issuer add\"?,.*$U.*gitlab.example.com"
rows operations 1 ',reload,"?issuers"?,.*[0-9a-f]{64},[0-9a-f]{64}'
rows trust 1 ",trust,$ISSUER,\"?issuer trusted\"?,"
rows trust 1 ',trust,https://gitlab.example.com,"?issuer trusted from the reload on"?,.*lets in'
rows refused 1 ',refused,'
check "a row of the CA's" 1 "$(grep -c '^2026-01-02T03:04:05Z,tenmint-ca,rotate,ops@ca,passed,2,1,nobody' "$W/pack.invented/tables/rehearsals.csv")"
rows rehearsals 1 ',tenmint-tuf,holder,.*,passed,1[0-9],0,nobody'
check "rows of operations, without reloads" 7 "$(grep -vc ',reload,' "$W/pack/tables/operations.csv")" # with the head
for table in trust:3 refused:2 rehearsals:2 drills:1; do
    check "rows of ${table%:*}" "${table#*:}" "$(wc -l <"$W/pack/tables/${table%:*}.csv")"
done
[ -z "${SAVE:-}" ] || cp "$W/pack/index.html" "$SAVE/evidence.html"
grep -rlE 'PRIVATE KEY' "$W/pack" && fails=$((fails + 1))

wanted=4
# Somebody alters the pack, and fits evidence.json to it.
fit() {
    python3 - "$W/bad" <<'PY'
import hashlib, json, os, sys
os.chdir(sys.argv[1])
m = json.load(open("evidence.json"))
names = sorted((os.path.join(d, f)[2:] for d, _, fs in os.walk(".") for f in fs), key=lambda n: n.split("/"))
m["files"] = [{"name": n, "sha256": hashlib.sha256(open(n, "rb").read()).hexdigest()} for n in names if n != "evidence.json"]
json.dump(m, open("evidence.json", "w"))
PY
}
altered() { # NAME WANTED-TEXT COMMAND...: in a copy
    rm -rf "$W/bad"
    cp -r "$W/pack" "$W/bad"
    (cd "$W/bad" && "${@:3}") || fails=$((fails + 1))
    says "$1" 4 "" "$B/tenmint-ca" evidence verify "$W/bad" "${KEYS[@]}"
    fit
    says "$1, and its list" "$wanted" "$2" "$B/tenmint-ca" evidence verify "$W/bad" "${KEYS[@]}"
}
altered "a table" "issued.csv' is not what the records say" sed -i 's/acme/evil/' tables/issued.csv
altered "a table that is gone" "refused.csv' is not what the records say" rm tables/refused.csv
altered "a record" "altered" sed -i '3s/"time_ms":1/"time_ms":2/' records/one.jsonl
altered "records that are gone" "cut off" sed -i '4,$d' records/one.jsonl
altered "a proof" "certificate" sed -i '1s/"index":0/"index":1/' log/entries.jsonl
altered "another's proof" "certificate" sh -c 'sed -n 2p log/entries.jsonl >x; sed -n 1p log/entries.jsonl >>x; mv x log/entries.jsonl'
altered "a proof that is gone" "has no proof" sed -i 2d log/entries.jsonl
altered "no log" "the pack has no" rm -r log
altered "no repository" "the pack has no" rm -r tuf
altered "a ceremony" "ceremonies.csv' is not what the transcript says" sed -i 's/alice/mallory/' tables/ceremonies.csv
altered "the transcript" "TUF repository" sed -i 's/alice/mallory/' tuf/transcript.jsonl
altered "a root" "TUF repository" sed -i 's/"threshold": *2/"threshold":1/' tuf/published/1.root.json
altered "the heads" "heads" sed -i '2s/$/0/' heads/checkpoint
altered "the drills" "drills.csv' is not what the records say" sed -i '$a x' tables/drills.csv
altered "a drill of the CA that was not done" "rehearsals.csv' is not what the records of rehearsals say" sh -c \
    'printf "%s\n" "{\"kind\":\"log\",\"result\":\"passed\",\"steps\":[],\"time\":\"2026-01-02T03:04:05Z\"}" >rehearsals/ca.jsonl'
altered "a drill of the repository" "rehearsals.csv' is not what the records of rehearsals say" sed -i 's/"passed"/"failed"/' rehearsals/tuf.jsonl
altered "the log's checkpoint" "log" sed -i '2s/.*/3/' log/checkpoint
# What no key vouches for: the digest that the maker told does.
says "by its digest" 0 "is the one that was given" "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]}" --digest "$DIGEST"
unsigned() { # NAME COMMAND...
    altered "$1" "" "${@:2}"
    says "$1, its list and a digest" 4 "not the one that was given" "$B/tenmint-ca" evidence verify "$W/bad" "${KEYS[@]}" --digest "$DIGEST"
}
wanted=0 # by the keys alone
unsigned "the policy" sed -i 's/alice/mallory/' tuf/policy.yaml
unsigned "the page" sed -i 's/Drills/Thrills/' index.html
unsigned "a page of the repository" sh -c "sed -i 's/alice/mallory/g' tuf/report/*.html"
unsigned "what a monitor wrote" sh -c 'for f in monitors/*; do echo fine >"$f"; done'
rm -rf "$W/bad" && cp -r "$W/pack" "$W/bad" && touch "$W/bad/more"
says "a file more, not listed" 4 "is not of the pack" "$B/tenmint-ca" evidence verify "$W/bad" "${KEYS[@]}"
says "another log's key" 4 "" "$B/tenmint-ca" evidence verify "$W/pack" "${KEYS[@]:0:2}" --log-key "$W/ca/audit/heads.pem" "${KEYS[@]:4:2}"
says "no pack" 6 "" "$B/tenmint-ca" evidence verify "$W/ca"

# Wrong words leave nothing behind.
make_pack "a folder that is there" 1 "" --out "$W/pack"
make_pack "no workspace" 3 "no repository workspace" --out "$W/none" --tuf "$W/ca"
printf 'controls: {"X": {parts: [tea]}}\n' >"$W/controls.yaml"
make_pack "a part that is none" 1 "no pack has a part 'tea'" --out "$W/none" --controls "$W/controls.yaml"
make_pack "a period that is none" 2 "--since is not before --until" --out "$W/none" --since 1h --until 2h
make_pack "a period without records" 0 "0 certificates" --out "$W/old" --until 2020-01-01
check "nothing is left" "" "$(ls -d "$W"/none* 2>/dev/null)"
"$B/tenmint-ca" serve --config "$C" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
made() { "$B/tenmint-ca" audit query --config "$C" --kind command --json | grep -q "evidence made.*$DIGEST"; }
wait_until made || check "the trail has that evidence was made, and its digest" yes no
echo "$fails failed"
[ $fails -eq 0 ]
