#!/usr/bin/env bash
# Every command of every program explains itself: an example, and the exit codes of the one table.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
bad=0 all=0
fault() { echo "FAULT $*"; bad=1; }

commands() { # of a program or a group: the names in its help
    "$@" --help | sed -n '/^Commands:/,/^$/p' | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' | grep -vx 'help\|version'
}

walk() {
    local one names row
    names=$(commands "$@" | sort -u)
    if [ -n "$names" ]; then
        [ $# = 1 ] || row=$("$1" --help | sed -n "/^  $2 /,/^  [a-z]/p" | tr '\n(),' '  ')
        for one in $names; do
            [ $# = 1 ] || [[ " $row " == *" $one "* ]] || fault "$1 --help: the row of $2 does not name $one"
            walk "$@" "$one"
        done
        return
    fi
    all=$((all + 1))
    "$@" --help >"$W/help" || fault "$*: --help exits $?"
    grep -q '^Examples:$' "$W/help" || fault "$*: no example in its help"
    while read -r line; do fault "$*: longer than 100 columns: $line"; done < <(grep '.\{101\}' "$W/help")
    sed -n '/^Examples:$/,/^$/p' "$W/help" | grep -q "tenmint.* ${*: -1}\b" ||
        fault "$*: its example is of another command"
    for code in 0 1 2 3 6; do
        sed -n '/^Exit codes:$/,$p' "$W/help" | grep -q "^  $code  " || fault "$*: exit code $code is not explained"
    done
}

W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
for p in tools/*/main.c; do
    p=$(basename "$(dirname "$p")")
    "$B/$p" --help >"$W/help" || fault "$p --help exits $?"
    [ "$(grep -c '^  [0-7]  ' "$W/help")" = 8 ] || fault "$p --help does not list the eight exit codes"
    walk "$B/$p"
done
[ $all -gt 40 ] || fault "only $all commands were found: was the help read?"
[ $bad = 0 ] && echo "help: $all commands have an example and their exit codes"
exit $bad
