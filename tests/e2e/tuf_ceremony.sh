#!/usr/bin/env bash
# tenmint-tuf as people use it: the ceremony, rotations, trust edits, and every way to get it wrong.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/e2e/matches.bash
T=$B/tenmint-tuf

says "mistyped command" 2 "did you mean 'publish'" $T publsh
says "mistyped option" 2 "did you mean '--holders'" $T init "$W/x" --holder a
says "init without a terminal" 2 "give --policy FILE" $T init "$W/x"
mkdir "$W/none" "$W/pub"
openssl pkey -pubout -in <(openssl ecparam -name prime256v1 -genkey -noout) -out "$W/pub/z.pub" 2>/dev/null
for command in propose publish refresh 'refresh --watch 1h' 'revoke zoe' 'holder add zoe root' "key import zoe $W/pub/z.pub" \
    'key show zoe' 'trust show' 'trust retire-ca zoe' 'trust remove-ca zoe --confirm'; do
    says "no workspace: $command" 3 "no repository workspace" timeout 20 $T $command --dir "$W/none"
done
for command in status verify history 'history --lines' "diff $W/none"; do
    says "no repository: $command" 3 "no published repository|no workspace" $T $command "$W/none"
done
check "nothing was written there" '' "$(ls -A "$W/none")"
says "threshold too high" 1 "nobody could ever sign" $T init "$W/x" --holders a,b --threshold 3
trust_workspace || exit 1
says "init twice" 1 "is a workspace already" $T init "$W/tuf" --holders a,b --threshold 1
says "key never written over" 1 "never written over" $T key new alice --key "$W/alice.key" --password-file "$W/alice.password" --out "$W/elsewhere"
says "no key whose public half has no place" 1 "the name has a key already" $T key new alice --key "$W/alice2.key" --password-file "$W/alice.password" --out "$W"
check "… and none was made" no "$([ -e "$W/alice2.key" ] && echo yes || echo no)"
says "revoking nobody" 1 "did you mean 'bob'" $T revoke bbo --dir "$W/tuf"
check "… changes nothing" 0 "$(grep -c revoked: "$W/tuf/policy.yaml")"
says "removing nobody" 1 "no role has the holder 'zoe'" $T holder remove zoe --dir "$W/tuf"
says "replacing by oneself" 1 "cannot replace itself" $T holder replace bob bob --dir "$W/tuf"
says "no password" 1 "password" $T key new x --key "$W/x.key" --out "$W"
says "no question about a private key's password" 1 "^tenmint-tuf: '.*is a private key" timeout 20 $T key import bob "$W/bob.key" --dir "$W/tuf" --replace
check "… is asked" 0 "$(grep -c 'pass phrase' "$W/said")"
says "fingerprint differs" 1 "not the one given" $T key import bob "$W/bob.pub" --dir "$W/tuf" --replace --fingerprint "$(printf '0%.0s' $(seq 64))"
FP=$($T key show "$W/bob.pub" | sed -n "s/^fingerprint *//p" | tr a-f A-F)
says "fingerprint in capitals" 0 "wrote|keyid" $T key import bob "$W/bob.pub" --dir "$W/tuf" --replace --fingerprint "$FP"
says "private key as public" 1 "private key" $T key import bob "$W/bob.key" --dir "$W/tuf" --replace
says "an address that is none" 2 "no address such as" $T trust add-ctlog --offline --dir "$W/tuf" --url nonsense --key "$W/alice.pub"
says "a URL of another kind" 1 "an http or https URL" $T status ftp://x/
says "a role that is none" 2 "--renew: want one of root, targets.*'rooot'" $T propose --dir "$W/tuf" --renew rooot
mkdir "$W/git" && mv "$W/tuf/policy.yaml" "$W/git/" && ln -s ../git/policy.yaml "$W/tuf/policy.yaml"
says "a policy behind a link" 0 "policy changed: 2 roles" $T holder remove carol --dir "$W/tuf"
check "… stays one" "../git/policy.yaml" "$(readlink "$W/tuf/policy.yaml")"
says "and back" 0 "policy changed: 2 roles" $T holder add carol root targets --dir "$W/tuf"
says "nothing published yet" 1 "publish a signed event first" $T publish --dir "$W/tuf"
echo one >"$W/tuf/targets/one.txt"
propose first "the first root" || exit 1
says "propose does not overwrite" 1 "signatures may be in it" $T propose --dir "$W/tuf" --name first --out "$W/first.json"
says "unsigned event" 1 "0 of the 2" $T publish --dir "$W/tuf" "$W/first.json"
says "sign without digest" 1 "digest" $T sign "$W/first.json" --key "$W/alice.key" --password-file "$W/alice.password"
says "sign with another digest" 1 "not the one you reviewed" $T sign "$W/first.json" --key "$W/alice.key" --password-file "$W/alice.password" --digest "$(printf '0%.0s' $(seq 64))"
D=$(event_digest "$W/first.json")
says "wrong password" 1 "wrong password" $T sign "$W/first.json" --key "$W/alice.key" --password-file "$W/bob.password" --digest "$D"
chmod 644 "$W/alice.key"
says "key that others can read" 1 "chmod 600" $T sign "$W/first.json" --key "$W/alice.key" --password-file "$W/alice.password" --digest "$D"
chmod 600 "$W/alice.key"
holder_key mallory 2>/dev/null
says "not a holder" 1 "may sign nothing" $T sign "$W/first.json" --key "$W/mallory.key" --password-file "$W/mallory.password" --digest "$D"
says "a trusted root that is none" 1 "root" $T review "$W/first.json" --trusted "$W/first.json"
echo '{"a": 1}' >"$W/other.json"
says "someone else's file" 1 "not a signing event" $T review "$W/other.json"
head -c 300 "$W/first.json" >"$W/cut.json"
says "truncated event" 1 "cut.json" $T sign "$W/cut.json" --key "$W/alice.key" --password-file "$W/alice.password" --digest "$D"
sign_as alice first >/dev/null && sign_as bob first >/dev/null
sed 's/"reason": "the first root"/"reason": "something else"/' "$W/first-bob.json" >"$W/forged.json"
says "a changed reason" 1 "not the same proposal" $T merge "$W/first.json" "$W/forged.json"
says "merge" 0 "complete" $T merge "$W/first.json" "$W/first-alice.json" "$W/first-bob.json"
says "publish" 0 "root 1, targets 1, snapshot 1, timestamp 1" $T publish --dir "$W/tuf" "$W/first.json"
says "publish again: nothing to do" 0 "nothing to do" $T publish --dir "$W/tuf" "$W/first.json"
says "status" 0 "timestamp +1 +1 of 1" $T status "$W/tuf"
says "status as JSON" 0 '"status": "ok"' $T status --json --dir "$W/tuf"
says "status for Prometheus" 0 'tenmint_tuf_role_expires_timestamp_seconds\{role="root"\} [0-9]' $T status --prometheus "$W/tuf"
says "verify" 0 "unbroken" $T verify "$W/tuf"
says "verify, for programs" 0 '"headed": true' $T verify "$W/tuf" --json
says "refresh: nothing due" 0 "nothing is due" $T refresh --dir "$W/tuf"
says "refresh --force" 0 "snapshot 2, timestamp 2" $T refresh --dir "$W/tuf" --force
says "propose nothing" 0 "nothing to propose" $T propose --dir "$W/tuf"
cp -r "$W/tuf/published" "$W/before"

