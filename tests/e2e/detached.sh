#!/usr/bin/env bash
# Detached SCTs from the embedded log, alone and beside an external one: both APIs, the entry in
# the tree (x509_entry), and what the client's and the log's commands make of them.
set -u
. "$(dirname "$0")/../begin.bash"
umask 077

serve() { start_server --config "$C/tenmint-ca.yaml" || exit 1; }
stop_server() { kill -TERM "$CA_PID"; wait "$CA_PID"; }
cert() { # DIR OPTION…
    local dir=$1
    shift
    mint >"$W/token"
    says "${dir##*/}: a certificate" 0 'verified' "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$dir" "$@"
}
verify() { # NAME WANTED-EXIT WANTED-TEXT OPTION…
    local name=$1 want=$2 text=$3
    shift 3
    says "$name" "$want" "$text" "$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" --issuer "$ISSUER" \
        --identity-regexp 'https://github\.com/acme/.*' "$@"
}
log=("$B/tenmint-ca" log)
C=$W/ca

start_issuer || exit 1
mkfifo "$W/log.in"
"$B/tests/fake_log" <"$W/log.in" >"$W/log.out" 2>&1 &
PIDS="$PIDS $!"
exec {hold}>"$W/log.in"
wait_for "$W/log.out" /tmp/ || exit 1
EXTERNAL=$(sed -n 1p "$W/log.out")
EXTERNAL_KEY=$(sed -n 2p "$W/log.out")
says init 0 'log.pem' "$B/tenmint-ca" init "$C" --log-origin ca.example.com/log
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i -e 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/; s/^ct:/ct:\n  detached: true/' "$C/tenmint-ca.yaml"
K="$C/log.pem"
says check-config 0 'of 1 operator required, detached' "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
serve
mkdir "$W/tr"
curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/ca.pem"
"$B/tenmint-tuf" trust add-ca --offline --url "$CA" --chain "$W/ca.pem" --folder "$W/tr" >/dev/null 2>&1
"$B/tenmint-tuf" trust add-ctlog --offline --url https://ca.example.com/log --key "$K" --folder "$W/tr" >/dev/null 2>&1
sleep 1 # a certificate's times are whole seconds: its issue must not lie before the window

# --- the present API: signedCertificateDetachedSct ---
D=$W/one
cert "$D" --log-key "$K"
check "no SCT in the certificate" 0 "$(openssl x509 -in "$D/leaf.pem" -noout -text | grep -c 'CT Precertificate')"
check "nor a poison" 0 "$(openssl x509 -in "$D/leaf.pem" -noout -text | grep -c 'Poison')"
check "the audit line has the index" 1 "$(grep -c '"leaf_index":"0"' "$W/ca.log")"
says "show verifies it" 0 'SCT Verified                       yes' "$B/tenmint" show --sct "$D/sct.json" --log-key "$K" "$D/chain.pem"
says "show without it" 1 'has no SCT' "$B/tenmint" show --log-key "$K" "$D/chain.pem"
says "another log's key" 1 'no SCT is of a log whose key was given' "$B/tenmint" show --sct "$D/sct.json" --log-key "$EXTERNAL_KEY" "$D/chain.pem"
echo artifact >"$W/app"
says "sign says what a bundle does not hold" 0 "verify --sct" "$B/tenmint" sign --cert-dir "$D" "$W/app"
openssl dgst -sha256 -sign "$D/key.pem" -out "$W/app.sig" "$W/app"
verify "the bundle and its SCT" 0 'ok      sct' --bundle "$W/app.sigstore.json" --sct "$D/sct.json" "$W/app"
verify "the bundle without" 1 '--sct FILE' --bundle "$W/app.sigstore.json" "$W/app"
verify "certificate, signature, SCT" 0 'ok      sct' --certificate "$D/leaf.pem" --signature "$W/app.sig" --sct "$D/sct.json" "$W/app"
cert "$W/two" --log-key "$K"
verify "another certificate's SCT" 1 'FAILED  sct' --certificate "$D/leaf.pem" --sct "$W/two/sct.json"
sed 's/"timestamp":1/"timestamp":2/' "$D/sct.json" >"$W/later.json"
verify "another time" 1 'FAILED  sct' --certificate "$D/leaf.pem" --sct "$W/later.json"
sed 's/"sct_version":0/"sct_version":1/' "$D/sct.json" >"$W/version.json"
verify "another version" 1 'unknown version 1' --certificate "$D/leaf.pem" --sct "$W/version.json"
head -c 100 "$D/sct.json" >"$W/cut.json"
verify "a cut SCT" 1 "SCT '$W/cut.json'" --certificate "$D/leaf.pem" --sct "$W/cut.json"
verify "no such file" 6 "nowhere.json': No such file" --certificate "$D/leaf.pem" --sct "$W/nowhere.json"
verify "a key has no SCT" 2 '--sct is about a certificate' --bundle "$W/app.sigstore.json" --key "$K" --sct "$D/sct.json" "$W/app"

