#!/usr/bin/env bash
# tenmint-tuf with keys in tokens (SoftHSM2): a holder's and the online one, made, imported, shown and
# used there; what a wrong PIN or a missing token says; an online key given by the environment.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
T=$B/tenmint-tuf
MODULE=/usr/lib/softhsm/libsofthsm2.so
says() { # NAME CODE PATTERN words...: the exit code, and what is said
    local name=$1 code=$2 pattern=$3
    shift 3
    "$@" >"$W/said" 2>&1 </dev/null
    check "$name: exit" "$code" $?
    grep -qE -- "$pattern" "$W/said" || { echo "FAIL $name: no '$pattern' in:"; cat "$W/said"; fails=$((fails + 1)); }
    ! grep -q 'Sanitizer\|runtime error\|135790' "$W/said" || { echo "FAIL $name: $(cat "$W/said")"; fails=$((fails + 1)); }
}
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
for token in 'carol token' 'online token'; do
    softhsm2-util --init-token --free --label "$token" --pin 135790 --so-pin 24680123 >/dev/null || exit 1
done
umask 077
echo 135790 >"$W/pin"
echo 999999 >"$W/bad-pin"
CAROL=(--pkcs11-module "$MODULE" --pkcs11-token 'carol token' --pkcs11-key 'carol root')
ONLINE=(--pkcs11-module "$MODULE" --pkcs11-token 'online token' --pkcs11-key tuf-online)
PIN=(--pin-file "$W/pin")

trust_workspace || exit 1
echo one >"$W/tuf/targets/one.txt"
says "no label" 1 "needs --pkcs11-token and --pkcs11-key" $T key new carol --pkcs11-module "$MODULE" --out "$W/none"
says "no PIN" 1 "PIN" $T key new carol "${CAROL[@]}" --out "$W/none"
says "wrong PIN" 1 "PIN is incorrect" $T key new carol "${CAROL[@]}" --pin-file "$W/bad-pin" --out "$W/none"
says "no such token" 1 "no token is labelled 'caro token'" $T key new carol --pkcs11-module "$MODULE" --pkcs11-token 'caro token' --pkcs11-key k "${PIN[@]}" --out "$W/none"
says "no such module" 1 "nonexistent" $T key new carol --pkcs11-module /nonexistent.so "${CAROL[@]:2}" "${PIN[@]}" --out "$W/none"
mkdir "$W/carol"
says "key new in a token" 0 "^fingerprint +[0-9a-f]{64}" $T key new carol "${CAROL[@]}" "${PIN[@]}" --out "$W/carol"
FP=$(sed -n 's/^fingerprint *//p' "$W/said")
says "the label is taken" 1 "already" $T key new carol "${CAROL[@]}" "${PIN[@]}" --out "$W/other"
says "key show by the token" 0 "$FP" $T key show carol "${CAROL[@]}" "${PIN[@]}"
says "key show of a label that is not there" 1 "carol rot" $T key show carol "${CAROL[@]:0:5}" 'carol rot' "${PIN[@]}"
says "key import" 0 "$FP" $T key import carol "$W/carol/carol.pub" --replace --fingerprint "$FP" --dir "$W/tuf"
says "key show by name" 0 "$FP" $T key show carol --dir "$W/tuf"

