#!/usr/bin/env bash
# The log's key in a token (SoftHSM2), apart from the CA's: made by init and by log create, used
# under load and after kill -9, and what a wrong setup says.
set -u
. "$(dirname "$0")/../begin.bash"
MODULE=/usr/lib/softhsm/libsofthsm2.so

SECRET=135790
token() { # LABEL: a token; the PIN is in $W/pin
    softhsm2-util --init-token --free --label "$1" --pin 135790 --so-pin 24680123 >/dev/null || exit 1
}
serve() { start_server --config "$1/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 --workers 4 || exit 1; } # DIR
cert() { # NAME LOG-KEY: the client's exit code, its words in $W/said.NAME
    mint >"$W/token.$1"
    rm -rf "$W/out.$1"
    "$B/tenmint" cert --ca "$CA" --token-file "$W/token.$1" --log-key "$2" --out "$W/out.$1" >"$W/said.$1" 2>&1
    echo $?
}
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
umask 077
echo 135790 >"$W/pin"
echo 999999 >"$W/bad-pin"
echo word >"$W/password"
token 'CI token'
TOKEN=(--pkcs11-module "$MODULE" --pkcs11-token 'CI token' --pkcs11-pin-file "$W/pin")
ORIGIN=ca.example.com/log
init=("$B/tenmint-ca" init)
create=("$B/tenmint-ca" log create)
log=("$B/tenmint-ca" log)

says "one label for both keys" 2 'a key of its own' "${init[@]}" "$W/x" "${TOKEN[@]}" --pkcs11-key k --pkcs11-log-key k
says "no log, but a key for it" 2 'exclude each other' "${init[@]}" "$W/x" --no-log "${TOKEN[@]}" --pkcs11-log-key k
says "no module" 2 'needs --pkcs11-module, --pkcs11-token and --pkcs11-log-key' "${init[@]}" "$W/x" --pkcs11-log-key k
says "wrong PIN" 1 'PIN is incorrect' "${init[@]}" "$W/y" "${TOKEN[@]:0:4}" --pkcs11-pin-file "$W/bad-pin" --pkcs11-log-key k
start_issuer || exit 1
for ca in file token; do
    dir=$W/$ca
    also=()
    [ $ca = file ] || also=(--pkcs11-key "ca $ca")
    says "init, CA key in a $ca" 0 "made the log's key 'log $ca' in token 'CI token'" \
        "${init[@]}" "$dir" --log-origin "$ORIGIN" "${TOKEN[@]}" --pkcs11-log-key "log $ca" "${also[@]}"
    check "$ca: no key file of the log" no "$([ -e "$dir/log.key" ] && echo yes || echo no)"
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$dir/issuers.yaml"
    says "$ca: check-config" 0 "embedded  $ORIGIN in" "$B/tenmint-ca" check-config "$dir/tenmint-ca.yaml"
    serve "$dir"
    for i in $(seq 8); do # several at once
        cert "$i" "$dir/log.pem" >"$W/rc.$i" &
        jobs_list[i]=$!
    done
    for i in $(seq 8); do
        wait "${jobs_list[i]}"
        check "$ca: SCT $i verifies" 0 "$(cat "$W/rc.$i")"
    done
    kill -9 $CA_PID; wait $CA_PID 2>/dev/null
    serve "$dir"
    check "$ca: after kill -9: SCT verifies" 0 "$(cert 9 "$dir/log.pem")"
    check "$ca: after kill -9: the index goes on" 8 "$(sed -n 's/.*"leaf_index":"\([^"]*\)".*/\1/p' "$W/ca.log" | tail -n 1)"
    mv "$W/tokens" "$W/away"
    check "$ca: the token is gone: refused" 6 "$(cert 10 "$dir/log.pem")"
    check "$ca: the token is gone: the server's fault" 1 "$(grep -c 'refused (HTTP 503' "$W/said.10")"
    [ $ca = token ] || # else the CA's key says so first
        check "$ca: the token is gone: what to do" 1 "$(grep -m1 -c '"reason":"log","detail":"sign with the log key: .*: is its token there? It is used again by itself.*"status":503' "$W/ca.log")"
    [ $ca = file ] ||
        check "$ca: the token is gone: whose fault" 1 "$(grep -m1 -c '"reason":"ca","detail":"the CA key made no signature: .*"status":503' "$W/ca.log")"
    check "$ca: the token is gone: nothing issued" 1 "$(grep -c '"message":"issued"' "$W/ca.log")"
    mv "$W/away" "$W/tokens"
    kill -9 $CA_PID; wait $CA_PID 2>/dev/null
    serve "$dir"
    check "$ca: the token is back, and the server: SCT verifies" 0 "$(cert 11 "$dir/log.pem")"
    says "$ca: status over HTTP" 0 "$ORIGIN" "${log[@]}" status "$CA/log" --key "$dir/log.pem"
    kill -TERM $CA_PID; wait $CA_PID; check "$ca: SIGTERM exits 0" 0 $?
    says "$ca: every checkpoint and entry verifies" 0 "entries, " "${log[@]}" verify "$dir/log" --key "$dir/log.pem"
    check "$ca: no sanitizer report, no PIN in the log" 0 "$(grep -c 'runtime error\|Sanitizer\|135790' "$W/ca.log")"
done

both() { # NAME TEXT: check-config and serve refuse, saying so
    says "$1: check-config" 3 "$2" "$B/tenmint-ca" check-config "$W/bad.yaml"
    says "$1: serve" 3 "$2" "$B/tenmint-ca" serve --config "$W/bad.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0
}
change() { # SED-SCRIPT: the first CA's configuration, changed; its audit trail is not looked at here
    sed "/^audit-store:/,/^$/d; $1; s,: \\(chain.pem\\|intermediate.key\\|log\\|password\\|issuers.yaml\\)$,: file/\\1," \
        "$W/file/tenmint-ca.yaml" >"$W/bad.yaml"
}
change "s,'$W/pin','$W/bad-pin',"
both "wrong PIN" "PIN incorrect"
change "s,'$W/pin','$W/no-pin',"
both "no PIN file" "no-pin': No such file"
change "s/'log file'/'log token'/"
both "another log's key" "another log key"
change "s/'log file'/'nothing'/"
both "no such key" "no private key of token 'CI token' is labelled 'nothing'"
change "s/'CI token'/'CI tokem'/"
both "no such token" "no token is labelled 'CI tokem'"
change "s,$ORIGIN,ca.example.com/other,"
both "another origin" "origin '$ORIGIN', not 'ca.example.com/other'"
change ""
mv "$W/tokens" "$W/away"; mkdir "$W/tokens"
both "the token is gone" "no token is labelled 'CI token'"
rmdir "$W/tokens"; mv "$W/away" "$W/tokens"
says "the token is back" 0 "embedded  $ORIGIN" "$B/tenmint-ca" check-config "$W/bad.yaml"

says "create: no origin" 2 '--origin NAME is needed' "${create[@]}" "$W/new"
says "create: an origin with a scheme" 2 'such as ca.example.com/log' "${create[@]}" "$W/new" --origin https://x/y --password-file "$W/password"
says "create: no key" 2 'either --password-file' "${create[@]}" "$W/new" --origin "$ORIGIN/2"
says "create: two keys" 2 'either --password-file' "${create[@]}" "$W/new" --origin "$ORIGIN/2" --password-file "$W/password" "${TOKEN[@]}" --pkcs11-key k
says "create: in a log's directory" 1 'is not empty' "${create[@]}" "$W/file/log" --origin "$ORIGIN/2" --password-file "$W/password"
says "create: a taken label" 1 'already' "${create[@]}" "$W/new" --origin "$ORIGIN/2" "${TOKEN[@]}" --pkcs11-key 'log file'
says "create: in the token" 0 "trust add-ctlog --url https://$ORIGIN/2" "${create[@]}" "$W/new" --origin "$ORIGIN/2" "${TOKEN[@]}" --pkcs11-key 'log 2'
says "create: it is a log" 0 "$ORIGIN/2" "${log[@]}" status "$W/new" --key "$W/new.pem"
says "create: a key file" 0 "prefix: '/log/3'" "${create[@]}" "$W/third/" --origin "$ORIGIN/3" --password-file "$W/password"
check "create: the key file's mode" 600 "$(stat -c %a "$W/third.key")"
check "create: it is encrypted" 1 "$(grep -c 'BEGIN ENCRYPTED PRIVATE KEY' "$W/third.key")"
[ $fails -eq 0 ] || { tail -n 30 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
