#!/usr/bin/env bash
# init --all: a whole private Sigstore from one command, with keys in files and in a token. A signer
# who trusts the TUF root alone signs, and the bundle verifies a day later without any network. A
# folder with files is refused, and a run that is killed leaves no half of anything.
set -u
B=${B:-build} # faketime and ASan do not go together
. "$(dirname "$0")/../begin.bash"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
I=("$B/tenmint-ca" init)
# What libraries read by themselves is read before a process gives up its files: whoever reads it
# later is killed, and the service with it.
cat >"$W/openssl.cnf" <<'T'
openssl_conf = init
.include = /etc/ssl/nowhere.cnf
[init]
providers = providers
ssl_conf = ssl
alg_section = algorithms
[providers]
default = on
legacy = on
nowhere = off
[on]
activate = 1
[off]
module = /nowhere/nowhere.so
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.2
[algorithms]
default_properties = ?provider=default
T
SURROUNDINGS=(OPENSSL_CONF="$W/openssl.cnf" LC_ALL=de_AT.UTF-8 LANGUAGE=de TZ=:/usr/share/zoneinfo/Europe/Vienna
    RES_OPTIONS=rotate LOCALDOMAIN=example.org HOSTALIASES="$W/nowhere" SSL_CERT_DIR="$W/nowhere" SSL_CERT_FILE="$W/none.pem"
    NLSPATH="$W/%N" LOCPATH="$W" GCONV_PATH="$W" MALLOC_ARENA_MAX=3)
serve() { # DIR
    : >"$W/ca.log"
    env "${SURROUNDINGS[@]}" "$B/tenmint-ca" serve --config "$1/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
}
exported() { # CACHE: in every form; the archive is a mirror itself
    local form out=$1.out
    mkdir "$out" "$out/mirror"
    for form in policy-controller policy-controller-repository policy-controller-keys kyverno connaisseur pem \
        client-trust-config mirror-tar; do
        says "export as $form" 0 "" "$B/tenmint" trust export --dir "$1" --form "$form" --out "$out/$form"
        [ -s "$out/$form" ] || check "$form" "something" "nothing"
    done
    grep -q "mirror: \"$URL/tuf\"" "$out/policy-controller" || check "the mirror that was noted" "$URL/tuf" "another"
    awk '$1 == "mirrorFS:" { print $2 }' "$out/policy-controller-repository" | base64 -d | tar tz >"$W/said" 2>&1
    check "tar lists the repository" 0 $?
    grep -q '^repository/targets/.*\.trusted_root\.json$' "$W/said" || check "a target in it" yes no
    tar xf "$out/mirror-tar" -C "$out/mirror"
    says "the archive serves a client" 0 "" "$B/tenmint" trust get trusted_root.json --root "$out/mirror/1.root.json" \
        --metadata-url "$out/mirror" --dir "$out/cache" --out "$out/root.json"
    says "export of one signer" 0 'subject: "dev@example.org"' "$B/tenmint" trust export --dir "$1" --form kyverno \
        --issuer https://idp.example.org --identity dev@example.org
    says "export under a name" 0 'name: "mine"' "$B/tenmint" trust export --dir "$1" --form policy-controller --name mine
    says "no such form" 2 "want policy-controller, " "$B/tenmint" trust export --dir "$1" --form other
}
circle() { # DIR: from its root file alone
    local T=$1.trust
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$1/issuers.yaml"
    sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$1/tenmint-ca.yaml"
    says "$1: check-config" 0 "audit trail: sqlite" "$B/tenmint-ca" check-config "$1/tenmint-ca.yaml"
    serve "$1"
    says "$1: trusted" 0 "" "$B/tenmint" trust init --root "$1/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$T"
    mint >"$W/token"
    echo "of $1" >"$1.txt"
    sleep 1 # the windows begin in whole seconds
    says "$1: signed" 0 "" "$B/tenmint" sign --trust-dir "$T" --token-file "$W/token" "$1.txt"
    grep -q '"tlogEntries":\[{"logIndex"' <(tr -d ' \n' <"$1.txt.sigstore.json") && grep -q inclusionProof "$1.txt.sigstore.json" &&
        grep -q rfc3161Timestamps "$1.txt.sigstore.json" || check "$1: the bundle has an entry with its proof and a timestamp" yes no
    says "$1: the audit trail has it" 0 "acme/widget" "$B/tenmint-ca" audit query --config "$1/tenmint-ca.yaml" --kind issued
    says "$1: the log verifies" 0 "" "$B/tenmint-ca" log verify "$URL/log" --key "$1/log.pem"
    exported "$T"
    kill "$CA_PID"; wait "$CA_PID"; check "$1: SIGTERM" 0 $?
    says "$1: the audit trail verifies" 0 "a head vouches" "$B/tenmint-ca" audit verify --config "$1/tenmint-ca.yaml" --key "$1/audit/heads.pem"
    says "$1: verifies a day later, offline" 0 "ok      log" faketime -f +1d "$B/tenmint" verify --offline --dir "$T" \
        --bundle "$1.txt.sigstore.json" --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$1.txt"
    echo x >>"$1.txt"
    says "$1: another text does not" 1 "" "$B/tenmint" verify --offline --dir "$T" \
        --bundle "$1.txt.sigstore.json" --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$1.txt"
}