# --- the legacy API: the SCT header ---
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key.pem" 2>/dev/null
printf '{"publicKey":{"content":"%s"},"signedEmailAddress":"%s"}' "$(openssl pkey -in "$W/key.pem" -pubout -outform DER | base64 -w0)" \
    "$(printf 'repo:acme/widget:ref:refs/heads/main' | openssl dgst -sha256 -sign "$W/key.pem" | base64 -w0)" >"$W/v1"
check "v1" 201 "$(curl -sS --max-time 10 -D "$W/headers" -o "$W/v1.pem" -w '%{http_code}' -d @"$W/v1" \
    -H 'Content-Type: application/json' -H "Authorization: Bearer $(mint)" "$CA/api/v1/signingCert")"
sed -n 's/^sct: \(.*\)\r$/\1/Ip' "$W/headers" >"$W/header"
check "v1: one SCT header" 1 "$(grep -c . "$W/header")"
says "v1: base64 of the log's answer" 0 '{"sct_version":0,"id":"' base64 -d "$W/header"
verify "v1: it verifies" 0 'ok      sct' --certificate "$W/v1.pem" --sct "$W/header"
says "v1: and by the log's key" 0 'SCT Leaf Index                     2' "$B/tenmint" show --sct "$W/header" --log-key "$K" "$W/v1.pem"

# --- the tree ---
sleep 1.5 # a checkpoint covers them
for api in tiles rfc6962; do
    says "$api: verify" 0 '3 entries' "${log[@]}" verify "$CA/log" --api $api --origin ca.example.com/log --key "$K"
    serial=$(openssl x509 -in "$D/leaf.pem" -noout -serial | cut -d= -f2)
    says "$api: find by serial number" 0 'https://github.com/acme/widget' "${log[@]}" find "$CA/log" --api $api --origin ca.example.com/log --key "$K" --serial "$serial" --json
    check "$api: one" 1 "$(grep -c '"index"' "$W/said")"
    says "$api: export" 0 '' "${log[@]}" export "$CA/log" --api $api --origin ca.example.com/log --key "$K" --format pem --out "$W/pem.$api" --last 0
    check "$api: the entry is the certificate itself" "$(openssl x509 -in "$D/leaf.pem" -outform DER | sha256sum)" \
        "$(openssl x509 -in "$W/pem.$api/000000000000.pem" -outform DER | sha256sum)"
done
curl -sS --max-time 10 "$CA/log/ct/v1/get-entries?start=0&end=0" >"$W/entries"
check "get-entries: x509_entry" 0000 "$(sed 's/.*"leaf_input":"\([^"]*\)".*/\1/' "$W/entries" | base64 -d | od -An -tx1 -j10 -N2 | tr -d ' \n')"
printf 'repository: [https://github.com/acme/widget]\n' >"$W/mine.yaml"
says "watch reports them" 0 '3 new, 3 matching' "${log[@]}" watch "$CA/log" --key "$K" --state "$W/seen" --once --identities "$W/mine.yaml"
kill -9 "$CA_PID"; wait "$CA_PID" 2>/dev/null

# --- beside an external log: one SCT travels, both may be asked ---
sed -i "s,^  detached: true,  detached: true\n  logs: {one: {url: '$EXTERNAL'\, public-key: $EXTERNAL_KEY\, timeout: 1s}}," "$C/tenmint-ca.yaml"
serve
cert "$W/four" --log-key "$K" --log-key "$EXTERNAL_KEY"
check "one SCT travels" 1 "$(grep -o '"id"' "$W/four/sct.json" | wc -l)"
echo refuse >"$W/log.in"; sleep 0.2
cert "$W/five" --log-key "$K"
sed -i 's/^  detached: true/  detached: true\n  scts-required: 2/' "$C/tenmint-ca.yaml"
says "two SCTs have no room" 3 'one detached SCT' "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
stop_server; check "SIGTERM exits 0" 0 $?
sed -i -e '/^  scts-required/d; /^  embedded:/,$d' "$C/tenmint-ca.yaml" # the external one alone
serve
mint >"$W/token"
says "the only log refuses: nothing is issued" 6 'Error entering certificate in CTL' "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/six"
check "… indeed" 0 "$(grep -c '"message":"issued"' "$W/ca.log")"
stop_server
# Which log answered first decides whether the embedded one has the fourth as well.
says "the whole log verifies" 0 'are what the checkpoint signs' "${log[@]}" verify "$C/log" --key "$K"
check "no sanitizer report" 0 "$(grep -c 'runtime error\|AddressSanitizer\|LeakSanitizer' "$W/ca.log")"
[ $fails -eq 0 ] || { tail -n 20 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
