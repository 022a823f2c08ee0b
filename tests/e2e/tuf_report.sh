#!/usr/bin/env bash
# The report for people: what its pages say is what is published and waits; names of others cannot
# become markup; a run that fails leaves the pages that were there.
set -u
. "$(dirname "$0")/../begin.bash"
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 TMPDIR=$W
T=$PWD/$B/tenmint-tuf
. tests/e2e/report_case.bash
report_workspace || exit 1

says "no folder is named" 2 "--html DIR" "$T" report "$W/tuf"
says "the report" 0 "5 pages" "$T" report "$W/tuf" --html "$W/pages" --site '<script>x</script> & "Co"'
python3 tests/e2e/html.py "$W"/pages/*.html >"$W/text" 2>"$W/faults"
check "well-formed, no script, nothing from elsewhere" 0 $?
cat "$W/faults"
tells() { # PAGE TEXT...
    local page=$1 text
    shift
    for text; do
        grep "^$page" "$W/text" | grep -qF -- "$text" || { echo "FAIL $page does not tell '$text'"; fails=$((fails + 1)); }
    done
}
tells index '<script>x</script> & "Co"' 'Somebody must act' '1 signing event is open' '2.root.json' \
    " days ($(sed -n 's/.*"expires": *"\([0-9-]*\)T.*/\1/p' "$W/tuf/published/2.root.json"))" \
    "$(sha256sum <"$W/tuf/published/2.root.json" | cut -c1-64)" 'lines, unbroken'
tells roles '2 of 3 keys must sign' 'A version lasts 365d' '9.99/*' \
    "$("$T" key show dave --dir "$W/tuf" | sed -n 's/^fingerprint *//p')" 'not signed'
tells events 'third waits for signatures' 'targets 3' 'Signed by alice' 'the CA of 2027' 'https://ca2.example.com'
tells events 'Targets 2' 'shuts out https://b.example.com' 'lets in https://c.example.com'
grep '^events' "$W/text" | grep -qF 'https://a.example.com' && { echo "FAIL what did not change is told"; fails=$((fails + 1)); }
tells roots 'Root 2' 'Reason carol leaves <b>&"</b>' 'root: key goes out: carol' 'root: key comes in: dave' 'Root 1' \
    'Reason the first root' "Signed by its forerunner's keys alice"
tells trust 'ca 2026' 'https://ca.example.com/log' 'O=Example <img src=x onerror=x()>' 'ends in 8 years' \
    'no log of signatures (Rekor)'
grep '^trust' "$W/text" | grep -qF ca2.example.com && { echo "FAIL trust tells what is not published"; fails=$((fails + 1)); }
check "no markup of others in any page" 0 "$(cat "$W"/pages/*.html | grep -c '<script\|<img\|<b>')"

says "as JSON" 0 '"root": 2' "$T" report --dir "$W/tuf" --html "$W/pages" --json
cp -r "$W/tuf/published" "$W/served"
says "of a tree" 0 "5 pages" "$T" report "$W/served" --html "$W/pages-served"
python3 tests/e2e/html.py "$W"/pages-served/*.html >"$W/text" || fails=$((fails + 1))
tells index 'served' 'All is well'
tells events 'Open events are known where the workspace is'
rm "$W"/served/targets/*.trusted_root.json
says "of a tree without its targets" 0 "5 pages" "$T" report "$W/served" --html "$W/pages-served"
python3 tests/e2e/html.py "$W"/pages-served/*.html >"$W/text" || fails=$((fails + 1))
tells trust 'Nothing can be shown' 'trusted_root.json'
rm "$(grep -l b.example.com "$W"/served/targets/*.issuers.yaml)"
says "of a tree without an earlier list" 0 "5 pages" "$T" report "$W/served" --html "$W/pages-served"
python3 tests/e2e/html.py "$W"/pages-served/*.html >"$W/text" || fails=$((fails + 1))
tells events 'issuers.yaml' 'what was before is no longer kept: the change cannot be told'
rm "$W/served/1.targets.json"
says "of a tree without an earlier version" 0 "5 pages" "$T" report "$W/served" --html "$W/pages-served"
python3 tests/e2e/html.py "$W"/pages-served/*.html >"$W/text" || fails=$((fails + 1))
tells events 'They cannot be told: targets 1'

# What somebody did to the transcript is told on the first page.
sed -i '3d' "$W/tuf/transcript.jsonl"
says "with a cut transcript" 0 "5 pages" "$T" report "$W/tuf" --html "$W/pages"
python3 tests/e2e/html.py "$W"/pages/*.html >"$W/text" || fails=$((fails + 1))
tells index 'Transcript broken'

before=$(cat "$W"/pages/*.html | sha256sum)
says "nothing to report of" 3 "published" "$T" report "$W" --html "$W/pages"
(ulimit -f 1 && trap '' XFSZ && "$T" report "$W/tuf" --html "$W/pages") >"$W/said" 2>&1
check "a full disk: exit code" 1 $?
check "the pages that were there stay whole" "$before" "$(cat "$W"/pages/*.html | sha256sum)"
check "nothing is left over" 5 "$(ls -A "$W/pages" | wc -l)"
echo >"$W/file"
says "a file in the folder's place" 1 "$W/file" "$T" report "$W/tuf" --html "$W/file"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
echo "ok   the report is what is published, for people"
