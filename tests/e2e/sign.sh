#!/usr/bin/env bash
# tenmint sign in one command: from the token to bundles, with the CA that signing_config names and
# the SCT that the trusted root asks for; and what it refuses before a certificate is asked for.
set -u
. "$(dirname "$0")/../begin.bash"
export XDG_DATA_HOME=$W/home
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
C=$W/ca

start_issuer || exit 1
says init 0 'log.pem' "$B/tenmint-ca" init "$C" --log-origin ca.example.com/log
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i -e 's/^listen:.*/listen: 127.0.0.1:0/; s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
"$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" >"$W/ca.log" 2>&1 &
PIDS="${PIDS:-} $!"
wait_for "$W/ca.log" '"message":"listening"' || exit 1
CA=http://$(address_of listening)
mkdir "$W/tr"
curl -sS --max-time 10 "$CA/api/v1/rootCert" >"$W/ca.pem"
"$B/tenmint-tuf" trust add-ca --url "$CA" --folder "$W/tr" >/dev/null
"$B/tenmint-tuf" trust add-ctlog --offline --url https://ca.example.com/log --key "$C/log.pem" --folder "$W/tr" >/dev/null
sleep 1 # the windows begin in whole seconds
mint >"$W/token"
S=("$B/tenmint" sign --signing-config "$W/tr/signing_config.v0.2.json" --trusted-root "$W/tr/trusted_root.json" --token-file "$W/token")
V=("$B/tenmint" verify --trusted-root "$W/tr/trusted_root.json" --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*')

echo a >"$W/a"; echo b >"$W/b"
says "many files" 0 "$W/b.sigstore.json" "${S[@]}" "$W/a" "$W/b"
for f in a b; do
    says "$f verifies" 0 "ok      sct" "${V[@]}" --bundle "$W/$f.sigstore.json" "$W/$f"
done
says "b is not a" 1 "" "${V[@]}" --bundle "$W/a.sigstore.json" "$W/b"
says "a bundle that exists" 1 "use --force" "${S[@]}" "$W/a"

printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"%s"}}],"predicateType":"https://example.com/p","predicate":{}}' \
    "$(sha256sum "$W/a" | cut -c1-64)" >"$W/st"
says "a statement" 0 "st.sigstore.json" "${S[@]}" --statement "$W/st"
says "the statement is about a" 0 "" "${V[@]}" --bundle "$W/st.sigstore.json" "$W/a"
says "the statement is not about b" 1 "subjects" "${V[@]}" --bundle "$W/st.sigstore.json" "$W/b"
echo '{"builder": 1.10}' >"$W/pred"
says "a predicate of two files" 0 "pred.sigstore.json" "${S[@]}" --predicate https://example.com/built "$W/pred" "$W/a" "$W/b"
says "it is about a" 0 "" "${V[@]}" --bundle "$W/pred.sigstore.json" "$W/a"
says "it is about b" 0 "" "${V[@]}" --bundle "$W/pred.sigstore.json" "$W/b"
says "it is not about itself" 1 "subjects" "${V[@]}" --bundle "$W/pred.sigstore.json" "$W/pred"
says "a predicate of nothing" 2 "the files that it is about" "${S[@]}" --predicate https://example.com/built "$W/pred"
says "a predicate whose type is no URI" 1 "no type of a predicate" "${S[@]}" --force --predicate built "$W/pred" "$W/a"
echo detached >"$W/apart"
says "in files of their own too" 0 "certificate  $W/apart.pem" "${S[@]}" --detached "$W/apart"
says "signature and certificate verify" 0 "" "${V[@]}" --certificate "$W/apart.pem" --signature "$W/apart.sig" "$W/apart"
rm "$W/apart.sigstore.json"
says "not over a signature that is there" 1 "apart.sig' exists" "${S[@]}" --detached "$W/apart"
says "no statement" 1 "statement '$W/a'" "${S[@]}" --statement --force "$W/a"

says "another log in the trusted root" 0 "" "$B/tenmint-ca" log create "$C/log-2" --origin ca.example.com/log/2 --password-file "$C/password"
mkdir "$W/tr2"
"$B/tenmint-tuf" trust add-ca --offline --url "$CA" --chain "$W/ca.pem" --folder "$W/tr2" >/dev/null
"$B/tenmint-tuf" trust add-ctlog --offline --url https://ca.example.com/log/2 --key "$C/log-2.pem" --folder "$W/tr2" >/dev/null
says "no SCT that counts" 1 "no SCT of a CT log" "$B/tenmint" sign --signing-config "$W/tr/signing_config.v0.2.json" --trusted-root "$W/tr2/trusted_root.json" --token-file "$W/token" --force "$W/a"
says "nothing trusted" 1 "which CA?" "$B/tenmint" sign --token-file "$W/token" --force "$W/a"
says "the CA by its URL" 0 "a.sigstore.json" "$B/tenmint" sign --ca "$CA" --token-file "$W/token" --force "$W/a"
says "one bundle for two files" 2 "takes one artifact" "${S[@]}" --bundle "$W/x" "$W/a" "$W/b"
says "half of the files" 2 "belong together" "$B/tenmint" sign --signing-config "$W/tr/signing_config.v0.2.json" "$W/a"
python3 - "$W/tr/signing_config.v0.2.json" "$W/odd.json" <<'PYTHON'
import json, sys
with open(sys.argv[1]) as f: c = json.load(f)
now = c["caUrls"][0]["validFor"]
c["caUrls"] += [{"url": "https://new.example.com", "majorApiVersion": 9, "validFor": now}, {"url": "https://never.example.com"}]
with open(sys.argv[2], "w") as f: json.dump(c, f)
PYTHON
O=("$B/tenmint" sign --signing-config "$W/odd.json" --trusted-root "$W/tr/trusted_root.json" --token-file "$W/token" --force "$W/a")
says "services that are passed over" 0 "caUrls[2] (https://never.example.com) counts for nothing: 'validFor' has no 'start'" "${O[@]}"
says "are named" 0 "'https://new.example.com' counts for nothing: version 9 of its API is not known here" "${O[@]}"
says "and shown" 0 "https://never.example.com" "$B/tenmint" show "$W/odd.json"
says "no token" 1 "no token" "$B/tenmint" sign --ca "$CA" --force "$W/a"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