start_issuer || exit 1
PORT=$(free_port)
URL=http://127.0.0.1:$PORT
says "init --all" 0 "1.root.json" "${I[@]}" "$W/files" --all --url "$URL" --organization 'Example Ltd'
check "nothing is left beside it" "files" "$(ls -A "$W" | grep files)"
check "nor a mark in it" "" "$(ls -A "$W/files" | grep '^\.')"
circle "$W/files"
openssl verify -purpose timestampsign -CAfile <(awk '/BEGIN/{n++} n==3' "$W/files/tsa.pem") \
    -untrusted <(awk '/BEGIN/{n++} n==2' "$W/files/tsa.pem") "$W/files/tsa.pem" >"$W/said" 2>&1
check "openssl takes the timestamp chain" 0 $?

mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label 'CI token' --pin 135790 --so-pin 24680123 >/dev/null || exit 1
echo 135790 >"$W/pin"
TOKEN=(--pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token 'CI token' --pkcs11-pin-file "$W/pin")
LABELS=(--pkcs11-key ca --pkcs11-log-key log --pkcs11-signature-log-key siglog --pkcs11-timestamp-key tsa --pkcs11-audit-key audit)
says "keys in a token" 0 "1.root.json" "${I[@]}" "$W/token.d" --all --url "$URL" "${TOKEN[@]}" "${LABELS[@]}"
for name in intermediate log siglog tsa audit; do
    [ ! -e "$W/token.d/$name.key" ] || check "$name.key" "in the token" "in a file"
done
says "keys in a token, again" 0 "nothing was made" "${I[@]}" "$W/token.d" --if-missing --all --url "$URL" "${TOKEN[@]}" "${LABELS[@]}"
circle "$W/token.d"
says "labels that are taken" 1 "tsa" "${I[@]}" "$W/twice" --all --url "$URL" "${TOKEN[@]}" --pkcs11-timestamp-key tsa
check "nothing of it stays" 0 "$(ls -d "$W"/twice* 2>/dev/null | wc -l)"

# Wrong ways.
mkdir "$W/full"; echo mine >"$W/full/mine"
says "a folder with files" 1 "'$W/full' is not empty" "${I[@]}" "$W/full" --all --url "$URL"
check "is left alone" "mine" "$(ls "$W/full")"
mkdir "$W/empty"
says "an empty folder" 0 "" "${I[@]}" "$W/empty" --all --url "$URL"
mkdir "$W/other.init"; echo mine >"$W/other.init/mine"
says "somebody's folder in the way" 1 "was not made by init" "${I[@]}" "$W/other" --all --url "$URL"
check "is left alone too" "mine" "$(ls "$W/other.init")"
says "no address" 2 "needs --url" "${I[@]}" "$W/x" --all
says "an address without --all" 2 "goes with --all" "${I[@]}" "$W/x" --url "$URL"
says "a path" 2 "without a path" "${I[@]}" "$W/x" --all --url https://example.com/sigstore
says "plain http elsewhere" 2 "this machine only" "${I[@]}" "$W/x" --all --url http://sigstore.example.com
says "no log" 2 "exclude each other" "${I[@]}" "$W/x" --all --url "$URL" --no-log
says "one label twice" 2 "each needs a key of its own" "${I[@]}" "$W/x" --all --url "$URL" "${TOKEN[@]}" --pkcs11-log-key a --pkcs11-timestamp-key a
says "a key of --all without it" 2 "goes with --all" "${I[@]}" "$W/x" "${TOKEN[@]}" --pkcs11-timestamp-key a
says "https" 0 "" "${I[@]}" "$W/tls" --all --url https://sigstore.example.com
check "is served behind a proxy" "listen: 127.0.0.1:5555" "$(grep ^listen: "$W/tls/tenmint-ca.yaml")"

