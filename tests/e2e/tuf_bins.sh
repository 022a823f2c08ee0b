#!/usr/bin/env bash
# Hash bins that a holder's offline key signs: the online machine renews timestamp and snapshot and
# never touches them; a new target is one bin's new version, in a ceremony.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/e2e/matches.bash
T=$B/tenmint-tuf
bins() { # the published versions of the bins, each with its digest
    (cd "$W/tuf/published" && sha256sum ./*.bin-*.json)
}
get() { # TARGET WANT
    says "client gets $1" 0 "." "$B/tenmint" trust get "$1" --dir "$W/cache" --root "$W/root" \
        --metadata-url "$W/tuf/published" --out "$W/got"
    check "$1 is what was published" "$2" "$(cat "$W/got")"
}
trust_workspace && holder_key dave || exit 1
cat >>"$W/tuf/policy.yaml" <<'POLICY'
bins: {bits: 3, prefix: bin, holders: [dave], threshold: 1, expiry: 90d, signing: 30d, directory: bins}
POLICY
mkdir "$W/tuf/bins"
for i in 1 2 3 4 5; do echo "number $i" >"$W/tuf/bins/n$i"; done
propose first "bins that dave signs" || { cat "$W/propose.out"; exit 1; }
for h in alice bob; do sign_as $h first >"$W/out" || { cat "$W/out"; exit 1; }; done
$T merge "$W/first.json" "$W/first-alice.json" "$W/first-bob.json" >/dev/null
says "bins without dave's signature" 1 "bin-[0-7].*0 of the 1" $T publish --dir "$W/tuf" "$W/first.json"
sign_as dave first >"$W/out" || { cat "$W/out"; exit 1; }
grep -q 'bin-0 1.*bin-7 1' "$W/out" || { echo "FAIL dave signs all bins:"; cat "$W/out"; fails=$((fails + 1)); }
$T merge "$W/first.json" "$W/first-dave.json" >/dev/null
says "publish" 0 "root 1, targets 1" $T publish --dir "$W/tuf" "$W/first.json"
cp "$W/tuf/published/1.root.json" "$W/root"
check "eight bins" 8 "$(bins | wc -l)"
for i in 1 5; do get "n$i" "number $i"; done

# The online machine: dave's key is nowhere, the folder changes, and the bins stay what they are.
bins >"$W/before"
echo "number 6" >"$W/tuf/bins/n6"
says "refresh" 0 "snapshot 2, timestamp 2" $T refresh --dir "$W/tuf" --force
check "refresh touches no bin" "$(cat "$W/before")" "$(bins)"
says "publish without an event" 0 "." $T publish --dir "$W/tuf"
check "publish without an event touches no bin" "$(cat "$W/before")" "$(bins)"
says "status names the bins" 0 "bin-[0-7]" $T status "$W/tuf"

# One more target is one more version of one bin.
propose second "number six" || { cat "$W/propose.out"; exit 1; }
says "review shows one bin" 0 "n6" $T review "$W/second.json"
sign_as dave second >"$W/out" || { cat "$W/out"; exit 1; }
check "dave signs one bin" 1 "$(sed -n 's/^signed by dave.*: //p' "$W/out" | tr ',' '\n' | grep -c 'bin-[0-7] 2')"
says "publish dave's bin" 0 "1 delegated role" $T publish --dir "$W/tuf" "$W/second-dave.json"
check "one new file of a bin" 9 "$(bins | wc -l)"
check "the others are what they were" "" "$(comm -13 <(bins | sort) <(sort "$W/before"))"
get n6 "number 6"
get n1 "number 1"
says "verify" 0 "unbroken" $T verify "$W/tuf"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
