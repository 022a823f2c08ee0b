#!/usr/bin/env bash
# log rotate, killed (-9) before every call that makes, moves or removes a file: what is in service is whole, the old or the
# new, and the same command ends what was begun. Its --json. Keys in a token, and named by URIs.
set -u
B=build
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1
umask 077
MODULE=/usr/lib/softhsm/libsofthsm2.so
mkdir "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
C=$W/ca
rotate() { "$B/tenmint-ca" log rotate "$C/tenmint-ca.yaml" 2027 --signatures "$@"; }
fresh() { rm -rf "$C" && cp -a "$1" "$C"; }
is_whole() { # the configuration, which is looked at once in each form that it takes, with its keys
    local form
    form=$W/form.$(sha256sum <"$C/tenmint-ca.yaml" | cut -c1-64)
    [ -e "$form" ] || "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml" >"$W/checked" 2>&1 || return 1
    : >"$form"
}
in_service() { sed -n '/^signature-log:/,/^[a-z]/s/^  directory: *//p' "$C/tenmint-ca.yaml" | tr -d "'" | head -n 1; }
is_log() { # DIR: its head is signed by the key beside it, which the password opens
    "$B/tenmint-ca" log status "$1" --key "$1.pem" >/dev/null 2>&1 &&
        [ "$(openssl pkey -in "$1.key" -passin "file:$C/password" -pubout 2>/dev/null)" = "$(cat "$1.pem")" ]
}

says "init --all" 0 "" "$B/tenmint-ca" init "$C" --all --url http://127.0.0.1:5555
cp -a "$C" "$W/before"
rotate >"$W/said"; check "the next is made" 0 $?
is_log "$C/siglog-2027"; check "it is a log" 0 $?
check "nothing is left" "" "$(find "$C" -name '*.init' -o -name '.new.*' -o -name '.tenmint-ca-init')"
check "modes" "755 600 644" "$(stat -c %a "$C/siglog-2027" "$C/siglog-2027.key" "$C/siglog-2027.pem" | tr '\n' ' ' | sed 's/700/755/; s/ $//')"
cp -a "$C" "$W/made"

# NAME SAVED WORD...: the state after each kill, then after the same command once more.
killed() {
    local name=$1 saved=$2 total=0 at old=0 new=0 broken=0
    shift 2
    fresh "$saved"
    rm -f "$W/calls"
    FAULT_LOG=$W/calls LD_PRELOAD=$W/shim.so rotate "$@" >"$W/said" 2>&1; check "$name: without a fault" 0 $?
    for at in $(awk -v w="$W" '$3 != "-" && index($3, w "/ca/") == 1 && (!seen[$3]++ || !$2) { print $1 }' "$W/calls"); do
        total=$((total + 1))
        fresh "$saved"
        FAULT_KIND=kill FAULT_AT=$at LD_PRELOAD=$W/shim.so rotate "$@" >/dev/null 2>&1
        [ $? = 137 ] || { broken=$((broken + 1)); echo "     call $at was not reached"; }
        is_whole || { broken=$((broken + 1)); echo "     killed at $at: $(cat "$W/checked")"; }
        case $(in_service) in siglog) old=$((old + 1)) ;; siglog-2027) new=$((new + 1)) ;; *) broken=$((broken + 1)) ;; esac
        rotate "$@" >"$W/said" 2>&1 || grep -q "in the configuration already\|siglog-2027' is not empty" "$W/said" ||
            { broken=$((broken + 1)); echo "     killed at $at, again: $(cat "$W/said")"; }
        is_whole && is_log "$C/siglog-2027" || { broken=$((broken + 1)); echo "     killed at $at, then: no log"; }
    done
    check "$name: $total kills, old $old, new $new" 0 $broken
    [ "$total" -gt 3 ] || check "$name: calls" "more than 3" "$total"
}
killed "making" "$W/before"
check "it was never put in service" siglog "$(in_service)"
killed "putting in service" "$W/made" --activate
check "it is in service at the end" siglog-2027 "$(in_service)"

