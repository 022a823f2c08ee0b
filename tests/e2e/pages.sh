#!/usr/bin/env bash
# The pages of a service: its state, what is found in its logs and how it is written, one entry with its
# proof. Then the pages of `tenmint-log report`. With SAVE a copy of each kind of page goes there, for
# `make looks`.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
umask 077
: >"$W/said"
PORT=$(free_port)
SITE=http://127.0.0.1:$PORT
start_issuer

"$B/tenmint-ca" init "$W/ca" --all --url "$SITE" >"$W/said" || exit 1
printf 'oidc-issuers:\n  %s:\n    issuer-url: %s\n    client-id: sigstore\n    type: github-workflow\n' \
    "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
serve() {
    : >"$W/log"
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --metrics-listen 127.0.0.1:0 >"$W/log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/log" '"message":"listening"'
}
get() { # PATH: the page goes to $W/page.html
    code=$(curl -s --max-time 20 -o "$W/page.html" -D "$W/head" -w '%{http_code}' "$SITE$1")
}
text() { python3 tests/e2e/html.py --site "$W/page.html" 2>"$W/faults"; }
shows() { # NAME PATH STATUS TEXT
    get "$2"
    check "$1: status" "$3" "$code"
    keep "$1"
    text >"$W/text" || { cat "$W/faults"; fails=$((fails + 1)); }
    grep -qF -- "$4" "$W/text" || { echo "FAIL $1: no '$4' in: $(head -c 600 "$W/text")"; fails=$((fails + 1)); }
}
keep() { [ -z "${SAVE:-}" ] || cp "$W/page.html" "$SAVE/${1// /-}.html"; }
indexed() { # N: both logs are in the index so far
    local i
    for i in $(seq 100); do
        get /
        [ "$(text | grep -o "\b$1 [0-9a-z ]*all\b" | wc -l)" -ge 2 ] && return
        sleep 0.2
    done
    echo "FAIL the index does not reach $1: $(text | head -c 800)"
    fails=$((fails + 1))
}

serve
shows "state" / 200 "State of the service"
check "it is HTML" "text/html; charset=utf-8" "$(sed -n 's/^Content-Type: \(.*\)\r$/\1/p' "$W/head")"
check "no browser guesses" 1 "$(grep -c '^X-Content-Type-Options: nosniff' "$W/head")"
for word in "127.0.0.1:$PORT/log" "CN=intermediate" "CN=timestamp authority" "$ISSUER" snapshot; do
    grep -qF "$word" "$W/text" || { echo "FAIL the state has no $word"; fails=$((fails + 1)); }
done
"$B/tenmint" trust init --root "$W/ca/tuf/published/1.root.json" --metadata-url "$SITE/tuf" --dir "$W/trust" >"$W/said" || exit 1
echo artifact >"$W/a"
for i in 1 2 3; do
    mint >"$W/token"
    "$B/tenmint" sign --trust-dir "$W/trust" --token-file "$W/token" --force "$W/a" >"$W/said" 2>&1 || { cat "$W/said"; exit 1; }
done
indexed 3