# Killed at any moment: the folder is there whole, or not at all, and the same command goes on.
halves=0 whole=0
for i in $(seq 40); do
    "${I[@]}" "$W/killed" --all --url "$URL" >"$W/said" 2>&1 &
    pid=$!
    sleep "0.$(printf %03d $((RANDOM % 120)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    [ ! -e "$W/killed.init" ] || halves=$((halves + 1))
    [ -e "$W/killed" ] || continue
    whole=$((whole + 1))
    "$B/tenmint-ca" check-config "$W/killed/tenmint-ca.yaml" >"$W/said" 2>&1 || check "what is there is whole" yes no
    rm -rf "$W/killed"
done
check "some runs were cut off" yes "$([ $halves -gt 0 ] && echo yes || echo "$halves of 40, $whole whole")"
"${I[@]}" "$W/killed.2" --all --url "$URL" >/dev/null & pid=$!
wait_until test -e "$W/killed.2.init/password"; kill -9 $pid; wait $pid 2>/dev/null
if [ -e "$W/killed.2.init" ]; then
    says "it goes on after a kill" 0 "an earlier init was cut off" "${I[@]}" "$W/killed.2" --all --url "$URL"
fi
says "and is whole" 0 "ok" "$B/tenmint-ca" check-config "$W/killed.2/tenmint-ca.yaml"

# --if-missing: made once, then checked, whoever else begins, whenever it is killed; never written over.
M=("${I[@]}" "$W/missing/ca" --if-missing --all --url "$URL")
state_of() { (cd "$1" && find . -type f ! -name .lock -exec sha256sum {} + | sort); }
for i in 1 2 3 4; do "${M[@]}" >"$W/at-once.$i" 2>&1 & pids[i]=$!; done
for i in 1 2 3 4; do wait "${pids[i]}"; check "beginning at once: $i" 0 $?; done
check "one of four made it" "1 and 3" "$(cat "$W"/at-once.? | grep -c '^wrote ') and $(cat "$W"/at-once.? | grep -c 'nothing was made$')"
check "and left nothing beside it" "ca" "$(ls -A "$W/missing")"
state_of "$W/missing/ca" >"$W/before"
says "again" 0 "is there and whole: nothing was made" "${M[@]}"
sed -i 's/127.0.0.1:2112/127.0.0.1:0/' "$W/missing/ca/tenmint-ca.yaml" # an operator's own change is kept
state_of "$W/missing/ca" >"$W/before"
says "after an edit" 0 "nothing was made" "${M[@]}"
says "another address" 3 "--url asks for 'https://sigstore.example.com', and init was asked for '$URL'" \
    "${I[@]}" "$W/missing/ca" --if-missing --all --url https://sigstore.example.com
says "another log's name" 3 "--log-origin asks for 'other.example.com/log', and init was asked for '127.0.0.1:$PORT/log'" "${I[@]}" "$W/missing/ca" --if-missing --log-origin other.example.com/log
says "another scheme" 3 "--url asks for 'https://127.0.0.1:$PORT'" \
    "${I[@]}" "$W/missing/ca" --if-missing --all --url "https://127.0.0.1:$PORT"