# Rotation: carol goes, dave comes; then bob's key is stolen and eve takes over.
holder_key dave && holder_key eve || exit 1
says "a holder without a key" 1 "import the key first" $T holder add nobody root --dir "$W/tuf"
says "a role that is none" 1 "has no role" $T holder add dave rot --dir "$W/tuf"
says "holder replace" 0 "2 roles" $T holder replace carol dave --dir "$W/tuf"
ceremony second "dave for carol" alice bob >"$W/out" || { cat "$W/out" "$W"/*.out; fails=$((fails + 1)); }
says "diff in words" 0 "key comes in: dave" $T diff "$W/before" "$W/tuf"
says "diff, for programs" 0 '"root: key comes in: dave' $T diff "$W/before" "$W/tuf" --json
says "history in words" 0 "key goes out: carol" $T history "$W/tuf"
says "history, for programs" 0 '"root: key goes out: carol' $T history "$W/tuf" --json
says "revoke" 0 "is revoked in the policy" $T revoke bob --replace-by eve --reason "laptop stolen" --dir "$W/tuf" --out "$W/third.json"
says "review, for programs" 0 '"dangers": 0' $T review "$W/third.json" --json
says "review shows both thresholds" 0 "OLD root's keys" $T review "$W/third.json" --trusted "$W/before/1.root.json"
for h in alice dave; do sign_as $h third >/dev/null || fails=$((fails + 1)); done
$T merge "$W/third.json" "$W/third-alice.json" "$W/third-dave.json" >/dev/null
says "publish the revocation" 0 "root 3" $T publish --dir "$W/tuf" "$W/third.json"
says "revoked twice" 1 "revoked already" $T revoke bob --dir "$W/tuf"
says "one too many" 1 "too few keys remain" bash -c "$T revoke eve --dir $W/tuf && $T revoke dave --dir $W/tuf"
sed -i '/^revoked:/s/, eve//' "$W/tuf/policy.yaml"

# No two truths: an open event is named, and a holder signs one content of a version.
says "propose one" 0 "wrote" $T propose --dir "$W/tuf" --name one --reason one --renew targets --out "$W/one.json"
says "status names it" 5 "open event one" $T status --dir "$W/tuf"
echo two >"$W/tuf/targets/two.txt"
says "propose another names it" 0 "the event one is open" $T propose --dir "$W/tuf" --name two --reason two --renew targets --out "$W/two.json"
says "sign one" 0 "signed by alice" sign_as alice one
says "not the other" 1 "--again targets:3" sign_as alice two
says "unless it is named" 0 "signed by alice" $T sign "$W/two-alice.json" --key "$W/alice.key" --password-file "$W/alice.password" --digest "$(event_digest "$W/two.json")" --again targets:3
says "an event of an older root" 1 "outdated" $T review "$W/second.json"
says "and for programs" 1 '"errors": 1' $T review "$W/second.json" --json
says "… is not signed" 1 "outdated" $T sign "$W/second.json" --key "$W/alice.key" --password-file "$W/alice.password" --digest "$(event_digest "$W/second.json")"
rm "$W"/tuf/proposed.json "$W"/alice.key.signed.json "$W/tuf/targets/two.txt"

# The online key rotates: one command says where the new one lives, and the policy keeps its form.
says "key new for online" 0 "fingerprint" $T key new online2 --key "$W/tuf/online2.key" --no-password --dir "$W/tuf"
says "an online key that lives nowhere" 1 "--key FILE" $T holder replace online online2 --dir "$W/tuf"
says "an online key whose file is missing" 1 "No such file" $T holder replace online online2 --key "$W/none.key" --dir "$W/tuf"
says "an online key for root" 1 "is an online key" $T holder add online2 root --key "$W/tuf/online2.key" --dir "$W/tuf"
says "holder replace online" 0 "2 roles" $T holder replace online online2 --key "$W/tuf/online2.key" --dir "$W/tuf"
check "policy: where it lives" '  online2: {file: "online2.key"}' "$(grep online2: "$W/tuf/policy.yaml")"
check "policy: comments stay" 1 "$(grep -c '^# Who may sign what' "$W/tuf/policy.yaml")"
says "twice" 1 "already" $T holder replace online online2 --key "$W/tuf/online2.key" --dir "$W/tuf"
ceremony fourth "a new online key" alice dave >"$W/out" || { cat "$W/out" "$W"/*.out; fails=$((fails + 1)); }
says "refresh by the new online key" 0 "refreshed: " $T refresh --dir "$W/tuf" --force
says "status names it" 0 "timestamp.*online2" $T status --dir "$W/tuf"
says "transcript" 0 "holder=dave" $T history "$W/tuf" --lines
says "transcript, for programs" 0 '"holder": "dave"' $T history "$W/tuf" --lines --json

# Trust edits.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/ca.key" -out "$W/ca.pem" -days 3650 \
    -subj "/O=demo/CN=root" -addext "keyUsage=critical,keyCertSign,cRLSign" >/dev/null 2>&1
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null | openssl pkey -pubout >"$W/log.pub"
says "trust add-ca" 0 "wrote .*signing_config" $T trust add-ca --offline --dir "$W/tuf" --url https://ca.example.com --chain "$W/ca.pem"
says "trust add-ca twice" 1 "already" $T trust add-ca --offline --dir "$W/tuf" --url https://ca.example.com --chain "$W/ca.pem"
says "trust add-ctlog" 0 "wrote" $T trust add-ctlog --offline --dir "$W/tuf" --url https://ct.example.com --key "$W/log.pub"
says "a key that is none" 1 "one.txt" $T trust add-log --offline --dir "$W/tuf" --url https://r.example.com --key "$W/tuf/targets/one.txt"
says "a date that is none" 2 "--end: want a time" $T trust retire-ca https://ca.example.com --end tomorrow --dir "$W/tuf"
says "retiring at once wants a word more" 1 "--confirm" $T trust retire-ca https://ca.example.com --dir "$W/tuf"
says "a start in the past wants one too" 1 "reaches into the past" $T trust add-ctlog --offline --dir "$W/tuf" --url https://ct2.example.com --key "$W/alice.pub" --start 2020-01-01
says "trust retire-ca" 0 "to 2030-01-01" $T trust retire-ca https://ca.example.com --end 2030-01-01 --dir "$W/tuf"
says "trust remove wants a word more" 1 "--confirm" $T trust remove-ctlog https://ct.example.com --dir "$W/tuf"
says "trust show" 0 "CT log" $T trust show --dir "$W/tuf"
says "trust remove-ctlog" 0 "DANGER" $T trust remove-ctlog https://ct.example.com --confirm --dir "$W/tuf"
cp "$W/ca.pem" "$W/tuf/targets/fulcio.crt.pem"
says "trust remove-ca tells of copies" 0 "fulcio.crt.pem still holds the removed certificate" $T trust remove-ca https://ca.example.com --confirm --dir "$W/tuf"
rm "$W/tuf/targets/fulcio.crt.pem"
says "trust add-ca again" 0 "wrote" $T trust add-ca --offline --dir "$W/tuf" --url https://ca.example.com --chain "$W/ca.pem"
propose trust "trust edits" && says "review of the trusted root" 0 "certificate authority" $T review "$W/trust.json"
# An edit of the content that travels along is noticed.
sed 's/"after": "[^"]*"/"after": "e30="/' "$W/trust.json" >"$W/trust2.json"
says "swapped content" 7 "NOT what the metadata pins" $T review "$W/trust2.json"

# Keys that some clients cannot use.
mkdir "$W/p384" && (W=$W/p384 && trust_workspace p384 p384 && echo a >"$W/tuf/targets/a" && propose first "two of P-384") >/dev/null
says "review of P-384 keys" 0 "root: without its 2 P-384 keys it cannot reach the threshold of 2" $T review "$W/p384/first.json"

# A terminal: the wizard, and a password that is asked for.
printf 'alice,bob,carol\n9\n2\n\n\n\n\n\n' >"$W/answers"
script -qec "$T init $W/asked" "$W/typescript" <"$W/answers" >/dev/null 2>&1
check "wizard: exit" 0 $?
check "wizard: policy" 1 "$(grep -c 'holders: \[alice, bob, carol\], threshold: 2' "$W/asked/policy.yaml" 2>/dev/null | sed 's/^[2-9]$/1/')"
grep -q "from 1 to 3" "$W/typescript" || { echo "FAIL wizard: the threshold is not checked"; fails=$((fails + 1)); }
# What is typed is not shown, and a prompt that is left by ^C, ^\\ or a signal leaves the terminal as it was.
cat >"$W/leave.sh" <<'EOF'
trap : INT QUIT
"$@"
echo "left $? $(stty -a | grep -o -e '-*echo\b')"
EOF
leave() { # NAME, KEY, WRAPPER...
    local name=$1 key=$2 seen="New password"
    shift 2
    : >"$W/typescript"
    for typed in "not-shown$key" ""; do
        for _ in $(seq 50); do
            grep -q "$seen" "$W/typescript" && break
            sleep 0.1
        done
        printf '%b' "$typed"
        seen=left
    done | script -qfec "exec sh $W/leave.sh $* $T key new dora --key $W/dora --out $W" "$W/typescript" >/dev/null 2>&1
    check "prompt left by $name: not shown" 0 "$(grep -c not-shown "$W/typescript")"
    grep -q "^left 1[0-9]* echo" "$W/typescript" || { echo "FAIL prompt left by $name"; cat "$W/typescript"; fails=$((fails + 1)); }
}
leave "^C" '\003'
leave "^\\" '\034'
leave SIGTERM '' timeout --foreground 1
# Each series that config/tenmint-alerts.yaml asks about is one that a program reports.
"$T" status --prometheus "$W/tuf/published" >"$W/series" 2>&1
for series in $(grep -o 'tenmint_[a-z_]*' config/tenmint-alerts.yaml | sort -u); do
    grep -q "^$series" "$W/series" || grep -rqs "\"$series\"" ca common tools || { echo "FAIL alerts: nobody reports $series"; fails=$((fails + 1)); }
done
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
