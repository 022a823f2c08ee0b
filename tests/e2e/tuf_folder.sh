#!/usr/bin/env bash
# A signing event as a folder in git: two holders sign on their own branches, git merges them
# without a conflict, and what git or a hostile branch could do to the folder is noticed.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/e2e/matches.bash
T=$PWD/$B/tenmint-tuf
trust_workspace || exit 1
echo one >"$W/tuf/targets/one.txt"

G=$W/git
mkdir "$G"
in_git() { git -C "$G" -c user.name=t -c user.email=t@example.com -c commit.gpgsign=false "$@" >"$W/git.out" 2>&1 || { cat "$W/git.out"; return 1; }; }
in_git init -q -b main
says "propose makes a folder" 0 "wrote .*/first/" "$T" propose --dir "$W/tuf" --name first --reason 'the first root' --out "$G/first/"
says "propose does not overwrite it" 1 "signatures may be in it" "$T" propose --dir "$W/tuf" --name first --out "$G/first"
check "only the proposal is there" event.json "$(cd "$G/first" && find . -type f | sed 's,^\./,,')"
in_git add -A && in_git commit -qm "propose" || fails=$((fails + 1))
D=$("$T" review "$G/first" | sed -n 's/^Digest *//p')
for holder in alice bob; do
    in_git checkout -q -b "$holder" main
    says "$holder signs on a branch" 0 "signed by $holder" "$T" sign "$G/first" --key "$W/$holder.key" \
        --password-file "$W/$holder.password" --digest "$D"
    check "$holder adds one file and changes none" "?? first/signatures/" "$(git -C "$G" status --porcelain)"
    in_git add -A && in_git commit -qm "$holder signs" || fails=$((fails + 1))
done
in_git checkout -q main && in_git merge -q --no-edit alice && in_git merge -q --no-edit bob
check "git merges both branches" 0 $?
check "the proposal is the one that was made" "" "$(git -C "$G" log --format= --name-only --diff-filter=M)"
says "both signatures are there" 0 "complete" "$T" merge "$G/first" "$G/first"
check "merging what is merged changes nothing" "" "$(git -C "$G" status --porcelain)"

# What does not fit.
cp -r "$G/first" "$W/bad"
S=$(ls "$W/bad/signatures" | head -n 1)
echo x >"$W/bad/signatures/README"
says "a strange file" 1 "README': it is no signer's file.*KEYID.json" "$T" merge "$W/bad" "$G/first"
rm "$W/bad/signatures/README"
cp "$W/bad/signatures/$S" "$W/bad/signatures/$(printf '0%.0s' $(seq 64)).json"
says "a signer under another name" 1 "not of the key that its name says" "$T" review "$W/bad"
rm "$W/bad/signatures"/0000*
cp "$W/bad/signatures/$S" "$W/signer"
printf '<<<<<<< HEAD\n' | cat - "$W/signer" >"$W/bad/signatures/$S"
says "a conflict's marks" 1 "$S': JSON line 1" "$T" review "$W/bad"
head -c 200 "$W/signer" >"$W/bad/signatures/$S"
says "a truncated signer" 1 "$S': JSON" "$T" publish --dir "$W/tuf" "$W/bad"
rm "$W/bad/signatures/$S" && ln -s "$W/signer" "$W/bad/signatures/$S"
says "a link in place of a file" 1 "not a plain file" "$T" review "$W/bad"
rm "$W/bad/signatures/$S" && sed 's/"root": "\(..\)/"root": "00/' "$W/signer" >"$W/bad/signatures/$S"
says "a changed signature" 1 "signature of '(alice|bob)'" "$T" merge "$G/first" "$W/bad"
says "a changed signature, published" 1 "signature of '(alice|bob)'|1 of the 2" "$T" publish --dir "$W/tuf" "$W/bad"
cp "$W/signer" "$W/bad/signatures/$S"
sed -i 's/"reason": "the first root"/"reason": "another"/' "$W/bad/event.json"
says "another proposal" 1 "not the same proposal|reviewed another draft" "$T" merge "$G/first" "$W/bad"
rm -r "$W/bad/event.json"
says "no proposal" 1 "event.json" "$T" review "$W/bad"

# Files and folders merge into each other; a folder left by a killed run is read.
touch "$G/first/signatures/.swp" "$G/first/signatures/$S.tmp-AbCdEf"
says "leftovers are passed over" 0 "0 signatures added" "$T" merge "$G/first" "$G/first"
cp "$G/first/event.json" "$W/alone.json"
says "the proposal alone is an event" 0 "complete" "$T" merge "$W/alone.json" "$G/first"
mkdir "$W/again" && cp "$G/first/event.json" "$W/again/"
says "a file into a folder" 0 "complete" "$T" merge "$W/again" "$W/alone.json"
check "which becomes the same folder" "" "$(diff -r -x '*.tmp-*' -x .swp "$W/again" "$G/first")"
says "publish from the folder" 0 "root 1, targets 1, snapshot 1, timestamp 1" "$T" publish --dir "$W/tuf" "$G/first"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
