# A CA with its log, cosigned by a witness, for auditors to read. Sourced after tests/lib.sh; B is the
# build directory, W a scratch directory. Sets CA, ISSUER, LOG (the log's directory), KEY, WITNESS.
ORIGIN=log.example.com/go
start_logged_ca() {
    LOG=$W/ca/log KEY=$W/ca/log.pem
    "$B/tenmint-ca" init "$W/ca" --log-origin "$ORIGIN" >/dev/null || return 1
    WITNESS=$("$B/tenmint-ca" log witness --name w.example.com --key "$W/w.key" --new-key) || return 1
    "$B/tenmint-ca" log witness --name w.example.com --key "$W/w.key" --dir "$W/w" --listen 127.0.0.1:0 \
        --log "$ORIGIN=$KEY" >"$W/w.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/w.log" '"witness listening"' || return 1
    start_issuer || return 1
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$W/ca/issuers.yaml"
    cat >>"$W/ca/tenmint-ca.yaml" <<TEXT
    witnesses:
      one: {url: 'http://$(sed -n 's/.*"witness listening","address":"\([^"]*\)".*/\1/p' "$W/w.log")', key: $WITNESS}
TEXT
    "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 \
        --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || return 1
    CA=http://$(address_of listening)
}
log_size() { sed -n 2p "$LOG/checkpoint"; }
log_grown() { [ "$(log_size)" -ge "$1" ] && [ "$(wc -l <"$LOG/checkpoint")" -eq 6 ]; } # two signatures
log_grow() { # COUNT: that many more entries, and a cosigned checkpoint of them; the last in $W/cert
    local want=$(($(log_size) + $1))
    mint | "$B/tests/bench" memory $(($1 - 8)) "go=${CA##*:},$CA_PID,8" >/dev/null
    for _ in $(seq 8); do
        (umask 077 && mint >"$W/token")
        rm -rf "$W/cert"
        "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/cert" --log-key "$KEY" >/dev/null
    done
    wait_until log_grown "$want"
}
serve_directory() { # DIR: as a plain web server does; sets FILES
    : >"$W/files.out"
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$1" >"$W/files.out" 2>/dev/null &
    PIDS="$PIDS $!"
    wait_for "$W/files.out" http:// || return 1
    FILES=$(sed -n 's/.*(\(http:[^)]*[0-9]\)\/*).*/\1/p' "$W/files.out" | head -n 1)
}
