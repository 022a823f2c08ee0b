#!/usr/bin/env bash
# The log under load, killed (-9) over and over, every third time while the disk is full: every entry
# that got its SCT is in the tree, and every checkpoint that was seen is consistent with the last.
set -u
cd "$(dirname "$0")/../.." || exit 1
kills=${1:-100}
load=build/tests/logload
make -s $load || exit 1
work=$(mktemp -d)
trap 'kill -9 "${pid:-}" 2>/dev/null; rm -rf "$work"' EXIT
fail() {
    echo "FAIL $1 in round $i"
    head "$work/err"
    exit 1
}
"$load" create "$work/log" "$work/key" || exit 1
exec 3> >(exec cat >"$work/acked") # a pipe: a kill cuts no line, and it can always grow
cat=$!
i=0 killed=0
while [ $killed -lt "$kills" ]; do
    i=$((i + 1))
    : >"$work/err" # a kill that comes before the child opened it must not leave the last round's words
    ( # A file that may not grow stands for a full disk: the journal, in the middle of a group, or a tile.
        [ $((i % 3)) -ne 0 ] || { trap '' XFSZ; ulimit -f $((50 + RANDOM % 650)); }
        exec "$load" load "$work/log" "$work/key" 8 $((i * 1000000)) >&3 2>"$work/err"
    ) &
    pid=$!
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    if kill -9 $pid 2>/dev/null; then
        killed=$((killed + 1))
    else # a start may be refused for a full disk only
        [ $((i % 3)) -eq 0 ] && grep -q 'File too large' "$work/err" || fail "it ended by itself"
    fi
    wait $pid 2>/dev/null
    cp "$work/log/checkpoint" "$work/note.$i"
    cat "$work/err" >>"$work/all"
    [ $((i % 3)) -eq 0 ] || ! grep -qv 'journal.s last group was torn' "$work/err" || fail "messages"
done
exec 3>&-
wait $cat
"$load" grow "$work/log" "$work/key" 0 || exit 1 # start-up and an orderly end
"$load" verify "$work/log" "$work/key" "$work/acked" "$work"/note.* || { echo FAIL; exit 1; }
n=$(grep -c . "$work/acked")
[ "$n" -gt "$kills" ] || { echo "FAIL only $n entries: no load"; exit 1; }
full=$(grep -c '^not logged: .*File too large' "$work/all")
[ "$full" -gt 0 ] || { echo "FAIL the disk was never full"; exit 1; }
echo "ok   $kills kills, $n SCTs; the disk was full for $full entries and $((i - killed)) starts"
