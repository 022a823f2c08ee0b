#!/usr/bin/env bash
# Help, manual page and completion say the same: every command and option of the tables stands in the
# page and is offered by the completion, and nothing else does. The pages are well formed.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=$(realpath "${B:-build}")
bad=0 all=0
fault() { echo "FAULT $*"; bad=1; }
W=$(mktemp -d)
mkdir "$W/empty"
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
        $1 == "option" && !(ca == "tenmint-ca" && $2 ~ /^log / && $2 !~ /^log (create|rotate|redate)$/) {
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
# What each shell itself offers after the words of each line of standard input: "WORDS<tab>OFFER".
offered() { # SHELL PROGRAM
    local run
    case $1 in
    bash) run='. "$1"; while IFS= read -r name; do COMP_WORDS=("$2" $name ""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _${2//-/_}
        for w in "${COMPREPLY[@]}"; do printf "%s\t%s\n" "$name" "$w"; done; done' ;;
    zsh) run='compdef() { :; }; _files() { :; }; _describe() { for w in "${(@P)2}"; do print -r -- "$name	${w%%:*}"; done; }
        . "$1"; while IFS= read -r name; do words=("$2" ${=name} ""); CURRENT=$#words; _${2//-/_}; done' ;;
    fish) run='source $argv[2]; while read -l name; for w in (complete -C "$argv[3] $name "; complete -C "$argv[3] $name -")
        printf "%s\t%s\n" "$name" (string split \t -- $w)[1]; end; end' ;;
    esac
    (cd "$W/empty" && PATH="$B:$PATH" HOME=$W/empty "$1" -c "$run" - "$W/$1/$2" "$2") | sed 's/^ *//; s/ *\t/\t/' | sort -u
}
complete_all() { # PROGRAM: in the shells that are here
    local shell
    "$B/$1" help --table >"$W/raw"
    { echo; grep '^command' "$W/raw" | cut -f2; } >"$W/names"
    awk -F'\t' '
        $1 == "option" { print $2 "\t--" $3 }
        $1 == "command" { n = split($2, word, " "); above = n == 1 ? "" : substr($2, 1, length($2) - length(word[n]) - 1)
            print above "\t" word[n] }
        END { print "\thelp"; print "\tversion" }' "$W/raw" | sort -u >"$W/want"
    for shell in bash zsh fish; do
        command -v $shell >/dev/null || continue
        offered $shell "$1" <"$W/names" >"$W/offered"
        while read -r line; do fault "completion of $1 in $shell: $line"; done < <(diff "$W/want" "$W/offered" | grep '^[<>]' | head -n 5)
    done
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