# What a killed run left is gone on with by whoever asks for the same, and by nobody else.
mkdir "$W/cut"
echo one >"$W/pw"; echo two >"$W/pw2"
create=("$B/tenmint-ca" log create "$W/cut/lg")
says "a log" 0 "" "${create[@]}" --origin a.example/log/1 --password-file "$W/pw"
mv "$W/cut/lg.key" "$W/cut/lg/.new.key"; mv "$W/cut/lg.pem" "$W/cut/lg/.new.pem"
state() { (cd "$W/cut" && find . -type f -exec sha256sum {} + | sort); }
state >"$W/state"
U="pkcs11:token=none;object=x?module-path=$MODULE&pin-source=file:$W/pw"
says "cut off: another origin" 1 "its origin is 'a.example/log/1', not 'b.example/log/2'" "${create[@]}" --origin b.example/log/2 --password-file "$W/pw"
says "another kind" 1 "it is a 'tenmint log 1', not a 'tenmint signature log 1'" "${create[@]}" --origin a.example --signatures --password-file "$W/pw"
says "another place of the key" 1 "its key is a file, and one elsewhere is asked for" "${create[@]}" --origin a.example/log/1 --key-uri "$U"
says "another password" 1 "lg' is there from a run that was cut off" "${create[@]}" --origin a.example/log/1 --password-file "$W/pw2"
check "nothing was moved" "" "$(state | diff "$W/state" -)"
mv "$W/cut/lg/.new.key" "$W/cut/key"
says "no key" 1 "its key is no file" "${create[@]}" --origin a.example/log/1 --password-file "$W/pw"
cp "$C/siglog.key" "$W/cut/lg/.new.key"
says "another key" 1 "its key is another one" "${create[@]}" --origin a.example/log/1 --password-file "$C/password"
mv "$W/cut/key" "$W/cut/lg/.new.key"
says "the same is gone on with" 0 "wrote $W/cut/lg" "${create[@]}" --origin a.example/log/1 --password-file "$W/pw"
check "whole" "lg lg.key lg.pem" "$(ls "$W/cut" | xargs)$(ls -A "$W/cut/lg" | grep -F .new)"

# A folder that is a link to another file system: the key stands beside the link, as without one.
FAR=$(mktemp -d /dev/shm/log_rotate.XXXXXX 2>/dev/null)
if [ -n "$FAR" ] && [ "$(stat -c %d "$FAR")" != "$(stat -c %d "$W")" ]; then
    far=("$B/tenmint-ca" log create "$W/far" --origin a.example/log/far --password-file "$W/pw")
    mkdir "$FAR/log" && ln -s "$FAR/log" "$W/far"
    echo mine >"$W/far.pem"
    says "far: a file of its name" 1 "far.pem' exists" "${far[@]}"
    rm "$W/far.pem"
    says "far: a log" 0 "wrote $W/far" "${far[@]}"
    check "far: whole" "far far.key far.pem, 600" "$(cd "$W" && ls -d far* | xargs), $(stat -c %a "$W/far.key")"
    check "far: nothing is left there" "" "$(ls -A "$FAR/log" | grep -F .new)"
    cp "$W/far.key" "$FAR/log/.new.key" # killed between copy and removal
    mv "$W/far.pem" "$FAR/log/.new.pem"
    says "far: cut off, and gone on with" 0 "wrote $W/far" "${far[@]}"
    check "far: whole again" "far far.key far.pem" "$(cd "$W" && ls -d far* | xargs)$(ls -A "$FAR/log" | grep -F .new)"
else
    echo "skip a log on another file system: /dev/shm is none"
fi
[ -z "$FAR" ] || rm -rf "$FAR"

# What is in the way is not replaced.
fresh "$W/before"
echo mine >"$C/siglog-2027.pem"
says "a file of its name" 1 "siglog-2027.pem' exists" "$B/tenmint-ca" log rotate "$C/tenmint-ca.yaml" 2027 --signatures
check "stays" mine "$(cat "$C/siglog-2027.pem")"
check "and no log is made" no "$([ -e "$C/siglog-2027" ] && echo yes || echo no)"

# As JSON.
fresh "$W/before"
member() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
rotate --json >"$W/json"
check "JSON: made" "False $C/siglog-2027 http://127.0.0.1:5555/2027" \
    "$(for m in activated directory url; do member $m <"$W/json"; done | tr '\n' ' ' | sed 's/ $//')"
eval "set -- $(member activate <"$W/json")"
"$B/tenmint-ca" "${@:2}" --json >"$W/json"; check "its next command" 0 $?
check "JSON: in service" "True tenmint-tuf trust retire-log http://127.0.0.1:5555 --confirm" \
    "$(for m in activated trust; do member $m <"$W/json"; done | tr '\n' ' ' | sed 's/ $//')"
rotate --json >"$W/json" 2>/dev/null
check "JSON: a failure" 1 "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["error"]["code"])' <"$W/json")"

# Keys in a token: by label, then by URI.
softhsm2-util --init-token --free --label ci --pin 135790 --so-pin 24680123 >/dev/null || exit 1
echo 135790 >"$W/pin"
rm -rf "$C"
says "init in a token" 0 "" "$B/tenmint-ca" init "$C" --log-origin ca.example.com/log --pkcs11-module "$MODULE" \
    --pkcs11-token ci --pkcs11-pin-file "$W/pin" --pkcs11-log-key log
