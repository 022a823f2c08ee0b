#!/usr/bin/env bash
# The CA's key is in a token: rotate makes the next one there, --activate puts its label and its chain
# in service, SIGHUP takes them up while certificates are issued. Cut off anywhere, the same command
# ends it.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
umask 077
MODULE=/usr/lib/softhsm/libsofthsm2.so
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label ci --pin 135790 --so-pin 24680123 >/dev/null || exit 1
echo 135790 >"$W/pin"
C=$W/ca
labels() {
    pkcs11-tool --module "$MODULE" --token-label ci --login --pin 135790 --list-objects --type privkey 2>/dev/null |
        sed -n 's/^  label: *//p' | sort
}
start_issuer || exit 1
says init 0 "made the server's key 'ca' in token 'ci'" "$B/tenmint-ca" init "$C" --log-origin ca.example.com/log \
    --pkcs11-module "$MODULE" --pkcs11-token ci --pkcs11-pin-file "$W/pin" --pkcs11-key ca
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
CA_PID=$!
PIDS="$PIDS $CA_PID"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
issuer_of() { # NAME: a new certificate's authority key id
    mint >"$W/token"
    says "$1: a certificate" 0 verified "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --log-key "$C/log.pem" --out "$W/$1"
    aki=$(openssl x509 -in "$W/$1/leaf.pem" -noout -ext authorityKeyIdentifier | tail -n 1 | tr -d ' ')
}
key_id() { openssl x509 -in "$1" -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' '; }

first=$(key_id "$C/chain.pem")
says "a label that is taken" 1 "ca" "$B/tenmint-ca" rotate "$C" --pkcs11-key ca
check "then nothing is left" no "$([ -e "$C/next" ] && echo yes || echo no)"
says rotate 0 "made the key 'ca-20" "$B/tenmint-ca" rotate "$C"
check "the next key is in the token" 2 "$(labels | grep -c .)"
check "no key file is made" "chain.pem pkcs11-label" "$(ls "$C/next" | xargs)"
says "not twice" 1 "is there already" "$B/tenmint-ca" rotate "$C"
second=$(key_id "$C/next/chain.pem")
issuer_of between
check "the first key signs on" "$first" "$aki"

# What somebody wrote into the configuration stays: comments, order, mode.
echo '# a last word' >>"$C/tenmint-ca.yaml"
chmod 640 "$C/tenmint-ca.yaml"
cp "$C/tenmint-ca.yaml" "$W/before.yaml"
( ulimit -f 0; "$B/tenmint-ca" rotate "$C" --activate ) >"$W/said" 2>&1
check "a write that is cut off: the configuration is what it was" 0 "$(cmp -s "$W/before.yaml" "$C/tenmint-ca.yaml"; echo $?)"
cp -a "$C" "$W/copy"
cp -a "$C" "$W/edited"
check "who edits the configuration is waited for" "124 0" \
    "$(flock "$W/edited/tenmint-ca.yaml" timeout 1 "$B/tenmint-ca" rotate "$W/edited" --activate >/dev/null 2>&1
        echo $? "$(cmp -s "$W/before.yaml" "$W/edited/tenmint-ca.yaml"; echo $?)")"
says "--activate" 0 "SIGHUP" "$B/tenmint-ca" rotate "$C" --activate
check "one line of the configuration changed" 1 "$(diff "$W/before.yaml" "$C/tenmint-ca.yaml" | grep -c '^>')"
check "its mode stays" 640 "$(stat -c %a "$C/tenmint-ca.yaml")"
check "the next folder is gone" no "$([ -e "$C/next" ] && echo yes || echo no)"
issuer_of waits
check "until SIGHUP the first key signs" "$first" "$aki"
kill -HUP "$CA_PID"
wait_for "$W/ca.log" 'the next generation serves'
issuer_of after
check "then the second does" "$second" "$aki"
check "its certificates verify" 0 "$(openssl verify -purpose any -CAfile "$C/root.pem" -untrusted "$C/chain.pem" \
    "$W/after/leaf.pem" >/dev/null 2>&1; echo $?)"

# Cut off between its moves.
cp "$C/tenmint-ca.yaml" "$W/copy/tenmint-ca.yaml"
says "cut off after the label" 0 "in service" "$B/tenmint-ca" rotate "$W/copy" --activate
check "the chain is there" "$second" "$(key_id "$W/copy/chain.pem")"
mkdir "$W/copy/next"
sed -n "s/.*pkcs11-key: //p" "$C/tenmint-ca.yaml" | head -n 1 | tr -d "'\n" >"$W/copy/next/pkcs11-label"
says "cut off after the chain" 0 "in service" "$B/tenmint-ca" rotate "$W/copy" --activate
says "nothing to put in service" 1 "nothing to put in service" "$B/tenmint-ca" rotate "$C" --activate
says "again" 0 "made the key 'third'" "$B/tenmint-ca" rotate "$C" --pkcs11-key third
# A key that is written in another way is edited all the same.
sed -i "s/^  pkcs11-key:.*/  ? pkcs11-key\n  : $(sed -n "s/.*pkcs11-key: //p" "$C/tenmint-ca.yaml")/" "$C/tenmint-ca.yaml"
says "a configuration that is written otherwise" 0 "in service" "$B/tenmint-ca" rotate "$C" --activate
check "and edited where it stands" "? pkcs11-key : third" "$(grep -A 1 'pkcs11-key' "$C/tenmint-ca.yaml" | xargs)"
[ "$fails" = 0 ] || { echo "$fails checks failed"; exit 1; }