says "no log" 3 "and --no-log asks for none" "${I[@]}" "$W/missing/ca" --if-missing --no-log
says "another type of key" 3 "--key-type asks for 'p384', and init was asked for 'p256'" "${M[@]}" --key-type p384
says "the same type" 0 "nothing was made" "${M[@]}" --key-type p256
says "another organization" 3 "--organization asks for 'acme', and init was asked for 'tenmint'" "${M[@]}" --organization acme
for key in ca root log audit signature-log timestamp; do
    says "a key that is no file: $key" 3 "--$key-key asks for 'awskms:alias/x?region=r', and init was asked for 'a file'" \
        "${M[@]}" "--$key-key" awskms:alias/x?region=r
done
touch "$W/m.so"
says "a label" 3 "--pkcs11-key asks for 'key 'k' of token 't'', and init was asked for 'a file'" "${M[@]}" --pkcs11-module "$W/m.so" --pkcs11-token t --pkcs11-pin-env P --pkcs11-key k
says "less than it has" 0 "nothing was made" "${I[@]}" "$W/missing/ca" --if-missing
check "no byte of it changed" "" "$(state_of "$W/missing/ca" | diff "$W/before" -)"
rm "$W/missing/ca/tsa.key"
state_of "$W/missing/ca" >"$W/before"
says "a lost key" 3 "is not whole; nothing was changed" "${M[@]}"
grep -q tsa.key "$W/said" || check "names it" tsa.key "$(cat "$W/said")"
says "somebody's files" 3 "is not whole; nothing was changed" "${I[@]}" "$W/full" --if-missing --all --url "$URL"
check "are left alone" "mine" "$(ls -A "$W/full")"
check "the lost key is not replaced" "" "$(state_of "$W/missing/ca" | diff "$W/before" -)"
says "a CA alone" 0 "wrote " "${I[@]}" "$W/alone" --if-missing
says "a CA alone, again" 0 "nothing was made" "${I[@]}" "$W/alone" --if-missing
says "more than it has" 3 "--url asks for '$URL', and init was asked for none" "${I[@]}" "$W/alone" --if-missing --all --url "$URL" --log-origin \
    "$(sed -n "s/^    origin: '\(.*\)'/\1/p" "$W/alone/tenmint-ca.yaml")"

# A rotation of every kind changes nothing of what was asked for.
R=$W/rotated
ROTATED=("${I[@]}" "$R" --if-missing --all --url "$URL" --organization acme --key-type p256)
says "one to rotate" 0 "wrote " "${ROTATED[@]}"
says "the CA's next, of another type" 0 "" "$B/tenmint-ca" rotate "$R" --key-type p384
says "in service" 0 "" "$B/tenmint-ca" rotate "$R" --activate
for kind in "" --signatures; do
    says "the next log $kind" 0 "" "$B/tenmint-ca" log rotate "$R/tenmint-ca.yaml" 2031 $kind
    says "in service" 0 "" "$B/tenmint-ca" log rotate "$R/tenmint-ca.yaml" 2031 $kind --activate
done
says "again after rotations" 0 "nothing was made" "${ROTATED[@]}"
says "with another option" 3 "--organization asks for 'other'" "${I[@]}" "$R" --if-missing --organization other
says "of an older version" 0 "warning: '$R' has no init.json" sh -c 'rm "$1/init.json"; shift; exec "$@"' sh "$R" "${ROTATED[@]}"
echo '{"url": 5}' >"$R/init.json"
says "a damaged record" 3 "'$R/init.json'" "${ROTATED[@]}"

# An anchor on other storage from the first day on.
mkdir "$W/anchor"
A=("${I[@]}" "$W/anchored" --if-missing --all --url "$URL" --anchor)
says "no such folder" 1 "--anchor '$W/nowhere'" "${A[@]}" "$W/nowhere"
touch "$W/anchor/log.checkpoint"
says "another log's anchor" 1 "--anchor: a log's newest checkpoint is to be alone there: directory '$W/anchor' is not empty" "${A[@]}" "$W/anchor"
check "nothing was made" "" "$(ls -d "$W/anchored"* 2>/dev/null)"
rm "$W/anchor/log.checkpoint"
mkdir "$W/guarded" && ln -s guarded "$W/to-guarded"
for folder in guarded guarded/. to-guarded; do
    for way in "" "--all --url $URL"; do
        says "--anchor $folder of guarded $way" 1 "is or lies in '$W/guarded'" "${I[@]}" "$W/guarded" $way --anchor "$W/$folder"
    done
