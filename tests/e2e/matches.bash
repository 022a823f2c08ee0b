# As says.bash, for scripts that expect a pattern of what a command says: W is a scratch directory, fails
# counts what was not as expected.
check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; fails=$((fails + 1)); fi
}
says() { # NAME CODE PATTERN words...: the exit code, and what is said
    local name=$1 code=$2 pattern=$3
    shift 3
    "$@" >"$W/said" 2>&1 </dev/null
    check "$name: exit" "$code" $?
    grep -qE -- "$pattern" "$W/said" || { echo "FAIL $name: no '$pattern' in:"; cat "$W/said"; fails=$((fails + 1)); }
}
