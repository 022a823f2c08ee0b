# In place of the `says` of tests/begin.bash, for scripts that expect a pattern (grep -E) of what a
# command says.
says() { # NAME CODE PATTERN words...: the exit code, and what is said
    local name=$1 code=$2 pattern=$3
    shift 3
    "$@" >"$W/said" 2>&1 </dev/null
    check "$name: exit" "$code" $?
    grep -qE -- "$pattern" "$W/said" || { echo "FAIL $name: no '$pattern' in:"; cat "$W/said"; fails=$((fails + 1)); }
}