done
check "nothing was made" "" "$(ls -A "$W/guarded"; ls -d "$W/guarded."* 2>/dev/null)"
says "with an anchor" 0 "newest checkpoints are kept in $W/anchor" "${A[@]}" "$W/anchor"
grep -q 'NO ANCHOR' "$W/said" && check "no warning" "" "$(cat "$W/said")"
says "another CA with that anchor" 1 "--anchor: a log's newest checkpoint is to be alone there" "${I[@]}" "$W/second" --anchor "$W/anchor"
for log in log siglog audit/heads; do
    name=${log%/heads}
    check "the anchor of $name, from the first day" "" "$(cmp "$W/anchor/$name.checkpoint" "$W/anchored/$log/checkpoint" 2>&1)"
done
says "another anchor" 3 "--anchor asks for '$W', and init was asked for '$W/anchor'" "${A[@]}" "$W"
says "check-config" 0 "" "$B/tenmint-ca" check-config "$W/anchored/tenmint-ca.yaml"
grep -q 'anchor nor a witness' "$W/said" && check "no warning" "" "$(cat "$W/said")"
check "it is on the same file system" 3 "$(grep -c '^warning: .*the anchor is on the same file system as the log' "$W/said")"
cp -r "$W/anchored" "$W/backup"
circle "$W/anchored"
check "each log has its own" "audit.checkpoint log.checkpoint siglog.checkpoint" "$(ls "$W/anchor" | xargs)"
rm -rf "$W/anchored" && cp -r "$W/backup" "$W/anchored"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$W/anchored/tenmint-ca.yaml"
says "an old copy, restored, does not start" 3 "anchor" timeout 30 "$B/tenmint-ca" serve --config "$W/anchored/tenmint-ca.yaml"

# An empty folder that somebody made: as it was, but for what is in it; a link to it stays a link.
mkdir -m 2750 "$W/made"
ln -s made "$W/link"
[ "$(id -u)" != 0 ] || { chown 1234:4321 "$W/made" && chmod 2750 "$W/made"; }
cat >"$W/acl.py" <<'P'
import os, struct, sys
entries = [(1, 7, -1), (2, 5, 65534), (4, 5, -1), (16, 5, -1), (32, 0, -1)]
name, path = 'system.posix_acl_access', sys.argv[2]
if sys.argv[1] == 'set':
    os.setxattr(path, name, struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *e) for e in entries))
print(os.getxattr(path, name).hex())
P
acl=$(python3 "$W/acl.py" set "$W/made" 2>/dev/null) || echo "skip access lists: this file system has none"
mode=$(stat -c '%u:%g %a' "$W/made")
says "from within" 1 "name it from another directory" sh -c 'cd "$1" && exec "$2" init . --if-missing' sh "$W/made" "$(realpath "$B/tenmint-ca")"
check "nothing was made in or beside it" "" "$(ls -A "$W/made"; ls -d "$W"/made.init "$W"/..init 2>/dev/null)"
says "an empty folder, by a link" 0 "wrote " "${I[@]}" "$W/link" --if-missing
check "it keeps owner and mode" "$mode" "$(stat -c '%u:%g %a' "$W/made")"
[ -z "$acl" ] || check "and its access list" "$acl" "$(python3 "$W/acl.py" get "$W/made")"
check "the link stays" made "$(readlink "$W/link")"
says "it is found by the link" 0 "nothing was made" "${I[@]}" "$W/link" --if-missing

for i in $(seq 8); do
    "${I[@]}" "$W/cut/ca" --if-missing --all --url "$URL" >"$W/said" 2>&1 & pid=$!
    sleep "0.$(printf %03d $((RANDOM % 120)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    says "cut off $i times, then begun again" 0 "" "${I[@]}" "$W/cut/ca" --if-missing --all --url "$URL"
    "$B/tenmint-ca" check-config "$W/cut/ca/tenmint-ca.yaml" >"$W/said" 2>&1 || check "whole after $i" yes no
    [ $((i % 4)) = 0 ] || rm -rf "$W/cut/ca"
done
[ $fails -eq 0 ] || { tail -n 5 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
