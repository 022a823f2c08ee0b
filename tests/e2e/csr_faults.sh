#!/usr/bin/env bash
# rotate --csr and --certificate, for a root that is not ours, broken off: kill -9 and a full disk on the
# way, a folder that may only be read. The chain in service stays, and the same command, or the next
# one, ends what was begun.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all || exit 1
CA=$B/tenmint-ca
cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/corp.key" -out "$W/corp.pem" \
    -subj /CN=corp -days 3650 -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' 2>/dev/null
printf '%s\n' 'basicConstraints=critical,CA:TRUE,pathlen:0' 'keyUsage=critical,keyCertSign,cRLSign' \
    'extendedKeyUsage=codeSigning' >"$W/ext"
sign() { # REQUEST: into $W/good.pem
    openssl x509 -req -in "$1" -CA "$W/corp.pem" -CAkey "$W/corp.key" -CAcreateserial -extfile "$W/ext" \
        -out "$W/leaf.pem" 2>/dev/null
    cat "$W/leaf.pem" "$W/corp.pem" >"$W/good.pem"
}
rotate() { timeout 60 "$CA" rotate "$W/ca" "$@" >"$W/said" 2>&1; }
fresh() { rm -rf "$W/ca" && cp -a "$W/$1" "$W/ca"; } # STATE: start, request
steps() { # words: how often they change a file
    rm -f "$W/calls"
    LD_PRELOAD=$W/shim.so FAULT_LOG=$W/calls "$CA" rotate "$W/ca" "$@" >"$W/said" 2>&1
    wc -l <"$W/calls"
}
broken_off() { # STEP KIND words
    (LD_PRELOAD=$W/shim.so FAULT_AT=$1 FAULT_KIND=$2 "$CA" rotate "$W/ca" "${@:3}" >"$W/said" 2>&1; true) 2>/dev/null
}
pair() { # DIR: "whole" when key and certificate belong together
    local k c
    k=$(openssl pkey -in "$1/intermediate.key" -passin "file:$W/ca/password" -pubout 2>/dev/null) || k=none
    c=$(openssl x509 -in "$1/chain.pem" -noout -pubkey 2>/dev/null) || c=missing
    [ "$k" = "$c" ] && echo whole || echo broken
}
requested() { # DIR: "whole" when key and request belong together
    local k c
    k=$(openssl pkey -in "$1/intermediate.key" -passin "file:$W/ca/password" -pubout 2>/dev/null) || k=none
    c=$(openssl req -in "$1/intermediate.csr" -noout -pubkey 2>/dev/null) || c=missing
    [ "$k" = "$c" ] && echo whole || echo broken
}
bad() { echo "step $at, $kind: $*; $(tail -n 1 "$W/said")"; wrong=$((wrong + 1)); }

# The states in between, and how many steps lead from each to the next.
says "init" 0 "" "$CA" init "$W/ca" --no-log
cp -a "$W/ca" "$W/start"
csr_steps=$(steps --csr)
cp -a "$W/ca" "$W/request"
sign "$W/ca/next/intermediate.csr"
cp "$W/good.pem" "$W/next.pem"
take_steps=$(steps --certificate "$W/next.pem")
check "steps were found" yes "$([ "$csr_steps" -gt 5 ] && [ "$take_steps" -gt 2 ] && echo yes)"

# Each try costs a quarter of a second for its password: not at each step of making a pair.
kind=kill
wrong=0
for at in $(seq 3 9 "$csr_steps") "$csr_steps"; do
    fresh start
    broken_off "$at" $kind --csr
    cmp -s "$W/start/chain.pem" "$W/ca/chain.pem" || bad "the chain in service changed"
    [ -e "$W/ca/next" ] || rotate --csr || bad "not again"
    [ "$(requested "$W/ca/next")$(ls -d "$W/ca"/next.part* 2>/dev/null)" = whole ] || bad "no whole request"
done
check "--csr, killed at some of $csr_steps steps" 0 $wrong
wrong=0
for at in $(seq 2 "$take_steps"); do
    fresh request
    broken_off "$at" $kind --certificate "$W/next.pem"
    # Who does not know how far it came puts it in service, if there is something to put.
    [ -e "$W/ca/next/chain.pem" ] || rotate --certificate "$W/next.pem" || bad "not again"
    cmp -s "$W/next.pem" "$W/ca/next/chain.pem" || bad "another chain"
    rotate --activate || bad "not activated"
    [ "$(pair "$W/ca")$(ls "$W/ca/next" 2>/dev/null)" = whole ] || bad "left: $(ls "$W/ca/next" | xargs)"
done
check "--certificate, killed at each of $take_steps steps" 0 $wrong
fresh request
rotate --certificate "$W/next.pem" || check "answered" yes no
cp -a "$W/ca" "$W/answered"
activate_steps=$(steps --activate)
wrong=0
for at in $(seq 2 "$activate_steps"); do
    for then in --activate --csr; do
        fresh answered
        broken_off "$at" $kind --activate
        [ $then = --activate ] || [ -e "$W/ca/next/chain.pem" ] || rotate $then || bad "no next one"
        [ $then = --csr ] || [ ! -e "$W/ca/next" ] || rotate $then || bad "not again"
        [ "$(pair "$W/ca")" = whole ] || [ -e "$W/ca/next/chain.pem" ] || bad "no pair"
    done
done
check "--activate, killed at each of $activate_steps steps" 0 $wrong
kind=full
wrong=0
for at in 1 "$((csr_steps / 2))"; do
    fresh start
    broken_off "$at" $kind --csr
    [ ! -e "$W/ca/next" ] || bad "next/ is there"
    diff -r "$W/start" "$W/ca" >/dev/null || bad "something stays"
done
for at in $(seq 1 3); do
    fresh request
    broken_off "$at" $kind --certificate "$W/next.pem"
    diff -r --exclude=audit "$W/request" "$W/ca" >/dev/null || bad "something stays"
done
check "full disks: nothing stays" 0 $wrong

# A folder that may only be read. Root may write all the same, so another user tries.
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$W" && cp "$CA" "$W/bin"
    for state in start request; do
        fresh $state
        words=--csr
        [ $state = start ] || words="--certificate $W/next.pem"
        chown -R 65534:65534 "$W/ca" && chmod 500 "$W/ca" && { [ $state = start ] || chmod 500 "$W/ca/next"; }
        chmod 644 "$W/next.pem"
        says "read only, $words" 1 "Permission denied" \
            setpriv --reuid=65534 --regid=65534 --clear-groups "$W/bin" rotate "$W/ca" $words
        check "read only: nothing is left" "$(ls -R "$W/$state" | grep -v "^/")" "$(ls -R "$W/ca" | grep -v "^/")"
    done
fi

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
