#!/usr/bin/env bash
# From token to verified artifact, by the built programs: certificate with an SCT, signature,
# timestamp, bundle; then everything that must not verify, and what the messages say.
set -u
. "$(dirname "$0")/../begin.bash"
T="$B/tenmint"

check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; sed 's/^/     /' "$W/said"; fails=$((fails + 1)); fi
}
verify() { "$T" verify --trusted-root "$W/tr/trusted_root.json" "$@" >"$W/said" 2>&1; echo $?; }
says() { check "… and says '$1'" 1 "$(grep -cF -- "$1" "$W/said" | sed 's/^[1-9][0-9]*$/1/')"; }

# --- an issuer, a CT log, a CA, a TSA ---
start_issuer && start_ct_log && start_tsa && start_logged_ca || exit 1

# --- the trusted root that names them ---
mkdir "$W/tr"
tuf() { "$B/tenmint-tuf" trust "$@" --folder "$W/tr" >"$W/said" 2>&1; echo $?; }
check "trust add-ca" 0 "$(tuf add-ca --offline --url "$CA" --chain "$W/ca.pem")"
check "trust add-ctlog" 0 "$(tuf add-ctlog --offline --url "$LOG" --key "$LOG_KEY")"
check "trust add-tsa" 0 "$(tuf add-tsa --offline --url "$TSA" --chain "$W/tsa.pem")"
sleep 1 # a certificate's times are whole seconds: its issue must not lie before the window

# --- sign ---
echo "what was built" >"$W/app"
(umask 077 && mint >"$W/token")
check "a certificate" 0 "$("$T" cert --ca "$CA" --token-file "$W/token" --out "$W/signing" --log-key "$LOG_KEY" >"$W/said" 2>&1; echo $?)"
check "sign with a timestamp" 0 "$("$T" sign --cert-dir "$W/signing" --tsa "$TSA" "$W/app" >"$W/said" 2>&1; echo $?)"
check "not over an earlier bundle" 1 "$("$T" sign --cert-dir "$W/signing" "$W/app" >"$W/said" 2>&1; echo $?)"
says "--force"
check "sign without" 0 "$("$T" sign --cert-dir "$W/signing" --bundle "$W/plain.json" "$W/app" >"$W/said" 2>&1; echo $?)"
says "timestamps   none"
check "no bundle without the timestamp asked for" 6 "$("$T" sign --cert-dir "$W/signing" --tsa http://127.0.0.1:1 --bundle "$W/none.json" "$W/app" >"$W/said" 2>&1; echo $?)"
check "… no file either" no "$([ -e "$W/none.json" ] && echo yes || echo no)"
openssl dgst -sha256 -sign "$W/signing/key.pem" -out "$W/app.sig" "$W/app"
openssl base64 -A -in "$W/app.sig" -out "$W/app.sig64"

