#!/usr/bin/env bash
# tenmint-ca rotate: a running server takes the new key up; kill -9 and a full disk at every step,
# wrong passwords, keys that are elsewhere, foreign owners, two at once, the same command twice.
set -u
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
fails=0
. tests/lib.sh
trap 'stop_all; rm -rf "$W"' EXIT
check() { # NAME WANT GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; fails=$((fails + 1)); fi
}
says() { # NAME PATTERN: the last output has it
    if grep -q -- "$2" "$W/out"; then echo "ok   $1"; else
        echo "FAIL $1: no '$2' in: $(cat "$W/out")"
        fails=$((fails + 1))
    fi
}
rotate() { timeout 30 "$B/tenmint-ca" rotate "$W/ca" "$@" >"$W/out" 2>&1; }
tree() { # every file with its mode, owner and content, without what a check may not depend on
    (cd "$W/ca" && find . -name log -prune -o \( -type f -o -type d \) -printf '%p %m %U\n' | sort && cat chain.pem intermediate.key 2>/dev/null | sha256sum)
}
pair() { # DIR: "whole" when key and certificate belong together
    local k c
    k=$(openssl pkey -in "$1/intermediate.key" -passin "file:$W/ca/password" -pubout 2>/dev/null) || k=none
    c=$(openssl x509 -in "$1/chain.pem" -noout -pubkey 2>/dev/null) || c=missing
    [ "$k" = "$c" ] && echo whole || echo broken
}
fresh() { rm -rf "$W/ca" && cp -a "$W/saved" "$W/ca"; }
make -s all || exit 1
cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1
"$B/tenmint-ca" init "$W/ca" --no-log >"$W/out" || exit 1
sed -i 's/127.0.0.1:5555/127.0.0.1:0/; s/^metrics-listen.*/reload-interval: 300ms/' "$W/ca/tenmint-ca.yaml"
cp -a "$W/ca" "$W/saved"

# The whole way, with a server that runs.
serve() { start_server --config "$W/ca/tenmint-ca.yaml"; }
served() { # FILE: the server's first certificate is this chain's
    curl -sS --max-time 5 "$CA/api/v1/rootCert" | openssl x509 -outform DER 2>/dev/null | cmp -s - <(openssl x509 -in "$1" -outform DER)
}
serve || exit 1
served "$W/saved/chain.pem"; check "the old chain is served" 0 $?
before=$(tree)
rotate; check "rotate" 0 $?
check "the next pair" whole "$(pair "$W/ca/next")"
check "modes" "700 600 644" "$(stat -c %a "$W/ca/next" "$W/ca/next/intermediate.key" "$W/ca/next/chain.pem" | xargs)"
check "the pair in service is untouched" "$(echo "$before" | tail -n 1)" "$(tree | tail -n 1)"
cp -a "$W/ca/next" "$W/kept"
rotate; check "rotate twice" 1 $?
says "rotate twice says what to do" "--activate"
cmp -s "$W/kept/chain.pem" "$W/ca/next/chain.pem"; check "the published chain stays" 0 $?
rotate --activate; check "activate" 0 $?
wait_until served "$W/kept/chain.pem"; check "the running server takes it up" 0 $?
check "the pair in service" whole "$(pair "$W/ca")"
check "nothing is left" no "$([ -e "$W/ca/next" ] && echo yes || echo no)"
rotate --activate; check "activate twice" 1 $?
says "activate twice" "nothing to put in service"
rotate && rotate --activate
kill -9 "$CA_PID"; wait "$CA_PID" 2>/dev/null
serve || exit 1
served "$W/ca/chain.pem"; check "killed just after, the server starts with the new chain" 0 $?
kill "$CA_PID"; wait "$CA_PID"; check "SIGTERM exits 0" 0 $?

# What operators get wrong. Each leaves everything as it was.
refused() { # NAME CODE PATTERN options: exits so, says why, changes nothing
    local was name=$1 code=$2 why=$3
    was=$(tree)
    shift 3
    rotate "$@"; check "$name" "$code" $?
    says "$name: reason" "$why"
    check "$name: nothing is changed" "$was" "$(tree)"
}
fresh
printf 'wrong' >"$W/wrong" && chmod 600 "$W/wrong"
refused "wrong password" 1 "wrong password" --password-file "$W/wrong"
refused "no password file" 6 "No such file" --password-file "$W/missing"
refused "unknown key type" 2 "want p256" --key-type p257
refused "nothing to activate" 1 "nothing to put in service" --activate
chmod 644 "$W/ca/password"; refused "readable password" 1 "chmod 600"; chmod 600 "$W/ca/password"
mv "$W/ca/root.key" "$W/root.key"; refused "root key elsewhere" 1 "--root-key"
rotate --root-key "$W/root.key"; check "root key by name" 0 $?
rotate --activate --password-file "$W/wrong"; check "activate with a wrong password" 1 $?
check "the pair in service stays whole" whole "$(pair "$W/ca")"
mv "$W/ca/intermediate.key" "$W/token"
refused "a CA without a key file" 1 "whose key is this file" --activate
fresh
"$B/tenmint-ca" init "$W/other" --no-log >/dev/null
openssl pkey -in "$W/other/root.key" -passin "file:$W/other/password" -out "$W/foreign" 2>/dev/null && chmod 600 "$W/foreign"
refused "another CA's root key" 1 "not the root certificate's" --root-key "$W/foreign"
rotate --activate --key-type rsa; check "options that exclude each other" 2 $?
rotate --activat; check "a mistyped option" 2 $?; says "a mistyped option: nearest" "--activate"
"$B/tenmint-ca" rotate "$W/nowhere" >"$W/out" 2>&1; check "no such directory" 3 $?; says "no such directory" "nowhere"

