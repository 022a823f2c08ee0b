#!/usr/bin/env bash
# tenmint cert against a CA that fails in every way, and its token sources: what it says, what it
# leaves behind, and that no token ever shows.
set -u
. "$(dirname "$0")/../begin.bash"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
"$B/tests/fake_ca" >"$W/fake.out" 2>&1 &
PIDS=$!
wait_for "$W/fake.out" http:// || exit 1
FAKE=$(head -n 1 "$W/fake.out")

b64() { base64 -w0 | tr '+/' '-_' | tr -d =; }
token() { printf '%s.%s.%s' "$(printf '{"alg":"RS256"}' | b64)" "$(printf %s "$1" | b64)" "$(printf secret-signature | b64)"; }
JOB=$(token '{"iss":"https://issuer.example","sub":"the job","aud":"sigstore"}')
MAIL=$(token '{"iss":"https://issuer.example","sub":"7","email":"dev@example.com"}')
(umask 077; echo "$JOB" >"$W/job"; echo "$MAIL" >"$W/mail")

fail() { echo "FAIL $1: $2"; fails=$((fails + 1)); }
said() { # NAME EXIT TEXT COMMAND…: exit code, a text in what it says, and no secret in it
    local name=$1 want=$2 text=$3 rc
    shift 3
    "$@" >"$W/said" 2>&1
    rc=$?
    [ $rc -eq "$want" ] || fail "$name" "exit $rc, want $want: $(cat "$W/said")"
    grep -qF -- "$text" "$W/said" || fail "$name" "no '$text' in: $(cat "$W/said")"
    if grep -qE 'Sanitizer|runtime error|c2VjcmV0LXNpZ25hdHVyZQ|runner-secret' "$W/said"; then
        fail "$name" "says too much: $(cat "$W/said")"
    fi
    [ $fails -gt 0 ] || echo "ok   $name"
}
cert() { rm -rf "$W/out"; timeout 60 "$B/tenmint" cert --out "$W/out" "$@"; }
bad() { # NAME TEXT MODE [token file]: refused, nothing is left behind
    said "$1" 1 "$2" cert --ca "$FAKE/$3" --token-file "$W/${4:-job}"
    [ -e "$W/out" ] && fail "$1" "left $(ls "$W/out")"
}

said "a good answer" 0 "leaf.pem" cert --ca "$FAKE/good" --token-file "$W/job"
[ "$(stat -c %a "$W/out/key.pem")" = 600 ] || fail "a good answer" "mode of key.pem"
openssl x509 -in "$W/out/leaf.pem" -noout -pubkey >"$W/a"; openssl pkey -in "$W/out/key.pem" -pubout >"$W/b"
cmp -s "$W/a" "$W/b" || fail "a good answer" "key and certificate differ"
said "an email" 0 "leaf.pem" cert --ca "$FAKE/email" --token-file "$W/mail"
said "JSON" 0 '"certificates":2' cert --ca "$FAKE/good" --token-file "$W/job" --json

