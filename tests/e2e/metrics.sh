#!/usr/bin/env bash
# /metrics of a server with everything configured: the text is well formed, what the alert rules
# ask about is there, and each alert has its line in the README.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all test-programs || exit 1
. tests/demo_trust.sh
well_formed() { # FILE: prints what is wrong
    awk '
    function bad(why) { print "line " NR ": " why ": " $0 }
    /^# HELP / { if (help[$3]++) bad("HELP twice"); next }
    /^# TYPE / {
        if ($3 !~ /^[a-zA-Z_:][a-zA-Z0-9_:]*$/) bad("name")
        if ($4 !~ /^(counter|gauge|histogram)$/) bad("type")
        if (type[$3] != "") bad("TYPE twice")
        if (!help[$3]) bad("no HELP before")
        # Fulcio itself calls this counter so.
        if ($4 == "counter" && $3 !~ /_total$/ && $3 != "fulcio_new_certs") bad("a counter without _total")
        if ($4 != "counter" && $3 ~ /_total$/) bad("_total of no counter")
        type[$3] = $4; family = $3; next
    }
    /^#/ { bad("comment"); next }
    /^$/ { bad("empty line"); next }
    {
        if ($0 !~ /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*"(,[a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*")*\})? ([-+0-9.eE]+|NaN)$/) bad("sample")
        name = $0; sub(/[{ ].*/, "", name)
        if (type[family] == "histogram") sub(/_(bucket|sum|count)$/, "", name)
        if (name != family) bad("not of the family " family)
        series = $0; sub(/ [^ ]*$/, "", series)
        if (seen[series]++) bad("series twice")
    }' "$1"
}
start_issuer && start_ct_log || exit 1
trust_workspace || exit 1
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow, not-after: 2999-01-01T00:00:00Z}\n' \
    "$ISSUER" "$ISSUER" >"$W/tuf/targets/issuers.yaml"
ceremony first "the first" alice bob >/dev/null || exit 1
"$B/tenmint-ca" init "$W/ca" --all --url https://ca.example.com >/dev/null 2>&1 || exit 1
"$B/tenmint-log" witness --name w.example.com --key "$W/w.key" --new-key >"$W/vkey" || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$W/ca/tls.key" -out "$W/ca/tls.pem" 2>/dev/null
chmod 600 "$W/ca/tls.key"
mkdir "$W/ca/approved"
sed "s|^ct:|&\n  logs: {one: {url: '$LOG', public-key: $LOG_KEY}}|" "$W/ca/tenmint-ca.yaml" |
    sed "s|tuf/published|$W/tuf/published|; /^issuers-file:/d; s|^  store: sqlite|&\n  head-interval: 1s\n  witnesses: {w: {url: 'http://127.0.0.1:1', key: '$(cat "$W/vkey")'}}|" >"$W/ca/all.yaml"
printf 'issuers-from-tuf: {mirror: %s, root: %s, target: issuers.yaml, directory: approved}\n' \
    "$W/tuf/published" "$W/tuf/published/1.root.json" >>"$W/ca/all.yaml"
printf '%s\n' 'tls: {certificate: tls.pem, key: tls.key}' 'audit-file: audit.log' \
    'limits: {single-use-tokens: true, single-use-store: "redis://127.0.0.1:1/0", when-unknown: allow}' >>"$W/ca/all.yaml"
printf '%s\n' 'rehearsals: {rotate: 30d, log: 30d}' >>"$W/ca/all.yaml"
rehearsed() { # KIND RESULT: now
    printf '{"kind":"%s","by":"ops@ca","result":"%s","steps":[],"time":"%s","version":"1"}\n' "$1" "$2" "$(date -u +%FT%TZ)"
}
"$B/tenmint-ca" serve --config "$W/ca/all.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=https://$(address_of listening)
METRICS=http://$(address_of 'metrics listening')
SUB=repo:acme/widget:ref:refs/heads/main
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
    "$(mint)" "$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')" \
    "$(printf %s "$SUB" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)" >"$W/body"
