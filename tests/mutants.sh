#!/usr/bin/env bash
# Mutants: one-line faults, put in one at a time, each of which the test that its list names must kill.
#   mutants.sh [LIST...]     all, or those of tests/mutants/LIST
#   mutants.sh --apply       only whether each still finds its line, once (part of make check); it
#                            reads the files where they stand, so it may run beside the other
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

# 0: the line stood once in FILE, which with the new one goes to OUT.
change() { # FILE OUT OLD NEW
    python3 - "$@" <<'PY'
import sys
path, out, old, new = sys.argv[1:]
lines = open(path, encoding="utf-8").read().split("\n")
at = [i for i, line in enumerate(lines) if line == old]
if len(at) != 1 or old == new:
    sys.exit(f"{path}: {len(at)} lines are '{old.strip()}'")
lines[at[0]] = new
open(out, "w", encoding="utf-8").write("\n".join(lines))
PY
}

# A test is a unit test, or a script that needs all programs.
build() { # TEST...
    local t targets=()
    for t in "$@"; do
        case $t in
        *.sh) targets+=(all test-programs) ;;
        *) targets+=("build/tests/$t") ;;
        esac
    done
    make -s -C "$B/tree" -j2 OPT=-O1 "${targets[@]}" >"$LOG/build" 2>&1
}
run() { # TEST
    case $1 in
    *.sh) (cd "$B/tree" && timeout 300 bash "tests/$1" >"$LOG/run" 2>&1) ;;
    *) (cd "$B/tree" && timeout 120 "build/tests/$1" >"$LOG/run" 2>&1) ;;
    esac
}

# Tests must fail for the fault, not for want of a program or a second.
attempt() { # FILE OLD NEW TEST WHY
    local file=$1 test=$4 why=$5
    if ! change "$file" "$LOG/faulty" "$2" "$3" 2>"$LOG/lost"; then
        lost=$((lost + 1))
        echo "LOST     $(cat "$LOG/lost") ($why)"
        return
    fi
    [ -z "$apply_only" ] || return 0
    cp -p "$B/tree/$file" "$LOG/saved"
    cat "$LOG/faulty" >"$B/tree/$file"
    if ! build "$test"; then
        lost=$((lost + 1))
        echo "LOST     $file: the fault does not compile ($why): $(grep -m1 error "$LOG/build")"
    elif run "$test"; then
        survived=$((survived + 1))
        echo "SURVIVED $file: $test does not see that $why"
    else
        killed=$((killed + 1))
        echo "killed   $file: $(grep -m1 -oP '\[  FAILED  \] \K\S+' "$LOG/run" || echo "$test") ($why)"
    fi
    cp -p "$LOG/saved" "$B/tree/$file"
    touch "$B/tree/$file"
}

if [ -z "$apply_only" ]; then
    copy
    mapfile -t tests < <(sed -n 's/^test //p' "${lists[@]}" | sort -u)
    build "${tests[@]}" || {
        tail -n 5 "$LOG/build"
        exit 1
    }
    for t in "${tests[@]}"; do # as it stands, each must pass
        run "$t" || { echo "$t fails without a fault"; exit 1; }
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
