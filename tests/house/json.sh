#!/usr/bin/env bash
# --json means one thing: every command that has it says its failures as one JSON object on standard
# output, whose code is the exit code. Each such command of the help's tables stands here with a
# command line that is sound and cannot be done.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
bad=0 all=0
fault() { echo "FAULT $*"; bad=1; }

declare -A fails=(
    ["tenmint cert"]="--ca http://127.0.0.1:1 --token-file $W/none --out $W"
    ["tenmint verify"]="--bundle $W/none --trusted-root $W/none --any-issuer --any-identity $W/none"
    ["tenmint show"]="$W/none"
    ["tenmint trust refresh"]="--dir $W/none"
    ["tenmint trust show"]="--dir $W/none"
    ["tenmint-ca rehearse"]="rotate --config $W/none"
    ["tenmint-ca status"]="--config $W/none"
    ["tenmint-ca evidence verify"]="$W/none"
    ["tenmint-ca audit query"]="--config $W/none"
    ["tenmint-ca audit verify"]="--config $W/none"
    ["tenmint-ca freeze"]="--config $W/none --reason x"
    ["tenmint-ca thaw"]="--config $W/none --reason x"
    ["tenmint-log status"]="$W/none"
    ["tenmint-log find"]="$W/none --identity x"
    ["tenmint-log watch"]="$W/none --state $W/state --once"
    ["tenmint-ca log rotate"]="$W/none 2027"
    ["tenmint-ca key show"]="file:$W/none"
    ["tenmint-ca issuer list"]="$W/none"
    ["tenmint-ca issuer show"]="$W/none https://x.example.com"
    ["tenmint-ca issuer test"]="$W/none https://x.example.com"
    ["tenmint-ca issuer diff"]="$W/none $W/none"
    ["tenmint-tuf status"]="--dir $W/none"
    ["tenmint-tuf rehearse"]="holder --dir $W/none"
    ["tenmint-tuf report"]="--dir $W/none --html $W/pages"
    ["tenmint-tuf review"]="$W/none"
    ["tenmint-tuf verify"]="$W/none"
    ["tenmint-tuf diff"]="$W/none $W/none"
    ["tenmint-tuf history"]="$W/none"
    ["tenmint-tuf key show"]="none --dir $W/none"
    ["tenmint-log verify"]="$W/none"
    ["tenmint-ca check-config"]="$W/none"
    ["tenmint-ca audit export"]="--config $W/none --out $W/new"
)
# The others, and why each has none.
makes="it makes files, and says where they are: the exit code is its report"
files="what it writes is for programs: the file, or standard output"
talks="a person is asked, or decides: for programs, the commands that it is made of"
runs="it runs until it is ended; its log is JSON lines, or its state is asked for otherwise"
declare -A without=(
    ["tenmint sign"]=$makes ["tenmint trust init"]=$makes ["tenmint trust get"]=$files
    ["tenmint trust export"]=$files ["tenmint-ca serve"]=$runs ["tenmint-ca init"]=$makes
    ["tenmint-ca rotate"]=$makes ["tenmint-ca tsa rotate"]=$makes ["tenmint-ca issuer add"]=$makes ["tenmint-ca issuer remove"]=$makes
    ["tenmint-ca issuer disable"]=$makes ["tenmint-ca issuer enable"]=$makes
    ["tenmint-ca audit init"]=$makes ["tenmint-ca evidence make"]="$makes (evidence.json)"
    ["tenmint-ca log create"]=$makes ["tenmint-ca log redate"]=$makes ["tenmint-tuf init"]=$talks
    ["tenmint-tuf key new"]=$makes ["tenmint-tuf key import"]=$makes ["tenmint-tuf holder add"]=$makes
    ["tenmint-tuf holder remove"]=$makes ["tenmint-tuf holder replace"]=$makes
    ["tenmint-tuf trust show"]="the two files are JSON; tenmint show --json has their facts"
    ["tenmint-tuf propose"]="the event is JSON; review --json has what it changes" ["tenmint-tuf sign"]=$talks
    ["tenmint-tuf hold"]=$talks ["tenmint-tuf merge"]="the event is JSON; review --json says who signed"
    ["tenmint-tuf publish"]="status --json and verify --json have what is published"
    ["tenmint-tuf refresh"]="status --json has what is due" ["tenmint-tuf revoke"]=$talks
)
for c in export report witness; do
    case $c in export) why=$files ;; report) why=$makes ;; witness) why=$runs ;; esac
    without["tenmint-log $c"]=$why
    without["tenmint-ca log $c"]=$why