# The online key in a token, its PIN in a file beside the policy.
rm "$W/tuf/online.key"
cp "$W/pin" "$W/tuf/pin"
says "key new online" 0 "wrote" $T key new online2 "${ONLINE[@]}" "${PIN[@]}" --out "$W"
says "online key imported" 0 "fingerprint" $T key import online "$W/online2.pub" --replace --dir "$W/tuf"
online_is() { # the policy's line of the online key
    sed -i "s|^  online: .*|  online: {$1}|" "$W/tuf/policy.yaml"
}
IN_TOKEN="pkcs11-module: $MODULE, pkcs11-token: online token, pkcs11-key: tuf-online"
online_is "$IN_TOKEN, pkcs11-pin-file: pin"
grep -q '^  online: {pkcs11' "$W/tuf/policy.yaml" || { cat "$W/tuf/policy.yaml"; exit 1; }
propose first "keys in tokens" || { cat "$W/propose.out"; exit 1; }
D=$(event_digest "$W/first.json")
cp "$W/first.json" "$W/first-carol.json"
says "a holder signs with a token: wrong PIN" 1 "carol token.*PIN incorrect" $T sign "$W/first-carol.json" "${CAROL[@]}" --pin-file "$W/bad-pin" --digest "$D"
says "another key of a token" 1 "may sign nothing" $T sign "$W/first-carol.json" "${ONLINE[@]}" "${PIN[@]}" --digest "$D"
says "a holder signs with a token" 0 "signed by carol" $T sign "$W/first-carol.json" "${CAROL[@]}" "${PIN[@]}" --digest "$D"
says "PIN from the environment" 0 "signed by carol" env P=135790 $T sign "$W/first-carol.json" "${CAROL[@]}" --pin-env P --digest "$D"
sign_as alice first >"$W/out" || { cat "$W/out"; exit 1; }
says "merge" 0 "complete" $T merge "$W/first.json" "$W/first-alice.json" "$W/first-carol.json"
says "publish by the online key in a token" 0 "timestamp 1" $T publish --dir "$W/tuf" "$W/first.json"
says "refresh by the online key in a token" 0 "timestamp 2" $T refresh --dir "$W/tuf" --force
says "verify" 0 "unbroken" $T verify "$W/tuf"

# What can go wrong on the machine that refreshes: nothing changes, and the reason is said.
cp "$W/bad-pin" "$W/tuf/pin"
says "refresh with a wrong PIN" 1 "online key 'online'.*PIN incorrect" $T refresh --dir "$W/tuf" --force
cp "$W/pin" "$W/tuf/pin"
chmod 644 "$W/tuf/pin"
says "a PIN that others can read" 1 "chmod 600" $T refresh --dir "$W/tuf" --force
chmod 600 "$W/tuf/pin"
rm "$W/tuf/pin"
says "refresh without the PIN's file" 1 "online key 'online'.*pin.*No such file" $T refresh --dir "$W/tuf" --force
cp "$W/pin" "$W/tuf/pin"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/empty" >"$W/none.conf"
mkdir "$W/empty"
says "refresh without the token" 1 "online key 'online'.*no token is labelled 'online token'" \
    env SOFTHSM2_CONF="$W/none.conf" $T refresh --dir "$W/tuf" --force
online_is "pkcs11-module: $MODULE, pkcs11-token: online token, pkcs11-key: another, pkcs11-pin-file: pin"
says "refresh without the key" 1 "online key 'online'.*another" $T refresh --dir "$W/tuf" --force
online_is "pkcs11-module: $MODULE, pkcs11-token: carol token, pkcs11-key: carol root, pkcs11-pin-file: pin"
says "refresh with a wrong key" 1 "online key 'online'.*private key is not this key's|not this key" $T refresh --dir "$W/tuf" --force
online_is "$IN_TOKEN, pkcs11-pin-env: ONLINE_PIN"
says "the PIN's variable is not set" 1 "ONLINE_PIN" $T refresh --dir "$W/tuf" --force
says "PIN of the online key from the environment" 0 "timestamp 3" env ONLINE_PIN=135790 $T refresh --dir "$W/tuf" --force
says "what is published is whole" 0 "unbroken" $T verify "$W/tuf"

