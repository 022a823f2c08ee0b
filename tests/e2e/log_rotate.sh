#!/usr/bin/env bash
# A new log takes over from the old one: log create, both keys in the trusted root, the old log
# served as it ended beside the new one, old and new certificates verify; and every wrong way.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077

serve() { start_server --config "$C/tenmint-ca.yaml" || exit 1; }
stop_server() { kill -TERM "$CA_PID"; wait "$CA_PID"; }
cert() { # NAME LOG-KEY
    mint >"$W/token"
    says "$1: a certificate with its SCT" 0 'verified' "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --log-key "$2" --out "$W/$1"
    echo "$1" >"$W/$1.txt"
    says "$1: signed" 0 "$1.txt" "$B/tenmint" sign --cert-dir "$W/$1" "$W/$1.txt"
}
verifies() { # NAME: against the trusted root as it is now
    says "$1 verifies${2:-}" 0 "ok      sct" "$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" \
        --bundle "$W/$1.txt.sigstore.json" --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$W/$1.txt"
}
trust() { says "trust $1" 0 '' "$B/tenmint-tuf" trust "$@" --folder "$W/tr"; }
log=("$B/tenmint-ca" log)
C=$W/ca

start_issuer || exit 1
says init 0 'log.pem' "$B/tenmint-ca" init "$C" --log-origin ca.example.com/log
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i -e 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
echo '    checkpoint-interval: 1m' >>"$C/tenmint-ca.yaml"
serve
mkdir "$W/tr"
curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/ca.pem"
trust add-ca --offline --url "$CA" --chain "$W/ca.pem"
trust add-ctlog --offline --url https://ca.example.com/log --key "$C/log.pem"
sleep 1 # the windows begin in whole seconds
cert old "$C/log.pem"
verifies old

# The new log is made and made known while the old one is still in use.
says "log create" 0 "prefix: '/log/2'" "${log[@]}" create "$C/log-2" --origin ca.example.com/log/2 --password-file "$C/password"
sed -n '/^  embedded:/,$p' "$W/said" >"$W/section"
trust add-ctlog --offline --url https://ca.example.com/log/2 --key "$C/log-2.pem"
cert between "$C/log.pem"
verifies between

# The server is killed before a checkpoint covers what got an SCT: the old log is not complete yet.
cp "$C/tenmint-ca.yaml" "$W/old.yaml"
{ sed '/^  embedded:/,$d' "$W/old.yaml"; cat "$W/section"; } >"$W/new.yaml"
cat >>"$W/new.yaml" <<TEXT
  retired:
    first: {directory: log, public-key: log.pem, prefix: /log}
TEXT
kill -9 "$CA_PID"; wait "$CA_PID" 2>/dev/null
cp "$W/new.yaml" "$C/tenmint-ca.yaml"
for command in check-config "serve --config"; do
    says "${command%% *}: entries without a checkpoint" 3 "it was not closed in order" "$B/tenmint-ca" $command "$C/tenmint-ca.yaml"
done
cp "$W/old.yaml" "$C/tenmint-ca.yaml"
serve
sed '/^audit-store:/,/^$/d' "$W/new.yaml" >"$C/new.yaml" # which has one writer, too
says "looked at while it is written" 0 "a process still writes to it" "$B/tenmint-ca" check-config "$C/new.yaml"
says "not served while it is written" 3 "a process still writes to it" "$B/tenmint-ca" serve --config "$C/new.yaml"
stop_server
cp "$W/new.yaml" "$C/tenmint-ca.yaml"
says "check-config names both" 0 "retired   ca.example.com/log in" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"

serve
cert new "$C/log-2.pem"
check "the new log begins at 0" 1 "$(grep -c '"leaf_index":"0"' "$W/ca.log")"
for api in tiles rfc6962; do
    says "$api: the old log verifies" 0 "2 entries" "${log[@]}" verify "$CA/log" --api $api --origin ca.example.com/log --key "$C/log.pem"
done
says "the old log is found in" 0 "https://github.com/acme/widget" "${log[@]}" find "$CA/log" --key "$C/log.pem"
says "the old log takes nothing" 0 "this log is retired" curl -sS --max-time 10 -d '{}' "$CA/log/ct/v1/add-chain"
root=$(openssl x509 -in "$C/root.pem" -outform DER | base64 -w0)
for prefix in log log/2; do
    check "/$prefix accepts chains of one root" "{\"certificates\":[\"$root\"]}" "$(curl -sS --max-time 10 "$CA/$prefix/ct/v1/get-roots")"
done
says "the new log is served" 0 "ca.example.com/log/2" "${log[@]}" status "$CA/log/2" --key "$C/log-2.pem"
says "one is not the other" 1 "" "${log[@]}" status "$CA/log/2" --key "$C/log.pem"
for name in old between new; do verifies $name; done
trust retire-ctlog https://ca.example.com/log --confirm
for name in old between new; do verifies $name " when the old log has ended"; done
cp "$W/old.yaml" "$C/old.yaml"
says "nobody writes the old one now" 3 "in use by another process" "$B/tenmint-ca" serve --config "$C/old.yaml"
stop_server; check "SIGTERM exits 0" 0 $?

bad() { # NAME TEXT SED-SCRIPT
    sed "$3" "$W/new.yaml" >"$C/bad.yaml"
    says "$1" 3 "$2" "$B/tenmint-ca" check-config "$C/bad.yaml"
}
bad "no key" "retired log 'first' needs 'public-key'" 's/ public-key: log.pem,//'
bad "no prefix" "retired log 'first' needs 'prefix'" 's/, prefix: .log}/}/'
bad "a prefix twice" "'first' and 'embedded' have the same prefix /log/2" 's,prefix: /log},prefix: /log/2},'
bad "a prefix that is none" "retired log 'first'" 's,prefix: /log},prefix: log},'
bad "a mistyped key" "did you mean 'public-key'" 's/public-key:/public-kye:/'
bad "the new log's key" "checkpoint: " 's/public-key: log.pem/public-key: log-2.pem/'
bad "no log there" "nothing/checkpoint': No such file" 's/directory: log,/directory: nothing,/'
sed 's/directory: log, public-key: log.pem/directory: log-2, public-key: log-2.pem/' "$W/new.yaml" >"$C/bad.yaml"
says "one directory twice" 3 "a process still writes to it" "$B/tenmint-ca" serve --config "$C/bad.yaml"
cp "$C/log/tile/0/000.p/2" "$W/tile"
printf '\xff' | dd of="$C/log/tile/0/000.p/2" bs=1 seek=9 conv=notrunc 2>/dev/null
bad "a damaged tile" "the data is damaged" ''
cp "$W/tile" "$C/log/tile/0/000.p/2"
mv "$C/log/state" "$W/state" # a copy to be read has none
says "tiles and checkpoint are enough" 0 "ok" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { tail -n 20 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
