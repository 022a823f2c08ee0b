#!/usr/bin/env bash
# kill -9 and a full disk at every step of publish and refresh: what is published stays whole, and
# the next run finishes the job.
set -u
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d) # in memory where that is possible: thousands of syncs
fails=0
trap 'rm -rf "$W"' EXIT
. tests/demo_trust.sh
check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; fails=$((fails + 1)); fi
}
make -s all || exit 1
cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1

# The steps to break: every one from the evidence to the last rename, and a few before. A disk that
# is full from a call on that needs no space is one that is full from the next call that does.
choose_steps() { # KIND CALLS
    local first last total
    total=$(wc -l <"$2")
    first=$(grep -n transcript "$2" | head -n 1 | cut -d: -f1)
    last=$(grep -nE '/published/(timestamp|root).json$|/published$' "$2" | tail -n 1 | cut -d: -f1)
    { seq 1 $((first / 3)) "$first"; seq "$first" $((last + 1)); echo "$total"; } | sort -nu |
        while read -r at; do
            if [ "$1" = kill ]; then echo "$at"; else awk -v at="$at" '$1 >= at && $2 { print $1; exit }' "$2"; fi
        done | sort -nu
}
# Runs the words, in which TUF is the workspace, with a fault at each chosen step, on a fresh copy of
# $W/LABEL. After each the published tree must verify, and the same words must finish the job.
each_step() { # LABEL KIND words...
    local label=$1 kind=$2 at broken=0 steps=0
    local own=$W/$label-$kind
    local tuf=$own/tuf
    shift 2
    set -- "${@/#TUF/$tuf}"
    mkdir "$own" && cp -a "$W/$label" "$tuf"
    LD_PRELOAD=$W/shim.so FAULT_LOG=$own/calls "$@" >"$own/out" 2>&1 || { cat "$own/out"; return 1; }
    for at in $(choose_steps "$kind" "$own/calls"); do
        steps=$((steps + 1))
        rm -rf "$tuf" && cp -a "$W/$label" "$tuf"
        (LD_PRELOAD=$W/shim.so FAULT_AT=$at FAULT_KIND=$kind "$@" >"$own/out" 2>&1; true) 2>/dev/null
        # A first publication may not have begun.
        if { [ -e "$W/$label/published/timestamp.json" ] || [ -e "$tuf/published/timestamp.json" ]; } &&
            ! "$B/tenmint-tuf" verify "$tuf/published" >"$own/verify" 2>&1; then
            broken=$((broken + 1))
            echo "     step $at leaves a broken tree: $(cat "$own/verify")"
        fi
        if ! "$@" >"$own/again" 2>&1 || ! "$B/tenmint-tuf" verify "$tuf" >"$own/verify" 2>&1; then
            broken=$((broken + 1))
            echo "     step $at is not recovered: $(cat "$own/again" "$own/verify")"
        fi
    done
    check "$label, $kind at $steps steps: whole and recovered" 0 $broken
    [ $steps -gt 5 ] || check "$label, $kind: steps are found" "more than 5" "$steps"
    return $fails
}
# The two kinds side by side.
both_kinds() { # LABEL words...
    local label=$1 kind job
    shift
    cp -a "$W/tuf" "$W/$label"
    for kind in kill full; do
        (each_step "$label" $kind "$@") >"$W/$kind.told" 2>&1 &
        jobs[${#jobs[@]}]=$!
    done
    for job in "${jobs[@]}"; do wait "$job" || fails=$((fails + 1)); done
    jobs=()
    cat "$W/kill.told" "$W/full.told"
}
jobs=()

# The same for an event, at every call: it can be read after each fault, and the words finish.
each_call() { # LABEL words...
    local label=$1 kind at total broken=0
    shift
    rm -rf "$W/calls"
    LD_PRELOAD=$W/shim.so FAULT_LOG=$W/calls "$@" >"$W/out" 2>&1 || { cat "$W/out"; fails=$((fails + 1)); }
    total=$(wc -l <"$W/calls")
    for kind in kill full; do
        for at in $(seq "$total"); do
            rm -rf "$W/tuf" && cp -a "$W/saved" "$W/tuf"
            (LD_PRELOAD=$W/shim.so FAULT_AT=$at FAULT_KIND=$kind "$@" >"$W/out" 2>&1; true) 2>/dev/null
            "$B/tenmint-tuf" review "$W/tuf/first" >"$W/out" 2>&1 && "$@" >"$W/out" 2>&1 && grep -q complete "$W/out" ||
                { broken=$((broken + 1)); echo "     $kind at $at:"; cat "$W/out"; }
        done
    done
    check "$label, kill and full at $total steps" 0 $broken
    [ "$total" -gt 4 ] || check "$label: steps are found" "more than 4" "$total"
}

trust_workspace || exit 1
echo one >"$W/tuf/targets/one.txt"
propose first "first root" || exit 1
for h in alice bob; do sign_as $h first >/dev/null || exit 1; done

# A signature and a merge in a folder: the event stays one, and saying it again finishes it.
mkdir "$W/tuf/first" && cp "$W/first.json" "$W/tuf/first/event.json"
cp -a "$W/tuf" "$W/saved"
each_call "merge into a folder" "$B/tenmint-tuf" merge "$W/tuf/first" "$W/first-alice.json" "$W/first-bob.json"
rm -rf "$W/tuf/first" "$W/saved"

# The first publication, whose targets move as one folder.
"$B/tenmint-tuf" merge "$W/first.json" "$W/first-alice.json" "$W/first-bob.json" >/dev/null || exit 1
both_kinds first-publication "$B/tenmint-tuf" publish --dir TUF "$W/first.json"

"$B/tenmint-tuf" publish --dir "$W/tuf" "$W/first.json" >/dev/null || exit 1
both_kinds refresh "$B/tenmint-tuf" refresh --dir TUF --force

# A new root and new targets, in place.
echo two >"$W/tuf/targets/two.txt"
propose second "more" --renew root || exit 1
for h in alice bob; do sign_as $h second >/dev/null || exit 1; done
"$B/tenmint-tuf" merge "$W/second.json" "$W/second-alice.json" "$W/second-bob.json" >/dev/null || exit 1
both_kinds publish "$B/tenmint-tuf" publish --dir TUF "$W/second.json"

# A new online key: the old timestamp fails under the new root, so the tree is exchanged whole.
"$B/tenmint-tuf" publish --dir "$W/tuf" "$W/second.json" >/dev/null || exit 1
"$B/tenmint-tuf" key new online2 --key "$W/tuf/online2.key" --no-password --dir "$W/tuf" >/dev/null || exit 1
"$B/tenmint-tuf" holder replace online online2 --key "$W/tuf/online2.key" --dir "$W/tuf" >/dev/null || exit 1
propose third "new online key" || exit 1
for h in alice bob; do sign_as $h third >/dev/null || exit 1; done
"$B/tenmint-tuf" merge "$W/third.json" "$W/third-alice.json" "$W/third-bob.json" >/dev/null || exit 1
both_kinds exchange "$B/tenmint-tuf" publish --dir TUF "$W/third.json"

# Several at once: one after the other, none fails.
for i in 1 2 3 4; do "$B/tenmint-tuf" refresh --dir "$W/tuf" --force >"$W/par$i" 2>&1 & pids="${pids:-} $!"; done
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
check "four refreshes at once" 0 $bad
check "four refreshes make four versions" 4 "$(cat "$W"/par? | sed -n 's/.*timestamp //p' | sort -u | wc -l)"
"$B/tenmint-tuf" verify "$W/tuf" >"$W/out" 2>&1
check "verify afterwards" 0 $?
# An event and refreshes at once: whoever comes second goes on from what the first left.
rm -rf "$W/tuf" && cp -a "$W/exchange" "$W/tuf"
pids=
for i in 1 2 3; do "$B/tenmint-tuf" refresh --dir "$W/tuf" --force >"$W/par$i" 2>&1 & pids="$pids $!"; done
"$B/tenmint-tuf" publish --dir "$W/tuf" "$W/third.json" >"$W/par4" 2>&1 & pids="$pids $!"
bad=0
for p in $pids; do wait "$p" || bad=$((bad + 1)); done
check "publish and refreshes at once" 0 $bad
"$B/tenmint-tuf" verify "$W/tuf" >"$W/out" 2>&1
check "verify afterwards" 0 $?
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
