#!/usr/bin/env bash
# Help, manual page and completion say the same: every command and option of the tables stands in the
# page and is offered by the completion, and nothing else does. The pages are well formed.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
bad=0 all=0
fault() { echo "FAULT $*"; bad=1; }
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT

# "command NAME" and "option NAME --OPTION VALUE" of a page: .Ss and .It Fl.
page_lists() {
    awk '/^\.Sh/ { inside = $2 == "COMMANDS" }
        inside && /^\.Ss/ { at = substr($0, 5); if (at !~ /^(help|version)$/) print "command " at }
        inside && /^\.It Fl/ { v = ""; for (i = 5; i <= NF; i++) v = v " " $i; gsub(/\\&/, "", v)
            print "option " at " -" $3 v }' "$1" | sort
}
table_lists() { # the auditors' commands stand whole in tenmint-log(1)
    "$B/$1" help --table | awk -F'\t' -v ca="$1" '
        $1 == "command" { print "command " $2 }
        $1 == "option" && !(ca == "tenmint-ca" && $2 ~ /^log / && $2 !~ /^log (create|redate)$/) {
            print "option " $2 " --" $3 ($4 != "" ? " " $4 : "") }' | sort
}

compare() { # PROGRAM PAGE
    table_lists "$1" >"$W/table"
    page_lists "$2" >"$W/page"
    [ -s "$W/table" ] || fault "$1 help --table prints nothing"
    all=$((all + $(wc -l <"$W/table")))
    while read -r line; do fault "$2 lacks: $line (options: '.It Fl -name Ar VALUE' under '.Ss command')"
    done < <(comm -23 "$W/table" "$W/page")
    while read -r line; do fault "$2 has what $1 has not: $line"; done < <(comm -13 "$W/table" "$W/page")
}

completion() { # SHELL PROGRAM: the script that is installed
    make -s B="$B" "$W/$1/$2" COMPLETION_OUT="$W" >"$W/make" 2>&1 || fault "no completion of $2 for $1: $(tail -n 1 "$W/make")"
}
offered() { # PROGRAM WORD...: what bash offers after these words
    PATH="$PWD/$B:$PATH" bash -c '. "$1"; shift; COMP_WORDS=("$@" ""); COMP_CWORD=$#; _${1//-/_}
        printf "%s\n" "${COMPREPLY[@]}"' - "$W/bash/$1" "$@" | sort
}
complete_all() { # PROGRAM
    local name want
    "$B/$1" help --table >"$W/raw"
    while IFS=$'\t' read -r _ name _; do
        want=$(awk -F'\t' -v at="$name" '$1 == "option" && $2 == at { print "--" $3 }
            $1 == "command" && index($2, at " ") == 1 { print substr($2, length(at) + 2) }' "$W/raw" | sort)
        # shellcheck disable=SC2086 # a command's words are words
        [ "$(offered "$1" $name)" = "$want" ] || fault "completion of '$1 $name' differs from its help"
    done < <(grep '^command' "$W/raw")
    want=$({ sed -n 's/^command\t\([^\t ]*\)\t.*/\1/p' "$W/raw"; printf 'help\nversion\n'; } | sort)
    [ "$(offered "$1")" = "$want" ] || fault "completion of '$1' differs from its help"
}

for p in tools/*/main.c; do
    p=$(basename "$(dirname "$p")")
    page=$(ls tools/"$p/$p".[18] 2>/dev/null)
    [ -n "$page" ] || { fault "$p has no manual page"; continue; }
    compare "$p" "$page"
    for shell in bash zsh fish; do
        completion $shell "$p"
        command -v $shell >/dev/null && ! $shell -n "$W/$shell/$p" 2>"$W/err" &&
            fault "completion of $p for $shell: $(head -n 1 "$W/err")"
    done
    complete_all "$p"
done

# Each key of the two configuration references is in its page.
keys() { sed -n 's/^#\{0,1\} *\(# \)\{0,1\}\([a-z][a-z0-9-]*\):\( [^ ]*\)\{0,1\}$/\2/p' "$1" | sort -u; }
for pair in config/tenmint-ca.yaml:tools/tenmint-ca/tenmint-ca.yaml.5 config/tenmint-tuf.yaml:tools/tenmint-tuf/tenmint-tuf.yaml.5; do
    for key in $(keys "${pair%:*}"); do
        grep -q "^\.It Ic \(.*[.]\)\{0,1\}$key\$" "${pair#*:}" || fault "${pair#*:} lacks the key $key"
    done
done

pages=0
for f in tools/*/*.[1-8]; do
    pages=$((pages + 1))
    command -v mandoc >/dev/null || continue
    while read -r line; do fault "$line"; done < <(mandoc -T lint "$f" | grep -v 'referenced manual not found')
    for ref in $(sed -n 's/^\.Xr \(tenmint[a-z.-]*\) \([1-8]\).*/\1.\2/p' "$f" | sort -u); do
        ls tools/*/"$ref" >/dev/null 2>&1 || fault "$f refers to $ref, which is no page"
    done
done
[ $all -gt 200 ] || fault "only $all commands and options were found"
[ $bad = 0 ] && echo "manual: $all commands and options in $pages pages, and the completions of three shells"
exit $bad
