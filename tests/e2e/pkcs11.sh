#!/usr/bin/env bash
# A CA whose key was made in a token (SoftHSM2) and never leaves it: init, check-config, serve,
# certificates that openssl verifies, reload under load, and what a wrong setup says.
set -u
. "$(dirname "$0")/../begin.bash"
MODULE=/usr/lib/softhsm/libsofthsm2.so

SECRET=135790
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label 'CI token' --pin 135790 --so-pin 24680123 >/dev/null || exit 1
umask 077
echo 135790 >"$W/pin"
echo 999999 >"$W/bad-pin"
init=("$B/tenmint-ca" init)
TOKEN=(--pkcs11-module "$MODULE" --pkcs11-token 'CI token' --pkcs11-pin-file "$W/pin")

says "no label" 2 'needs --pkcs11-module, --pkcs11-token and --pkcs11-key' "${init[@]}" "$W/x" --pkcs11-module "$MODULE"
says "no PIN" 2 'give the PIN' "${init[@]}" "$W/x" --pkcs11-module "$MODULE" --pkcs11-token 'CI token' --pkcs11-key k
says "wrong token" 1 "no token is labelled 'CI tokem'" "${init[@]}" "$W/x" "${TOKEN[@]:0:2}" \
    --pkcs11-token 'CI tokem' "${TOKEN[@]:4}" --pkcs11-key k
says "wrong PIN" 1 'PIN is incorrect' "${init[@]}" "$W/y" "${TOKEN[@]:0:4}" --pkcs11-pin-file "$W/bad-pin" --pkcs11-key k
says "no module" 1 "No such file" "${init[@]}" "$W/z" --pkcs11-module /nonexistent "${TOKEN[@]:2}" --pkcs11-key k
says "no Ed25519" 1 "p256, p384" "${init[@]}" "$W/e" "${TOKEN[@]}" --pkcs11-key k --key-type ed25519

start_issuer || exit 1
for type in p256 p384 rsa; do
    dir=$W/$type
    says "init $type" 0 "made the server's key 'it's $type' in token 'CI token'" \
        "${init[@]}" "$dir" "${TOKEN[@]}" --pkcs11-key "it's $type" --key-type $type
    check "$type: no key file of the intermediate" no "$([ -e "$dir/intermediate.key" ] && echo yes || echo no)"
    printf 'oidc-issuers:\n  "%s":\n    issuer-url: "%s"\n    client-id: sigstore\n    type: github-workflow\n' \
        "$ISSUER" "$ISSUER" >"$dir/issuers.yaml"
    says "check-config $type" 0 "CA: backend pkcs11" "$B/tenmint-ca" check-config "$dir/tenmint-ca.yaml"
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$dir/tenmint-ca.yaml" --listen 127.0.0.1:0 \
        --metrics-listen 127.0.0.1:0 --workers 4 >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || exit 1
    CA=http://$(address_of listening)
    for i in $(seq 8); do # several at once, over reloads
        { mint >"$W/token.$type.$i"
          "$B/tenmint" cert --ca "$CA" --token-file "$W/token.$type.$i" --out "$W/out.$type.$i" >"$W/cert.$type.$i" 2>&1; } &
        jobs_list[i]=$!
        kill -HUP $CA_PID
    done
    for i in $(seq 8); do
        wait "${jobs_list[i]}" || { cat "$W/cert.$type.$i"; fails=$((fails + 1)); }
        check "$type: certificate $i verifies" 0 "$(openssl verify -x509_strict -purpose any -CAfile "$dir/root.pem" \
            -untrusted "$dir/chain.pem" "$W/out.$type.$i/leaf.pem" >"$W/verify" 2>&1; echo $?)"
    done
    kill -TERM $CA_PID; wait $CA_PID; check "$type: SIGTERM exits 0" 0 $?
    check "$type: no sanitizer report, no PIN in the log" 0 "$(grep -c 'runtime error\|Sanitizer\|135790' "$W/ca.log")"
done
says "a taken label" 1 "already" "${init[@]}" "$W/again" "${TOKEN[@]}" --pkcs11-key "it's p256"
sed -i "s/it''s p256/it''s p384/" "$W/p256/tenmint-ca.yaml"
says "another key than the chain's" 3 "not equal" "$B/tenmint-ca" check-config "$W/p256/tenmint-ca.yaml"
sed -i "s/it''s p384/nothing/" "$W/p256/tenmint-ca.yaml"
says "no such key" 3 "no private key of token 'CI token' is labelled 'nothing'" "$B/tenmint-ca" check-config "$W/p256/tenmint-ca.yaml"
[ $fails -eq 0 ] || { tail -n 30 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
