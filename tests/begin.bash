# How a script of tests/e2e or tests/interop begins: it sources this file first.
# It goes to the repository's root, and gives
#   W, SCRATCH   a scratch folder, which goes away at the end with all processes in PIDS; a script
#                may set W to a folder inside
#   B            where the programs are: those with sanitizers, made where they are not, unless the
#                script or the caller says B=build before
#   fails        how many checks failed: the script ends with [ "$fails" = 0 ]
#   PATIENCE     seconds that a command of `says` may take (60)
#   SECRET       what no command may print, where the script sets it
#   check, says  what is expected; the functions of tests/lib.sh, whose waits all have a bound
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
B=${B:-build/asan}
[ "$B" != build/asan ] || [ -x "$B/tests/demo_issuer" ] ||
    make -s -j2 BUILD=build/asan SAN=address,undefined CC=clang-14 all test-programs || exit 1
W=$(mktemp -d)
SCRATCH=$W
fails=0
. tests/lib.sh
trap 'stop_all; rm -rf "$SCRATCH"' EXIT
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1

check() { # NAME WANT GOT
    [ "$2" = "$3" ] && echo "ok   $1" && return
    echo "FAIL $1: want '$2', got '$3'"
    [ ! -e "$W/said" ] || tail -n 3 "$W/said"
    fails=$((fails + 1))
}
says() { # NAME WANTED-EXIT WANTED-TEXT COMMAND...
    local name=$1 want=$2 text=$3 rc
    shift 3
    timeout "${PATIENCE:-60}" "$@" >"$W/said" 2>&1
    rc=$?
    check "$name: exit code" "$want" "$rc"
    [ -z "$text" ] || grep -qF -- "$text" "$W/said" || { echo "FAIL $name: no '$text' in: $(cat "$W/said")"; fails=$((fails + 1)); }
    ! grep -q "Sanitizer\|runtime error${SECRET:+\|$SECRET}" "$W/said" || { echo "FAIL $name: $(cat "$W/said")"; fails=$((fails + 1)); }
}