DIGEST=$(sha256sum "$W/a" | cut -d' ' -f1)
"$B/tenmint-log" export "$W/ca/log" --key "$W/ca/log.pem" --last 0 >"$W/entry" || exit 1
SERIAL=$(sed 's/.*"serial":"\([0-9a-f]*\)".*/\1/' "$W/entry")
LEAF=$(sed 's/.*"leaf_hash":"\([0-9a-f]*\)".*/\1/' "$W/entry")
rows() { # NAME WANT QUESTION: links to entries
    get "/search?q=$3"
    check "$1" "$2" "$(grep -o '"/entry/[a-z]*/[0-9]*"' "$W/page.html" | sort -u | wc -l)"
    text >/dev/null || { cat "$W/faults"; fails=$((fails + 1)); }
}
rows "by repository" 6 acme/widget
keep "found"
rows "by repository, another way" 6 git%40github.com:Acme/Widget.git
rows "by identity" 6 https://github.com/acme/widget/.github/workflows/release.yml%40refs/heads/main
rows "by the beginning of a serial number" 2 "${SERIAL:0:8}.."
rows "by serial number" 2 "$SERIAL"
rows "by digest" 3 "sha256:$DIGEST"
rows "by leaf hash" 1 "$LEAF"
rows "nothing" 0 nobody/nothing
shows "what was not found is said" "/search?q=nobody/nothing" 200 "No entry fits."
shows "an empty question" "/search?q=" 200 "nothing was asked"
shows "a hostile question" "/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E" 200 "Search the logs"
check "stays text" 0 "$(grep -c '<script' "$W/page.html")"
shows "a question that is too long" "/search?q=$(printf 'a%.0s' $(seq 600))" 200 "more than 512 bytes"
shows "no number" "/search?q=x&before=1e3" 400 "no number"

shows "an entry" /entry/certificates/0 200 "Certificate 0"
for word in included "$SERIAL" "$LEAF" https://github.com/acme/widget "BEGIN PRECERTIFICATE"; do
    grep -qF "$word" "$W/text" || { echo "FAIL the entry has no $word"; fails=$((fails + 1)); }
done
shows "a signature" /entry/signatures/2 200 "$DIGEST"
for word in "What the signer's certificate claims" "not verified" "issued by CN=intermediate"; do
    grep -qF "$word" "$W/text" || { echo "FAIL a signature's certificate is shown without: $word"; fails=$((fails + 1)); }
done
get "/search?q=acme/widget"
check "in lists too" 3 "$(grep -o '>claimed<' "$W/page.html" | wc -l)"
shows "beyond the log" /entry/certificates/3 404 "does not reach so far"
shows "no such log" /entry/x/3 404 "no such log"
shows "no number in its place" /entry/certificates/../0 404 "no"
get /entry/certificates/00000000000000000000000001
check "a number that is too long" 404 "$code"
check "other paths are as they were" 404 "$(curl -s -o /dev/null -w '%{http_code}' "$SITE/entryx")"
check "a post is none" 501 "$(curl -s -o /dev/null -w '%{http_code}' -d x "$SITE/search")"

# The index goes on over a kill, and is made anew when it is lost.
kill -9 $CA_PID
wait $CA_PID 2>/dev/null
for i in $(seq 100); do kill -0 "$(cat "$W/ca/log/state/lock" 2>/dev/null)" 2>/dev/null || break; sleep 0.1; done
head -c 4096 /dev/urandom >"$W/ca/pages/entries.sqlite"
sleep 0.5
serve
indexed 3
rows "found again" 6 acme/widget

"$B/tenmint-log" report "$SITE/log" --key "$W/ca/log.pem" --html "$W/report" >"$W/said" || { cat "$W/said"; exit 1; }
check "a report has a page for each entry" 4 "$(ls "$W/report" | wc -l)"
python3 tests/e2e/html.py "$W"/report/*.html >"$W/text" || fails=$((fails + 1))
grep -qF "tenmint-log export $SITE/log --key log.pem --first 2 --last 2" "$W/text" || { echo "FAIL the report does not say how to check it"; fails=$((fails + 1)); }
says "a report of what is not there" 6 "" "$B/tenmint-log" report "$W/none" --key "$W/ca/log.pem" --html "$W/none.html"
says "a report without a place" 2 "want --html DIR" "$B/tenmint-log" report "$SITE/log" --key "$W/ca/log.pem"
says "by what it cannot have" 2 "logs of signatures" "$B/tenmint-log" report "$SITE/log" --key "$W/ca/log.pem" --html "$W/r2" --digest "$DIGEST"
says "into a file" 1 "" "$B/tenmint-log" report "$SITE/log" --key "$W/ca/log.pem" --html "$W/a"
[ -z "${SAVE:-}" ] || cp "$W/report/index.html" "$SAVE/report.html"
[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
