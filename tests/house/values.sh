#!/usr/bin/env bash
# What the options of all programs take, by the programs' own tables. One grammar for a kind of value:
# what is no number, duration, time, digest or word of a choice is refused with exit code 2 and the
# option's name, in every command alike; so is an empty text. And one name is one kind of option
# everywhere; --dir, --json and --trusted are one thing, which the help says in the same words.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$PWD/${B:-build}
bad=0 all=0
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
root=$PWD
cd "$W" || exit 1
fault() { echo "FAULT $*"; bad=1; }

HUGE=99999999999999999999
refused() { # PROGRAM COMMAND OPTION VALUE
    local rc said
    all=$((all + 1))
    # shellcheck disable=SC2086 # a command of a group is two words
    said=$("$B/$1" $2 "--$3=$4" 2>&1 </dev/null)
    rc=$?
    [[ $rc = 2 && $said = *"--$3: "* ]] || fault "$1 $2 --$3='$4': exit $rc, $said"
}

for main in "$root"/tools/*/main.c; do
    p=$(basename "${main%/main.c}")
    "$B/$p" help --table | awk -F'\t' -v OFS='\t' -v p="$p" '$1 == "option" { print p, $2, $3, $6, $4, $5 }'
done >options

while IFS=$'\t' read -r p command option kind _; do
    case $kind in
    flag) continue ;;
    duration) odd=('' x -1 "$HUGE" 1x) ;;
    time) odd=('' x -1 1x 2026-13-01) ;;
    number | size) odd=('' x -1 "$HUGE" ' 2') ;;
    choice | digest | pairs) odd=('' x) ;;
    text | list | names) odd=('') ;;
    *) fault "$p $command --$option: kind '$kind'" ;;
    esac
    for v in "${odd[@]}"; do refused "$p" "$command" "$option" "$v"; done
done <options
[ $all -gt 900 ] || fault "only $all values were tried: were the tables read?"

# Two programs' words for two things; within a program none may differ. The auditors' commands are
# tenmint-log's, wherever they stand.
awk -F'\t' '
    BEGIN { split("key log log-key start", names, " "); for (i in names) apart[names[i]] = 1 }
    $1 == "tenmint-ca" && $2 ~ /^log (status|verify|find|watch|export|report|witness)$/ { $1 = "tenmint-log" }
    { at = ($3 in apart ? $1 " " : "") $3; one = $4 }
    $3 ~ /^(dir|json|trusted)$/ { split($6, words, ":"); one = one " " $5 ", " words[1] ":"; seen[$3] = 1 }
    !(at in kind) { kind[at] = one; where[at] = $1 " " $2 }
    kind[at] != one { print "--" at ": " kind[at] " in " where[at] ", " one " in " $1 " " $2 }
    END { for (n in seen) count++; if (count != 3) print "--dir, --json and --trusted are not all there" }
    ' options >differ
while read -r line; do fault "$line"; done <differ
[ $bad = 0 ] && echo "values: $all odd values are refused alike; $(cut -f3 options | sort -u | wc -l) names of options mean one kind each"
exit $bad