done
for k in ca ctlog log tsa oidc; do
    fails["tenmint-tuf trust add-$k"]="--url http://127.0.0.1:1 --offline --dir $W/none"
    fails["tenmint-tuf trust retire-$k"]="http://127.0.0.1:1 --dir $W/none"
    fails["tenmint-tuf trust remove-$k"]="http://127.0.0.1:1 --dir $W/none"
done
for c in status find watch verify; do fails["tenmint-ca log $c"]=${fails["tenmint-log $c"]}; done

run() { # WANTED CODE OR "", WORD...
    local want=$1 code
    shift
    all=$((all + 1))
    "$B/$1" "${@:2}" >"$W/out" 2>"$W/err" </dev/null
    code=$?
    [ $code != 0 ] || fault "$*: exits 0"
    [ -z "$want" ] || [ $code = "$want" ] || fault "$*: exits $code, not $want"
    [ -s "$W/err" ] || fault "$*: says nothing on standard error"
    python3 - $code "$W/out" <<'PY' || fault "$*: standard output is '$(head -c 200 "$W/out")'"
import json, sys
with open(sys.argv[2]) as f:
    document = json.load(f)
error = document["error"]
assert error["code"] == int(sys.argv[1]) and error["meaning"] and error["message"]
PY
}

while read -r command; do
    words=${fails[$command]:-}
    [ -n "$words" ] || { fault "$command has --json and no line in this test"; continue; }
    # shellcheck disable=SC2086 # they are words
    run "" $command --json $words
    # shellcheck disable=SC2086
    run 2 $command $words --no-such-option --json
    # shellcheck disable=SC2086
    run 2 $command --json $words one two three
done < <(for p in tools/*/main.c; do
    p=$(basename "$(dirname "$p")")
    "$B/$p" help --table | awk -F'\t' -v p="$p" '$1 == "option" && $3 == "json" { print p, $2 }'
done)
# Each command that acts has --json or a reason, and no reason outlives its cause.
while read -r command; do
    [ -n "${fails[$command]:-}${without[$command]:-}" ] || fault "$command: neither --json nor a reason why not"
    [ -z "${fails[$command]:-}" ] || [ -z "${without[$command]:-}" ] || fault "$command: --json and a reason why not"
    unset "without[$command]"
done < <(for p in tools/*/main.c; do
    p=$(basename "$(dirname "$p")")
    "$B/$p" help --table | awk -F'\t' -v p="$p" '
        $1 == "command" { name[$2]; split($2, w, " "); if (w[2] != "") group[w[1]] }
        END { for (n in name) if (!(n in group) && n != "help" && n != "version") print p, n }'
done)
for command in "${!without[@]}"; do fault "$command: a reason, and no such command"; done
for p in tools/*/main.c; do # a command that does not exist has --json too
    p=$(basename "$(dirname "$p")")
    run 2 "$p" no-such-command --json
    run 2 "$p" help no-such-command --json
    run 2 "$p" --json
done
run 2 tenmint trust no-such-command --json
run 2 tenmint-ca log --json
# Names of files may be any bytes: with --json as without, the same exit code and as many warnings.
P=$W/$'p\xff'
"$B/tenmint-ca" init "$P" --all --url http://127.0.0.1:1 >"$W/out" 2>&1 || fault "init in a folder of any name: $(cat "$W/out")"
like() { # WORD...
    local code warnings
    all=$((all + 1))
    "$B/$1" "${@:2}" >"$W/out" 2>"$W/err" </dev/null
    code=$?
    warnings=$(cat "$W/out" "$W/err" | grep -ac '^warning: ')
    "$B/$1" "${@:2}" --json >"$W/out" 2>"$W/err" </dev/null
    [ $? = $code ] || fault "$*: another exit code than $code with --json: $(cat "$W/err")"
    python3 - "$warnings" "$W/out" <<'PY' || fault "$*: not its $warnings warnings in $(head -c 200 "$W/out")"
import json, sys
with open(sys.argv[2], encoding="utf-8") as f:
    found = json.load(f)
assert "error" not in found and len(found.get("warnings", [None] * int(sys.argv[1]))) == int(sys.argv[1])
PY
}
like tenmint-ca check-config "$P/tenmint-ca.yaml"
like tenmint-ca issuer list "$P/issuers.yaml"
like tenmint-tuf verify "$P/tuf"
like tenmint-tuf report --dir "$P/tuf" --html "$P/pages-of-tuf"
like tenmint-log status "$P/log" --key "$P/log.pem"
python3 tests/house/json_names.py || bad=1
[ $all -ge 47 ] || fault "only $all failures were tried"
[ $bad = 0 ] && echo "json: $all failures are one JSON object each"
exit $bad
