#!/usr/bin/env bash
# Mutants: one-line faults, put in one at a time, each of which the test that its list names must kill.
#   mutants.sh [LIST...]     all, or those of tests/mutants/LIST
#   mutants.sh --apply       only whether each still finds its line, once (part of make check)
# A list has blocks: file, the line as it stands (-), the line as a fault (+), the test, what the
# fault would mean:
#   file ca/proof/strength.c
#   -    if (bits < 2048)
#   +    if (bits < 1024)
#   test test_proof
#   why a short RSA key is taken
set -u
cd "$(dirname "$0")/.." || exit 1
apply_only=
if [ "${1:-}" = --apply ]; then apply_only=1; shift; fi
lists=()
for l in "$@"; do lists+=("tests/mutants/$l"); done
[ ${#lists[@]} -gt 0 ] || lists=(tests/mutants/*)
B=build/mutants
LOG=$(mktemp -d)
killed=0
survived=0
lost=0

# The tree as it stands, in a folder of its own where lines are changed.
copy() {
    mkdir -p "$B/tree"
    git ls-files -coz --exclude-standard | grep -zv '^tests/interop/' | while IFS= read -r -d '' f; do
        cmp -s "$f" "$B/tree/$f" || cp --parents -t "$B/tree" "$f"
    done
    (cd "$B/tree" && find . -name build -prune -o -name '*.[ch]' -print) | while IFS= read -r f; do
        [ -e "$f" ] || rm -f "$B/tree/$f" # moved since
    done
}
trap 'rm -rf "$LOG"' EXIT

# 0: the line stood there once and was changed in FILE.
change() { # FILE OLD NEW
    python3 - "$@" <<'PY'
import sys
path, old, new = sys.argv[1:]
lines = open(path, encoding="utf-8").read().split("\n")
at = [i for i, line in enumerate(lines) if line == old]
if len(at) != 1 or old == new:
    sys.exit(f"{path}: {len(at)} lines are '{old.strip()}'")
lines[at[0]] = new
open(path, "w", encoding="utf-8").write("\n".join(lines))
PY
}

# Tests must fail for the fault, not for want of a program or a second.
attempt() { # FILE OLD NEW TEST WHY
    local file=$1 test=$4 why=$5
    cp -p "$B/tree/$file" "$LOG/saved"
    if ! change "$B/tree/$file" "$2" "$3" 2>"$LOG/lost"; then
        lost=$((lost + 1))
        echo "LOST     $(cat "$LOG/lost") ($why)"
        return
    fi
    if [ -n "$apply_only" ]; then
        cp -p "$LOG/saved" "$B/tree/$file"
        return
    fi
    touch "$B/tree/$file"
    if ! make -s -C "$B/tree" -j2 OPT=-O1 "build/tests/$test" >"$LOG/build" 2>&1; then
        lost=$((lost + 1))
        echo "LOST     $file: the fault does not compile ($why): $(grep -m1 error "$LOG/build")"
    elif (cd "$B/tree" && timeout 120 "build/tests/$test" >"$LOG/run" 2>&1); then
        survived=$((survived + 1))
        echo "SURVIVED $file: $test does not see that $why"
    else
        killed=$((killed + 1))
        echo "killed   $file: $(grep -m1 -oP '\[  FAILED  \] \K\S+' "$LOG/run" || echo "$test") ($why)"
    fi
    cp -p "$LOG/saved" "$B/tree/$file"
    touch "$B/tree/$file"
}

copy
if [ -z "$apply_only" ]; then
    mapfile -t tests < <(sed -n 's/^test //p' "${lists[@]}" | sort -u)
    make -s -C "$B/tree" -j2 OPT=-O1 "${tests[@]/#/build/tests/}" >"$LOG/build" 2>&1 || {
        tail -n 5 "$LOG/build"
        exit 1
    }
    for t in "${tests[@]}"; do # as it stands, each must pass
        (cd "$B/tree" && timeout 120 "build/tests/$t" >"$LOG/run" 2>&1) || { echo "$t fails without a fault"; exit 1; }
    done
fi
for list in "${lists[@]}"; do
    file='' old='' new='' test=''
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        'file '*) file=${line#file } ;;
        -*) old=${line#-} ;;
        +*) new=${line#+} ;;
        'test '*) test=${line#test } ;;
        'why '*) attempt "$file" "$old" "$new" "$test" "${line#why }" ;;
        esac
    done <"$list"
done
total=$(cat "${lists[@]}" | grep -c '^why ')
[ "$total" -gt 0 ] || { echo "no mutants in ${lists[*]}"; exit 1; }
if [ -n "$apply_only" ]; then
    echo "mutants: $((total - lost)) of $total find their line"
else
    echo "mutants: $killed of $total killed, $survived survived, $lost lost"
fi
[ $((survived + lost)) = 0 ]
