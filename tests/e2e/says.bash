# What is expected of a command, in the e2e scripts that source this: W is a scratch directory, fails
# counts what was not as expected.
check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; tail -n 3 "$W/said"; fails=$((fails + 1)); fi
}
says() { # NAME WANTED-EXIT WANTED-TEXT COMMAND...
    local name=$1 want=$2 text=$3 rc
    shift 3
    timeout 60 "$@" >"$W/said" 2>&1
    rc=$?
    check "$name: exit code" "$want" "$rc"
    [ -z "$text" ] || grep -qF -- "$text" "$W/said" || { echo "FAIL $name: no '$text' in: $(cat "$W/said")"; fails=$((fails + 1)); }
}