post() { curl -s --max-time 20 --cacert "$W/ca/tls.pem" -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data-binary "$1" "$CA/api/v2/signingCert"; }
check "issued" 200 "$(post @"$W/body")"
check "refused" 400 "$(post '{}')"
# What is due, and what is not any more: of a record that is made, grows and is damaged while the
# server runs, which may read no other file beside it.
due() { # ROTATE LOG ISSUER
    curl -s --max-time 5 "$METRICS/metrics" >"$W/page"
    check "due: rotate, log, issuer" "$1 $2 $3" "$(sed -n 's/^tenmint_rehearsal_due{.*} //p' "$W/page" | paste -sd ' ')"
}
due 1 1 0
rehearsed rotate passed >"$W/ca/rehearsals.jsonl"
due 0 1 0
rehearsed issuer failed >>"$W/ca/rehearsals.jsonl"
due 0 1 1
echo '{' >>"$W/ca/rehearsals.jsonl"
due 1 1 1
sed -i '$d; s/"time":"20[0-9][0-9]/"time":"2020/' "$W/ca/rehearsals.jsonl"
due 1 1 1
{ rehearsed rotate passed; rehearsed log passed; rehearsed issuer passed; } >>"$W/ca/rehearsals.jsonl"
due 0 0 0
check "each kind's age" 3 "$(grep -c '^tenmint_rehearsal_age_seconds{kind="[a-z]*"} [0-9]\{1,2\}$' "$W/page")"
well_formed "$W/page" >"$W/wrong"
check "the text is well formed" "" "$(cat "$W/wrong")"
printf '# HELP a b\n# TYPE a counter\na 1\na 1\n# TYPE b gauge\nb{x-y="1"} 2\nc 1\n' >"$W/bad"
check "and what is not is found" 5 "$(well_formed "$W/bad" | wc -l)"
# The series that a rule or the dashboard asks about: its words that begin as ours do, without what
# a histogram adds.
asked() { # FILE...: from lines with "expr"
    grep -ho '"\?expr"\?: .*' "$@" | grep -o '\(tenmint\|http\)_[a-z_]*' | grep -v '^tenmint_tuf_role\|^tenmint_$' | sort -u
}
for series in $(asked config/tenmint-alerts.yaml config/tenmint-grafana.json); do
    check "$series is on the page" 1 "$(($(grep -c "^$series[{ ]" "$W/page") > 0))"
done
check "both ask for many" yes "$([ "$(asked config/tenmint-grafana.json | wc -l)" -ge 30 ] && echo yes)"
python3 - config/tenmint-grafana.json <<'PY' || fails=$((fails + 1))
import json, sys
panels = json.load(open(sys.argv[1]))["panels"]
assert len({p["id"] for p in panels}) == len(panels) and all(p["targets"] for p in panels)
places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in panels]
assert len(set(places)) == len(places)
PY
# What the documents name is a series of some program (those of key services are in kms.sh).
for series in $(grep -oh '\btenmint_[a-z_]*[a-z]\b' README.md tools/*/*.[1578] | grep -v _key_service_ | sort -u); do
    check "$series is a series" 1 "$(($(grep -c "^$series[{_ ]" "$W/page") + $(grep -acF "$series" "$B/tenmint-tuf") > 0))"
done
for alert in $(sed -n 's/^ *- alert: //p' config/tenmint-alerts.yaml); do
    check "$alert is in the README" 1 "$(($(grep -c "\b$alert\b" README.md) > 0))"
done
for word in $(grep -o '\b[A-Z][a-z]*\([A-Z][a-z]*\)\+ |$\|\b[A-Z][a-z]*\([A-Z][a-z]*\)\+, ' <(sed -n '/config\/tenmint-alerts.yaml/,/^$/p' README.md) | tr -d ' |,' | sort -u); do
    check "the README's $word is an alert" 1 "$(grep -c -- "- alert: $word\$" config/tenmint-alerts.yaml)"
done
check "each alert has a runbook" "$(grep -c -- '- alert: ' config/tenmint-alerts.yaml)" \
    "$(grep -c '^ *runbook: "..*"' config/tenmint-alerts.yaml)"
if ! command -v promtool >/dev/null; then
    echo "FAIL promtool is missing: apt-get install prometheus"
    fails=$((fails + 1))
else
    promtool check rules config/tenmint-alerts.yaml || fails=$((fails + 1))
    # Fulcio itself calls its counter so.
    promtool check metrics <"$W/page" 2>&1 | grep -v '^fulcio_new_certs counter metrics should have' >"$W/lint"
    check "promtool has nothing to say of the metrics" "" "$(cat "$W/lint")"
fi
[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