# --- what must verify ---
WHO=(--issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/widget/.*')
BUNDLE="$W/app.sigstore.json"
check "the bundle verifies" 0 "$(verify --bundle "$BUNDLE" "${WHO[@]}" "$W/app")"
says "ok      sct"
says "ok      timestamp"
dos() { # FILE OUT: as an editor on Windows leaves it
    { printf '\xef\xbb\xbf'; sed 's/$/\r/' "$1"; } >"$2"
}
dos "$BUNDLE" "$W/dos.json"
dos "$W/tr/trusted_root.json" "$W/dos-root.json"
check "with byte order marks and CRLF" 0 "$("$T" verify --trusted-root "$W/dos-root.json" --bundle "$W/dos.json" "${WHO[@]}" "$W/app" >"$W/said" 2>&1; echo $?)"
check "show of a bundle with them" 0 "$("$T" show "$W/dos.json" >"$W/said" 2>&1; echo $?)"
# Each form that proto-JSON allows, and what a later version may add, at every place at once.
python3 -I - "$BUNDLE" "$W/tr/trusted_root.json" "$W" <<'PYTHON'
import json, re, sys
ENUMS = {"SHA2_256": 1, "PKIX_ECDSA_P256_SHA_256": 5}
def each(v, change):
    if isinstance(v, dict):
        return change({k: each(x, change) for k, x in v.items()})
    return [each(x, change) for x in v] if isinstance(v, list) else v
def plain(v):
    return ENUMS.get(v, int(v) if v.isdigit() and len(v) < 16 else v) if isinstance(v, str) else v
forms = {
    "snake": lambda o: {re.sub("[A-Z]", lambda m: "_" + m[0].lower(), k): x for k, x in o.items()},
    "later": lambda o: {"laterMember": {"a": [None, 1.5, {"b": "c"}]}, **o, "later_2": None},
    "plain": lambda o: {k: plain(x) for k, x in o.items()},
}
for i, name in ((1, "bundle"), (2, "root")):
    with open(sys.argv[i]) as f:
        good = json.load(f)
    for form, change in forms.items():
        with open(f"{sys.argv[3]}/{form}.{name}", "w") as f:
            json.dump(each(good, change), f)
PYTHON
for form in snake later plain; do
    check "every member: $form" 0 "$("$T" verify --trusted-root "$W/$form.root" --bundle "$W/$form.bundle" "${WHO[@]}" "$W/app" >"$W/said" 2>&1; echo $?)"
    says "ok      timestamp"
    ! cmp -s "$BUNDLE" "$W/$form.bundle" || check "$form is another form" yes no
done
check "from standard input" 0 "$(verify --bundle "$BUNDLE" "${WHO[@]}" - <"$W/app")"
check "by its digest" 0 "$(verify --bundle "$BUNDLE" "${WHO[@]}" --digest "sha256:$(sha256sum <"$W/app" | cut -d' ' -f1)")"
check "asking for a timestamp" 0 "$(verify --bundle "$BUNDLE" --timestamps 1 "${WHO[@]}" "$W/app")"
check "without a timestamp, while the certificate lives" 0 "$(verify --bundle "$W/plain.json" "${WHO[@]}" "$W/app")"
says "no trusted time of signing"
CERT=(--certificate "$W/signing/chain.pem" --signature "$W/app.sig")
check "certificate and signature" 0 "$(verify "${CERT[@]}" "${WHO[@]}" "$W/app")"
check "signature in base64" 0 "$(verify --certificate "$W/signing/leaf.pem" --signature "$W/app.sig64" "${WHO[@]}" "$W/app")"
base64 <"$W/signing/leaf.pem" | tr -d "\n" >"$W/leaf.b64"
check "certificate in base64, as cosign writes it" 0 "$(verify --certificate "$W/leaf.b64" --signature "$W/app.sig64" "${WHO[@]}" "$W/app")"
check "the certificate alone" 0 "$(verify --certificate "$W/signing/leaf.pem" "${WHO[@]}")"
check "an extension by name" 0 "$(verify "${CERT[@]}" --issuer "$ISSUER" --extension source-repository-uri=https://github.com/acme/widget "$W/app")"
check "JSON" 0 "$(verify --json "${CERT[@]}" "${WHO[@]}" "$W/app")"
says '"verified": true'
says '"source-repository-uri": "https://github.com/acme/widget"'

# --- an entry of the trusted root that cannot be read counts for nothing; the others verify ---
python3 - "$W/tr/trusted_root.json" "$W/odd" <<'PYTHON'
import copy, json, sys
good = json.load(open(sys.argv[1]))
far, huge = '99999-01-01T00:00:00Z', 18446744073709551616
odd = {'validFor': {'start': far}, 'publicKey': {'rawBytes': 'AAAA', 'keyDetails': huge},
       'certChain': {'certificates': [{'rawBytes': 'AAAA'}]}}
for of, members in (('certificateAuthorities', ('null', 'validFor', 'certChain')),
                    ('timestampAuthorities', ('null', 'validFor', 'certChain')), ('ctlogs', ('null', 'publicKey'))):
    for member in members:
        root = copy.deepcopy(good)
        root[of].insert(0, None if member == 'null' else {**root[of][0], member: odd[member]})
        json.dump(root, open(f'{sys.argv[2]}.{of}.{member}', 'w'))
    root = copy.deepcopy(good) # what no verification needs
    for name in ('uri', 'subject', 'operator', 'baseUrl'): root[of][0][name] = {'a': [huge]}
    json.dump(root, open(f'{sys.argv[2]}.{of}.unused', 'w'))
PYTHON
for odd in "$W"/odd.*; do
    member=${odd#"$W/odd."}
    check "beside an odd entry: $member" 0 "$("$T" verify --trusted-root "$odd" --bundle "$BUNDLE" --timestamps 1 "${WHO[@]}" "$W/app" >"$W/said" 2>&1; echo $?)"
    want=1
    [ "${member#*.}" != unused ] || want=0
    check "… with a note, where it counts for nothing" "$want" "$(grep -cF "${member%.*}[0]" "$W/said")"
done
check "odd entries were tried" 11 "$(ls "$W"/odd.* | wc -l)"

# --- what must not ---
echo "something else" >"$W/other"
check "another artifact" 1 "$(verify "${CERT[@]}" "${WHO[@]}" "$W/other")"
says "FAILED  signature"
says "would pass:"
check "another issuer" 1 "$(verify "${CERT[@]}" --issuer https://evil.example.com --any-identity "$W/app")"
says "--issuer '$ISSUER'"
check "an identity that matches in part only" 1 "$(verify "${CERT[@]}" --any-issuer --identity-regexp 'https://github.com/acme' "$W/app")"
says "does not match (as a whole)"
check "another repository" 1 "$(verify "${CERT[@]}" --issuer "$ISSUER" --extension source-repository-uri=https://github.com/evil/widget "$W/app")"
check "two SCTs" 1 "$(verify --scts 2 "${CERT[@]}" "${WHO[@]}" "$W/app")"
check "JSON of a failure" 1 "$(verify --json --scts 2 "${CERT[@]}" "${WHO[@]}" "$W/app")"
says '"verified": false'
says '"would_pass"'
check "a time outside of its life" 1 "$(verify --at 2020-01-01T00:00:00Z "${CERT[@]}" "${WHO[@]}" "$W/app")"
check "no artifact" 1 "$(verify --bundle "$BUNDLE" "${WHO[@]}")"
check "a damaged bundle" 1 "$(head -c 700 "$BUNDLE" >"$W/cut.json"; verify --bundle "$W/cut.json" "${WHO[@]}" "$W/app")"
says "cut.json"
"$B/tests/demo_tsa" "$W/tsa2.pem" >"$W/tsa2.out" 2>&1 &
PIDS="$PIDS $!"
wait_for "$W/tsa2.out" http:// || exit 1
"$T" sign --cert-dir "$W/signing" --tsa "$(cat "$W/tsa2.out")" --bundle "$W/stranger.json" "$W/app" >"$W/said" 2>&1
check "a stranger's timestamp" 1 "$(verify --bundle "$W/stranger.json" --timestamps 1 "${WHO[@]}" "$W/app")"
says "0 trusted timestamp authorities"

# --- what cannot be known is not bad ---
check "no bundle there" 6 "$(verify --bundle "$W/nowhere" "${WHO[@]}" "$W/app")"
check "no artifact there" 6 "$(verify --bundle "$BUNDLE" "${WHO[@]}" "$W/nowhere")"
check "no trusted root there" 6 "$("$T" verify --trusted-root "$W/nowhere" --bundle "$BUNDLE" "${WHO[@]}" "$W/app" >"$W/said" 2>&1; echo $?)"
check "a trusted root that is none" 3 "$("$T" verify --trusted-root "$W/app" --bundle "$BUNDLE" "${WHO[@]}" "$W/app" >"$W/said" 2>&1; echo $?)"
check "no bundle there, JSON" 6 "$(verify --json --bundle "$W/nowhere" "${WHO[@]}" "$W/app")"
says '"code": 6'
says "cannot know"

# --- usage: fails closed ---
check "nobody expected" 2 "$(verify --bundle "$BUNDLE" "$W/app")"
says "whom do you trust"
check "no identity expected" 2 "$(verify --bundle "$BUNDLE" --issuer "$ISSUER" "$W/app")"
says "whose signature do you expect"
check "an unknown extension" 2 "$(verify "${CERT[@]}" --issuer "$ISSUER" --extension source-repo-uri=x "$W/app")"
says "no certificate extension is called"
check "a broken expression" 2 "$(verify "${CERT[@]}" --issuer "$ISSUER" --identity-regexp '(' "$W/app")"
says "regular expression"
check "an artifact without signature" 2 "$(verify --certificate "$W/signing/leaf.pem" "${WHO[@]}" "$W/app")"
check "bundle and certificate" 2 "$(verify --bundle "$BUNDLE" "${CERT[@]}" "${WHO[@]}" "$W/app")"
check "a threshold that is none" 2 "$(verify --scts x "${CERT[@]}" "${WHO[@]}" "$W/app")"

# --- rotation: the CA's window ends; what was signed before still verifies ---
check "trust retire-ca" 0 "$(tuf retire-ca "$CA" --confirm)"
sleep 1
check "signed and timestamped before the end" 0 "$(verify --bundle "$BUNDLE" "${WHO[@]}" "$W/app")"
check "judged now, after the end" 1 "$(verify --bundle "$W/plain.json" "${WHO[@]}" "$W/app")"
says "the trusted root trusts its CA"

echo "$fails failures"
[ "$fails" -eq 0 ]
