#!/usr/bin/env bash
# The signature log and the timestamp authority under load, killed (-9) with all their processes over
# and over: no entry that was answered is lost, none is there twice, every checkpoint that was seen is
# consistent with the last, and no serial number is used twice.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
kills=${1:-15}
make -s "$B/tests/sigload" || exit 1
W=$(mktemp -d)
fail() { echo "FAIL $1 in round $i"; tail -n 5 "$W/ca.log" "$W/err"; exit 1; }
end() { for p in ${family:-}; do kill -9 "$p" 2>/dev/null; done; rm -rf "$W"; }
trap end EXIT
. tests/lib.sh
umask 077
i=0
"$B/tenmint-ca" init "$W/ca" --all --url http://127.0.0.1 >/dev/null || exit 1
cat >"$W/ca/two.yaml" <<'TEXT'
listen: 127.0.0.1:0
signature-log: {directory: siglog, origin: 127.0.0.1, key: siglog.key, password-file: password, checkpoint-interval: 100ms}
timestamp-authority: {chain: tsa.pem, key: tsa.key, password-file: password}
TEXT
serve() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$W/ca/two.yaml" >>"$W/ca.log" 2>&1 &
    pid=$!
    family=$pid
    wait_for "$W/ca.log" '"message":"listening"' || fail "no start"
    family=$(family "$pid" | xargs)
    port=$(sed -n 's/.*"message":"listening","address":"[^"]*:\([0-9]*\)".*/\1/p' "$W/ca.log")
}
: >"$W/acked"
: >"$W/serials"
mkdir "$W/notes"
for i in $(seq "$kills"); do
    serve
    "$B/tests/sigload" entries "$port" 16 0 $((i * 1000000)) >"$W/round" 2>"$W/err" &
    load=$!
    "$B/tests/sigload" stamps "$port" 2 0 >"$W/stamps" 2>>"$W/err" &
    stamps=$!
    sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
    [ $((i % 5)) -ne 1 ] || sleep 0.7
    cp "$W/ca/siglog/checkpoint" "$W/notes/$i"
    for p in $family; do kill -9 "$p"; done
    wait $pid 2>/dev/null
    for p in $load $stamps; do wait "$p" || fail "a client was refused"; done
    cat "$W/round" >>"$W/acked"
    cat "$W/stamps" >>"$W/serials"
    ! grep -q '"severity":"ERROR"' "$W/ca.log" || fail "an error"
done
serve # start-up and an orderly end
kill "$pid"
wait "$pid" || fail "the end"
family=
notes=()
for n in "$W"/notes/*; do notes+=(--checkpoint "$n"); done
"$B/tenmint-log" verify "$W/ca/siglog" --key "$W/ca/siglog.pem" "${notes[@]}" || fail "the log"
"$B/tenmint-log" export "$W/ca/siglog" --key "$W/ca/siglog.pem" |
    sed 's/.*"index":\([0-9]*\),.*"digest":"\([0-9a-f]*\)".*/\2 \1/' | sort >"$W/there"
sort "$W/acked" >"$W/sorted"
lost=$(comm -23 "$W/sorted" "$W/there" | wc -l)
twice=$(cut -d' ' -f1 "$W/there" | uniq -d | wc -l)
again=$(sort "$W/serials" | uniq -d | wc -l)
n=$(grep -c . "$W/acked") s=$(grep -c . "$W/serials")
[ "$lost" = 0 ] || fail "$lost of $n entries that were answered are not there, or elsewhere"
[ "$twice" = 0 ] || fail "$twice entries are there twice"
[ "$again" = 0 ] || fail "$again of $s serial numbers were used twice"
[ "$n" -gt $((kills * 5)) ] && [ "$s" -gt $((kills * 5)) ] || fail "only $n entries and $s timestamps: no load"
echo "ok   $kills kills, $n entries answered, $(grep -c . "$W/there") there, $s timestamps"