# An online key in a variable, by a rotation.
$T key new online3 --key "$W/env.key" --no-password --dir "$W/tuf" >"$W/out" || { cat "$W/out"; exit 1; }
sed -i 's|^  online: .*|&\n  online3: {env: ONLINE_KEY}|' "$W/tuf/policy.yaml"
says "holder replace" 0 "roles" $T holder replace online online3 --dir "$W/tuf"
propose second "the online key from a variable" || { cat "$W/propose.out"; exit 1; }
for h in alice bob; do sign_as $h second >"$W/out" || { cat "$W/out"; exit 1; }; done
$T merge "$W/second.json" "$W/second-alice.json" "$W/second-bob.json" >/dev/null || exit 1
says "the variable is not set" 1 "ONLINE_KEY" $T publish --dir "$W/tuf" "$W/second.json"
says "the variable holds no key" 1 "online key 'online3'" env ONLINE_KEY=nonsense $T publish --dir "$W/tuf" "$W/second.json"
says "publish by a key in a variable" 0 "root 2" env ONLINE_KEY="$(cat "$W/env.key")" $T publish --dir "$W/tuf" "$W/second.json"
says "refresh by a key in a variable" 0 "timestamp" env ONLINE_KEY="$(cat "$W/env.key")" $T refresh --dir "$W/tuf" --force

# Rotation in the token, by the words that keys in files take: a new label in the same token beside
# the old one, for a holder and for the online key, in one event.
NEW=(--pkcs11-module "$MODULE" --pkcs11-token 'carol token' --pkcs11-key 'carol root 2')
NEXT=(--pkcs11-module "$MODULE" --pkcs11-token 'online token' --pkcs11-key tuf-online-2)
mkdir "$W/carol2"
says "a holder's new key in the token" 0 "^fingerprint" $T key new carol2 "${NEW[@]}" "${PIN[@]}" --dir "$W/tuf"
says "holder replace" 0 "roles" $T holder replace carol carol2 --dir "$W/tuf"
says "the next online key in the token" 0 "^fingerprint" $T key new online4 "${NEXT[@]}" "${PIN[@]}" --dir "$W/tuf"
says "holder replace says where it lives" 0 "roles" $T holder replace online3 online4 "${NEXT[@]}" --pin-file "$W/tuf/pin" --dir "$W/tuf"
check "the policy names the token" 1 "$(grep -c 'online4:.*pkcs11-key: "\{0,1\}tuf-online-2' "$W/tuf/policy.yaml")"
propose third "rotation in the tokens" || { cat "$W/propose.out"; exit 1; }
D=$(event_digest "$W/third.json")
for h in carol carol2 bob; do cp "$W/third.json" "$W/third-$h.json"; done
says "the key that goes signs the root that drops it" 0 "signed by carol" $T sign "$W/third-carol.json" "${CAROL[@]}" "${PIN[@]}" --digest "$D"
says "the key that comes signs it" 0 "signed by carol2" $T sign "$W/third-carol2.json" "${NEW[@]}" "${PIN[@]}" --digest "$D"
sign_as bob third >"$W/out" || { cat "$W/out"; exit 1; }
$T merge "$W/third.json" "$W/third-bob.json" "$W/third-carol.json" "$W/third-carol2.json" >/dev/null || exit 1
says "publish by the next online key" 0 "root 3" $T publish --dir "$W/tuf" "$W/third.json"
says "refresh by the next online key" 0 "timestamp" $T refresh --dir "$W/tuf" --force
propose fourth "after the rotation" --renew targets || { cat "$W/propose.out"; exit 1; }
says "the old key in the token signs nothing" 1 "may sign nothing" \
    $T sign "$W/fourth.json" "${CAROL[@]}" "${PIN[@]}" --digest "$(event_digest "$W/fourth.json")"
online_is "$IN_TOKEN, pkcs11-pin-file: pin" # the retired key in the place of the new one
sed -i 's|^\( *online4: .*\)tuf-online-2|\1tuf-online|' "$W/tuf/policy.yaml"
says "the retired online key signs nothing" 1 "private key is not this key's|not this key" $T refresh --dir "$W/tuf" --force
sed -i 's|^\( *online4: .*\)tuf-online|\1tuf-online-2|' "$W/tuf/policy.yaml"
says "nothing changed by that" 0 "timestamp" $T refresh --dir "$W/tuf" --force
says "verify at the end" 0 "unbroken" $T verify "$W/tuf"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