bad "the CA refuses" "refused (HTTP 400): There was an error processing the identity token" refused
bad "the token is looked at" "of issuer 'https://issuer.example' for audience 'sigstore' and has no expiry" refused
old=$(token '{"iss":"https://issuer.example","sub":"the job","aud":["a","b"],"iat":1700000000,"exp":1700000300}')
(umask 077; echo "$old" >"$W/old")
bad "an expired token" "audience 'a' and 'b' and expired at 2023-11-14T22:18:20Z" refused old
bad "a proxy's page" "the CA's answer" garbage
bad "a proxy's fault" "the CA answered HTTP 500" garbage-500
bad "no answer" "the CA's answer" nothing
bad "no certificate" "no chain" empty-chain
bad "junk for a certificate" "the CA's chain" no-pem
bad "numbers for certificates" "no chain" numbers
bad "another shape" "no chain" other-shape
bad "duplicate keys" "the CA's answer" twice
bad "an endless answer" "more than" big
bad "another key" "another key than ours" other-key
bad "another issuer's token" "another token issuer" other-issuer
bad "another subject" "another subject" other-subject
bad "another email" "another identity" email-other mail
bad "a URI for an email" "another subject" good mail
bad "an expired certificate" "not in force" expired
bad "a signature by nobody" "signature is not by" unsigned
bad "no issuing certificate" "no issuing certificate" no-issuer
said "nobody listens" 6 "127.0.0.1:1/" cert --ca http://127.0.0.1:1 --token-file "$W/job"
said "no such host" 6 "nowhere.invalid" cert --ca https://nowhere.invalid --token-file "$W/job"
said "plain HTTP elsewhere" 2 "must use https" cert --ca http://ca.example.com --token-file "$W/job"
said "no URL" 2 "--ca: 'ftp://x' is not an http or https URL" cert --ca ftp://x --token-file "$W/job"
said "no --ca" 2 "--ca URL is needed" cert --token-file "$W/job"
said "no token file" 6 "No such file" cert --ca "$FAKE/good" --token-file "$W/none"
said "an empty token" 1 "token is empty" cert --ca "$FAKE/good" --token-file /dev/null
echo "not a token" >"$W/junk"
said "junk for a token" 1 "three parts" cert --ca "$FAKE/good" --token-file "$W/junk"
printf junk >"$W/junk-key"
said "a log key that is none" 1 "log key '$W/junk-key'" cert --ca http://127.0.0.1:1 --token-file "$W/job" --log-key "$W/junk-key"
said "version takes no more" 2 "one word too many: --json" "$B/tenmint" version --json
said "unknown key type" 2 "want p256, p384" cert --ca "$FAKE/good" --token-file "$W/job" --key-type dsa
said "a mistyped option" 2 "did you mean '--token-file'" cert --ca "$FAKE/good" --token-fil x

mkdir "$W/full"; echo precious >"$W/full/key.pem"
over() { timeout 60 "$B/tenmint" cert --ca "$FAKE/good" --token-file "$W/job" --out "$W/full" "$@"; }
said "a file that exists" 1 "exists: use --force" over
[ "$(cat "$W/full/key.pem")" = precious ] || fail "a file that exists" "it was written over"
[ "$(ls "$W/full")" = key.pem ] || fail "a file that exists" "more was written"
said "with --force" 0 "leaf.pem" over --force
echo file >"$W/file"
said "a file for a directory" 1 "Not a directory" "$B/tenmint" cert --ca "$FAKE/good" --token-file "$W/job" --out "$W/file/x"

github() { env "ACTIONS_ID_TOKEN_REQUEST_URL=$FAKE/github/$1?api-version=2.0" ACTIONS_ID_TOKEN_REQUEST_TOKEN=runner-secret \
    timeout 60 "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force "${@:2}"; }
said "GitHub Actions" 0 "leaf.pem" github ok
said "GitHub: another audience" 0 "leaf.pem" github strict --audience 'my audience&x=y'
said "GitHub: the audience matters" 1 "answers HTTP 400" github strict --audience other
said "GitHub: denied" 1 "answers HTTP 401" github denied
said "GitHub: no value" 1 "sent no token" github no-value
said "GitHub: garbage" 1 "GitHub Actions token" github garbage
said "GitHub: no permission" 1 "id-token: write" env "ACTIONS_ID_TOKEN_REQUEST_URL=$FAKE/github/ok" "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force
said "GitHub: nobody listens" 6 "GitHub Actions token" env ACTIONS_ID_TOKEN_REQUEST_URL=http://127.0.0.1:1/ ACTIONS_ID_TOKEN_REQUEST_TOKEN=runner-secret "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force
gitlab() { SIGSTORE_ID_TOKEN=$1 timeout 60 "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force "${@:2}"; }
said "GitLab" 0 "leaf.pem" gitlab "$JOB"
said "GitLab: empty" 1 "holds no token" gitlab ""
said "GitLab: junk" 1 "three parts" gitlab "c2VjcmV0LXNpZ25hdHVyZQ"
named() { MY_TOKEN=$JOB timeout 60 "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force --token-env "$1"; }
said "a named variable" 0 "leaf.pem" named MY_TOKEN
said "a variable that is not set" 1 "OTHER holds no token" named OTHER
said "no source" 1 "use --token-file" "$B/tenmint" cert --ca "$FAKE/good" --out "$W/out" --force
said "the file comes first" 6 "No such file" github ok --token-file "$W/none"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
