#!/usr/bin/env bash
# What guards a log of signatures against a rollback, as it guards a log of certificates: witnesses
# cosign its checkpoints, an anchor and a witness refuse a restored backup, and where there is neither
# the server and check-config warn. Its directory has one writer.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077
C=$W/ca

"$B/tenmint-ca" init "$C" --no-log >/dev/null || exit 1
"$B/tenmint-ca" log create "$C/siglog" --signatures --origin rekor.example.com --password-file "$C/password" >/dev/null || exit 1
says "a witness's key" 0 "" "$B/tenmint-log" witness --name w.example.com --key "$W/w.key" --new-key
VKEY=$(grep -o 'w\.example\.com+[^ ]*' "$W/said" | head -n 1)
"$B/tenmint-log" witness --name w.example.com --key "$W/w.key" --dir "$W/witness" --listen 127.0.0.1:0 \
    --log "rekor.example.com=$C/siglog.pem" >"$W/w.out" 2>&1 &
PIDS=$!
wait_for "$W/w.out" 'witness listening' || exit 1
WITNESS=http://$(sed -n 's/.*"witness listening","address":"\([^"]*\)".*/\1/p' "$W/w.out")
config() { # LINES of the section
    printf 'listen: 127.0.0.1:0\nmetrics-listen: 127.0.0.1:0\nsignature-log:\n  directory: siglog\n  origin: rekor.example.com\n  key: siglog.key\n  password-file: password\n  checkpoint-interval: 200ms\n' >"$C/tenmint-ca.yaml"
    printf '%s' "$1" >>"$C/tenmint-ca.yaml"
}
serve() { start_server --config "$C/tenmint-ca.yaml" && PORT=${CA##*:} || exit 1; }
stop_server() { kill "$CA_PID"; wait "$CA_PID"; check "SIGTERM" 0 $?; }
entries() { "$B/tests/sigload" entries "$PORT" 2 "$1" "$2" >"$W/taken" 2>"$W/said" || check "entries" taken refused; }
K=(--key "$C/siglog.pem")

# Neither: a warning, in both places.
config ''
says "check-config warns" 0 "warning: rekor.example.com: the log has neither an anchor nor a witness" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
serve
check "the server warns" 1 "$(grep -c 'neither an anchor nor a witness' "$W/ca.log")"
entries 3 0
says "one writer" 3 "in use by another process" "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml"
stop_server

# An anchor that goes where the log goes.
for anchor in "$C/anchor" "$C/siglog/anchor"; do
    config "  anchor: $anchor
"
    says "check-config warns of ${anchor#"$W/"}" 0 "warning: rekor.example.com: the anchor lies in the log's folder, beside it or beside its key" \
        "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
done

# A witness.
config "  witnesses: {near: {url: '$WITNESS', key: '$VKEY'}}
  witness-quorum: 1
"
says "check-config is content" 0 ok "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
check "without a warning" 0 "$(grep -c warning "$W/said")"
serve
entries 2 100
says "cosigned" 0 "cosigned    by 1 of 1" "$B/tenmint-log" status "http://127.0.0.1:$PORT/api/v2" "${K[@]}" --witness-key "$VKEY"
says "watched by its age" 0 "5 new" "$B/tenmint-log" watch "http://127.0.0.1:$PORT/api/v2" "${K[@]}" --witness-key "$VKEY" --state "$W/state" --once --max-age 1h
curl -sS --max-time 10 "$METRICS/metrics" >"$W/metrics"
check "in the metrics" "tenmint_siglog_cosignatures 1" "$(grep '^tenmint_siglog_cosignatures ' "$W/metrics")"
stop_server
cp -r "$C/siglog" "$W/backup"
serve
entries 4 200
stop_server
cp -r "$C/siglog" "$W/whole"
rm -rf "$C/siglog" && cp -r "$W/backup" "$C/siglog"
says "a restored backup, told by the witness" 3 "it is an older copy" "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml"
rm -rf "$C/siglog" && cp -r "$W/whole" "$C/siglog"

# An anchor.
config "  anchor: $W/anchor
"
serve
entries 2 300
stop_server
rm -rf "$C/siglog" && cp -r "$W/whole" "$C/siglog"
says "a restored backup, told by the anchor" 3 "anchor" "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml"

# Wrong ways.
config "  witnesses: {near: {url: '$WITNESS'}}
"
says "a witness without its key" 3 "'signature-log': witness 'near' needs 'url' and 'key'" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
config "  witness-quorum: 1
"
says "a quorum of none" 3 "more than there are witnesses" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
stop_all
check "no sanitizer report" 0 "$(cat "$W/ca.log" "$W/w.out" | grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer')"
[ $fails -eq 0 ] || { tail -n 3 "$W/ca.log" "$W/w.out"; echo "$fails checks failed"; exit 1; }
