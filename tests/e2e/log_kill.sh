#!/usr/bin/env bash
# The log under load, killed (-9) over and over: every entry that got its SCT is in the tree, and
# every checkpoint that was seen is consistent with the last.
set -u
cd "$(dirname "$0")/../.." || exit 1
kills=${1:-100}
load=build/tests/logload
[ -x "$load" ] || make -s build/tests/logload || exit 1
work=$(mktemp -d)
trap 'kill -9 "${pid:-}" 2>/dev/null; rm -rf "$work"' EXIT
"$load" create "$work/log" "$work/key" || exit 1
for i in $(seq "$kills"); do
    "$load" load "$work/log" "$work/key" 8 $((i * 1000000)) >>"$work/acked" 2>>"$work/err" &
    pid=$!
    sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
    kill -9 $pid 2>/dev/null || { echo "FAIL it ended by itself in round $i"; cat "$work/err"; exit 1; }
    wait $pid 2>/dev/null
    cp "$work/log/checkpoint" "$work/note.$i"
    echo >>"$work/acked" # a line that the kill cut short must not run into the next
    grep -v 'journal.s last group was torn' "$work/err" | grep . &&
        { echo "FAIL messages in round $i"; exit 1; }
done
"$load" grow "$work/log" "$work/key" 0 || exit 1 # start-up and an orderly end
"$load" verify "$work/log" "$work/key" "$work/acked" "$work"/note.* || { echo FAIL; exit 1; }
n=$(grep -c . "$work/acked")
[ "$n" -gt "$kills" ] || { echo "FAIL only $n entries: no load"; exit 1; }
echo "ok   $kills kills, $n SCTs"