printf 'oidc-issuers:\n  "https://i.example.com": {issuer-url: "https://i.example.com", client-id: sigstore, type: email}\n' >"$C/issuers.yaml"
ct=("$B/tenmint-ca" log rotate "$C/tenmint-ca.yaml")
says "the next in the token" 0 "trust add-ctlog --url https://ca.example.com/log/2027 --key $C/log-2027.pem" "${ct[@]}" 2027
check "has no key file" no "$([ -e "$C/log-2027.key" ] && echo yes || echo no)"
says "in service" 0 "trust retire-ctlog" "${ct[@]}" 2027 --activate
says "check-config opens it" 0 "embedded  ca.example.com/log/2027" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
check "by its label" 1 "$(grep -c "pkcs11-key: .*log-2027" "$C/tenmint-ca.yaml")"
says "a label of one's own" 0 "" "${ct[@]}" 2028 --pkcs11-key mine --origin ca.example.com/log/own
says "which is not another later" 3 "made with the key 'mine', not 'other'" "${ct[@]}" 2028 --pkcs11-key other --activate
says "is kept for --activate, as its origin is" 0 "trust retire-ctlog" "${ct[@]}" 2028 --activate
says "check-config opens that" 0 "embedded  ca.example.com/log/own" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
says "the same label" 1 "already" "${ct[@]}" 2030 --pkcs11-key log-2027
says "a URI for a label" 3 "not named by a URI" "${ct[@]}" 2030 --key-uri 'pkcs11:token=ci;object=x'
URI="pkcs11:token=ci;object=by-uri?module-path=$MODULE&pin-source=file:$W/pin"
pkcs11-tool --module "$MODULE" --token-label ci --login --pin 135790 --keypairgen --key-type EC:prime256v1 --label by-uri --id 01 >/dev/null 2>&1
pkcs11-tool --module "$MODULE" --token-label ci --login --pin 135790 --keypairgen --key-type EC:prime256v1 --label by-uri-2 --id 02 >/dev/null 2>&1
{ awk '/^[a-z]/ { ct = /^ct:/ } !ct' "$C/tenmint-ca.yaml"
    printf "ct:\n  embedded:\n    directory: uri\n    origin: ca.example.com/uri\n    prefix: /uri\n    key-uri: '%s'\n" "$URI"; } >"$W/uri.yaml"
says "a log whose key a URI names" 0 "" "$B/tenmint-ca" log create "$C/uri" --origin ca.example.com/uri --key-uri "$URI"
cp "$W/uri.yaml" "$C/tenmint-ca.yaml"
says "the next needs a URI" 3 "--key-uri URI names the next key" "${ct[@]}" 2029
says "made" 0 "--key $C/uri-2029.pem" "${ct[@]}" 2029 --key-uri "${URI/by-uri/by-uri-2}"
cp -p "$C/uri-2029.uri" "$W/kept"
echo "two lines" >>"$C/uri-2029.uri"
says "a kept name that is none" 3 "not one line" "${ct[@]}" 2029 --activate
rm "$C/uri-2029.uri"
says "of a version that kept none" 3 "--key-uri URI names the next key" "${ct[@]}" 2029 --activate
cp -p "$W/kept" "$C/uri-2029.uri"
says "another key" 3 "made with the key" "${ct[@]}" 2029 --key-uri "$URI" --activate
says "a URI in service" 0 "trust retire-ctlog" "${ct[@]}" 2029 --activate
says "check-config opens it too" 0 "embedded  ca.example.com/uri/2029" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
check "as it was told" "$(cat "$W/kept")" "$(sed -n "s/^    key-uri: '\(.*\)'$/\1/p" "$C/tenmint-ca.yaml")"
mv "$C/uri.uri" "$C/first.uri"
sed "s|^    key-uri:.*|    key-uri-file: first.uri|" "$W/uri.yaml" >"$C/tenmint-ca.yaml"
rm -rf "$C"/uri-2029*
says "the next of a URI in a file" 0 "" "${ct[@]}" 2029 --key-uri "${URI/by-uri/by-uri-2}"
says "in service" 0 "trust retire-ctlog" "${ct[@]}" 2029 --activate
check "its file is named" 1 "$(grep -c '^    key-uri-file: uri-2029.uri$' "$C/tenmint-ca.yaml")"
says "check-config opens it as well" 0 "embedded  ca.example.com/uri/2029" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
[ $fails = 0 ]
