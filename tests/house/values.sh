#!/usr/bin/env bash
# One grammar for the values of options: what is no number, duration, time or word of a choice is
# refused with exit code 2 and the option's name, in every command alike; so is an empty text. The
# options are those that the programs' own tables name.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$PWD/${B:-build}
bad=0 all=0
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
cd "$W" || exit 1

HUGE=99999999999999999999
refused() { # PROGRAM COMMAND OPTION VALUE
    local rc said
    all=$((all + 1))
    # shellcheck disable=SC2086 # a command of a group is two words
    said=$("$B/$1" $2 "--$3=$4" 2>&1 </dev/null)
    rc=$?
    [[ $rc = 2 && $said = *"--$3: "* ]] && return
    echo "FAULT $1 $2 --$3='$4': exit $rc, $said"
    bad=1
}

for main in "$OLDPWD"/tools/*/main.c; do
    p=$(basename "${main%/main.c}")
    while IFS=$'\037' read -r row command option value _; do
        [ "$row" = option ] && [ -n "$value" ] || continue
        case $value in
        DURATION) odd=(x -1 "$HUGE" 1x) ;;
        TIME) odd=(x -1 1x 2026-13-01) ;;
        N | 'N|now') odd=(x -1 "$HUGE" ' 2') ;;
        WAY | FORM) odd=(x) ;;
        *) odd=() ;;
        esac
        for v in '' "${odd[@]}"; do refused "$p" "$command" "$option" "$v"; done
    done < <("$B/$p" help --table | tr '\t' '\037')
done
[ $all -gt 800 ] || { echo "FAULT only $all values were tried: were the tables read?"; bad=1; }
[ $bad = 0 ] && echo "values: $all odd values are refused alike"
exit $bad