# Another pair in next/ than the one that was published: never taken in silence.
rotate && cp "$W/other/chain.pem" "$W/ca/next/chain.pem"
refused "a next pair that does not fit" 1 "public keys are not equal" --activate

if [ "$(id -u)" = 0 ]; then
    fresh
    chown -R 65534:65534 "$W/ca"
    rotate && rotate --activate; check "by root, for a server of another user" 0 $?
    check "the files stay the server's" "65534 65534" "$(stat -c %u "$W/ca/intermediate.key" "$W/ca/chain.pem" | xargs)"
    fresh
    chmod 755 "$W"; chown -R 65534 "$W/ca"; chmod 500 "$W/ca"
    cp "$B/tenmint-ca" "$W/bin"
    setpriv --reuid=65534 --regid=65534 --clear-groups "$W/bin" rotate "$W/ca" >"$W/out" 2>&1; check "a directory that is read only" 1 $?
    says "a directory that is read only: reason" "Permission denied"
fi

# Two at once: one works, or both in turn say that it is done.
fresh
rotate & a=$!
timeout 30 "$B/tenmint-ca" rotate "$W/ca" >"$W/out2" 2>&1; second=$?
wait $a; first=$?
check "two at once: one succeeds" 1 $(((first == 0) + (second == 0)))
check "two at once: the pair is whole" whole "$(pair "$W/ca/next")"

# kill -9 and a full disk on the way. Each try of a password costs a quarter of a second, so not at
# each step of making a pair: the steps that are left out belong to writing one file.
steps() { # words: how often they change a file
    rm -f "$W/calls"
    LD_PRELOAD=$W/shim.so FAULT_LOG=$W/calls "$B/tenmint-ca" rotate "$W/ca" "$@" >"$W/out" 2>&1
    wc -l <"$W/calls"
}
broken_off() { # STEP KIND words
    (LD_PRELOAD=$W/shim.so FAULT_AT=$1 FAULT_KIND=$2 "$B/tenmint-ca" rotate "$W/ca" "${@:3}" >"$W/out" 2>&1; true) 2>/dev/null
}
fresh; make_steps=$(steps); cp -a "$W/ca" "$W/ready"; activate_steps=$(steps --activate)
[ "$make_steps" -gt 8 ] && [ "$activate_steps" -gt 3 ] || check "steps are found" many "$make_steps $activate_steps"
old=$(sha256sum <"$W/saved/chain.pem")
declare -A kind_offset=([kill]=1 [full]=3)
for kind in kill full; do
    bad=0
    tried=$(seq $((kind_offset[$kind])) 4 "$make_steps"; echo "$make_steps")
    for at in $tried; do
        fresh
        broken_off "$at" $kind
        [ ! -e "$W/ca/next" ] || [ "$(pair "$W/ca/next")" = whole ] || { bad=$((bad + 1)); echo "step $at: half a pair in next/"; }
        [ "$(pair "$W/ca")$(sha256sum <"$W/ca/chain.pem")" = "whole$old" ] || { bad=$((bad + 1)); echo "step $at: the pair in service changed"; }
        [ -e "$W/ca/next" ] || rotate || { bad=$((bad + 1)); echo "step $at: $(cat "$W/out")"; }
        [ "$(pair "$W/ca/next")$(find "$W/ca" -name 'next.part*' | wc -l)" = whole0 ] || { bad=$((bad + 1)); echo "step $at: not recovered"; }
    done
    check "rotate, $kind at $(echo "$tried" | xargs) of $make_steps steps" 0 $bad
    bad=0
    half=0
    for at in $(seq 1 $((kind_offset[$kind])) "$activate_steps"); do
        rm -rf "$W/ca" && cp -a "$W/ready" "$W/ca"
        broken_off "$at" $kind --activate
        if [ -e "$W/ca/next/chain.pem" ]; then
            if [ "$(pair "$W/ca")" = broken ]; then
                half=1
                timeout 10 "$B/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1
                grep -q -- '--activate' "$W/out" || { bad=$((bad + 1)); echo "step $at: the server does not say what to do: $(cat "$W/out")"; }
            fi
            rotate --activate || { bad=$((bad + 1)); echo "step $at: $(cat "$W/out")"; }
        fi
        [ "$(pair "$W/ca")$(sha256sum <"$W/ca/chain.pem")" = "whole$(sha256sum <"$W/ready/next/chain.pem")" ] || { bad=$((bad + 1)); echo "step $at: the next pair is not in service"; }
    done
    check "activate, $kind on $activate_steps steps" 0 $bad
    [ $kind = full ] || check "activate was broken off between its moves" 1 $half
done
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
