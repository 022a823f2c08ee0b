#!/usr/bin/env bash
# Every command of tenmint-ca with bad input: wrong arguments, a missing file, one without permission, a
# read-only folder, a full disk, kill -9 on the way. Each time it ends with a code of its own and words
# that name what is wrong, and what was there before is as it was; after a kill the same command again
# does it, or says what is there already. A command that is not in the table fails the script.
# Usage: tests/bad_input.sh [COMMAND], all of them without one.
set -u
B=build
. "$(dirname "$0")/begin.bash"
make -s all || exit 1
cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1
CA=$W/tenmint-ca
S=$W/state # a copy of $W/start for each try
URL=https://gitlab.example.com
chmod 755 "$W"
cp "$B/tenmint-ca" "$CA"
AS=() # root reads and writes everything: another user tries what needs permission
[ "$(id -u)" != 0 ] || AS=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# command|what it does: reads, writes, other|exit code of the good line|its words
TABLE="init|writes|0|%/new
check-config|reads|0|%/ca/tenmint-ca.yaml
serve|other|0|--config %/ca/tenmint-ca.yaml
rotate|writes|0|%/ca
rehearse|other|0|rotate --config %/ca/tenmint-ca.yaml
status|other|0|--config %/ca/tenmint-ca.yaml
freeze|writes|0|--config %/ca/tenmint-ca.yaml --reason why
thaw|writes|0|--config %/frozen/tenmint-ca.yaml --reason why
key show|other|0|pkcs11:token=T;object=K?module-path=%/ca/no-module.so
issuer list|reads|0|%/ca/issuers.yaml
issuer show|reads|0|%/ca/issuers.yaml $URL
issuer add|writes|0|%/ca/issuers.yaml https://new.example.com --type gitlab-pipeline
issuer remove|writes|0|%/ca/issuers.yaml $URL
issuer disable|writes|0|%/ca/issuers.yaml $URL
issuer enable|writes|0|%/ca/issuers.yaml https://off.example.com
issuer test|reads|1|%/ca/issuers.yaml --token %/token
issuer diff|reads|0|%/ca/issuers.yaml %/ca/issuers.yaml
audit query|reads|0|--config %/ca/tenmint-ca.yaml
audit verify|reads|0|--config %/ca/tenmint-ca.yaml --key %/ca/audit/heads.pem
audit export|writes|0|--config %/ca/tenmint-ca.yaml --out %/export.jsonl
audit init|writes|0|--config %/bare/tenmint-ca.yaml
evidence make|writes|0|--config %/ca/tenmint-ca.yaml --out %/pack2
evidence verify|reads|0|%/pack --heads-key %/ca/audit/heads.pem --log-key %/ca/log.pem
log create|writes|0|%/log2 --origin example.com/2 --password-file %/ca/password
log rotate|writes|0|%/ca/tenmint-ca.yaml 2027
log redate|writes|1|%/ca/log
log status|reads|0|%/ca/log --key %/ca/log.pem
log verify|reads|0|%/ca/log --key %/ca/log.pem
log find|reads|1|%/ca/log --key %/ca/log.pem --identity x
log watch|writes|0|%/ca/log --key %/ca/log.pem --state %/watched --once
log export|reads|0|%/ca/log --key %/ca/log.pem
log report|writes|0|%/ca/log --key %/ca/log.pem --html %/pages
log witness|writes|0|--name w.example.com --key %/w.key --new-key"

"$CA" init "$W/start/ca" --log-origin example.com/log >"$W/said" 2>&1 || { cat "$W/said"; exit 1; }
issuer() { "$CA" issuer "$1" "$W/start/ca/issuers.yaml" "${@:2}" >"$W/said" 2>&1 || { cat "$W/said"; exit 1; }; }
issuer add "$URL" --type gitlab-pipeline
issuer add https://off.example.com --type gitlab-pipeline --disabled
"$CA" serve --config "$W/start/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 >"$W/ca.log" 2>&1 & server=$!
for _ in 1 2 3 4 5 6; do wait_for "$W/ca.log" '"message":"listening"' 2>/dev/null && break; done # it makes the trail's database
kill $server && wait $server
"$CA" evidence make --config "$W/start/ca/tenmint-ca.yaml" --out "$W/start/pack" >"$W/said" 2>&1 || { cat "$W/said"; exit 1; }
cp -a "$W/start/ca" "$W/start/frozen"
"$CA" freeze --config "$W/start/frozen/tenmint-ca.yaml" --reason why >"$W/said" 2>&1 || { cat "$W/said"; exit 1; }
cp -a "$W/start/ca" "$W/start/bare" && rm -r "$W/start/bare/audit" "$W/start/bare/audit.key"
echo eyJhbGciOiJub25lIn0.e30.x >"$W/start/token"

fresh() { chmod -R u+w "$S" 2>/dev/null; rm -rf "$S"; cp -a "$W/start" "$S"; }
words() { read -ra ARGS <<<"${1//%/$S}"; } # the row's words
run() { # PREFIX...: sets rc
    timeout 60 "$@" >"$W/out" 2>"$W/said"
    rc=$?
}
bad() { # the command, with what, and what is wrong
    echo "FAIL $name, $what: $*; exit code $rc; $(tail -n 2 "$W/said")"
    fails=$((fails + 1))
}
# Ended by itself with a code of the table, and not as if all were well; says TEXT.
refused() {
    [ $rc -ge 1 ] && [ $rc -le 7 ] || bad "not refused"
    grep -qE -e "$1" "$W/said" || bad "does not say '$1'"
    ! grep -q "Sanitizer\|runtime error" "$W/said" || bad "a sanitizer"
}
# Locks stay; its own trail may have a line of the try, and SQLite's files beside it.
same() { diff -r --no-dereference --exclude=audit --exclude='*.lock' "$W/start" "$S" >"$W/diff" 2>&1 || bad "the old state changed: $(head -n 2 "$W/diff")"; }

wrong_arguments() {
    local option
    what="an unknown option" && run "$CA" $name "${ARGS[@]}" --no-such-option && refused 'no-such-option'
    [ $rc = 2 ] || bad "want 2"
    what="too many words" && run "$CA" $name "${ARGS[@]}" a b c d e f && refused .
    case $name in audit\ verify) ;; *) [ $rc = 2 ] || bad "want 2" ;; esac # it takes any number of exports
    for option in $("$CA" $name --help | sed -n 's/^  --\([a-z0-9-]*\) [A-Z|*][A-Z|a-z:.,=*-]*  *.*/\1/p'); do
        what="--$option without a value" && run "$CA" $name --"$option" && refused "$option"
        [ $rc = 2 ] || bad "want 2"
    done
    same
}

# Each path of the line: away; where a file is to come into being, below something that is no folder.
missing_files() {
    local i path
    for i in "${!ARGS[@]}"; do
        [[ ${ARGS[i]} == "$S"/* ]] || continue
        path=${ARGS[i]}
        local with=("${ARGS[@]}")
        with[i]=$path.missing
        [ -e "$path" ] || with[i]=$S/token/x
        what="without $(basename "$path")"
        run "$CA" $name "${with[@]}"
        if [ -e "$path" ]; then refused "$(basename "${with[i]}")"; else refused "$S/token"; fi
        same
        [ -e "$path" ] || continue
        chmod 000 "$path"
        what="no permission for $(basename "$path")"
        [ ${#AS[@]} = 0 ] || chown -R 65534:65534 "$S"
        run ${AS[@]+"${AS[@]}"} "$CA" $name "${ARGS[@]}"
        refused 'Permission denied'
        fresh
    done
}

read_only() {
    what="a folder that may only be read"
    [ ${#AS[@]} = 0 ] || chown -R 65534:65534 "$S"
    chmod -R a-w "$S"
    run ${AS[@]+"${AS[@]}"} "$CA" $name "${ARGS[@]}"
    if [ $kind = reads ] && [ "$name" != check-config ]; then # that says that no trail can be written
        [ $rc = "$want" ] || bad "want $want"
    else
        [ $rc = "$want" ] && [ "$want" != 0 ] || refused 'Permission denied|Read-only|may not'
    fi
    same
    fresh
}

full_disk() {
    if [ $kind = reads ]; then
        what="a full disk below its output"
        run "$CA" $name "${ARGS[@]}"
        [ -s "$W/out" ] || return # it has nothing to say
        timeout 60 "$CA" $name "${ARGS[@]}" >/dev/full 2>"$W/said"
        rc=$?
        [ $rc -ge 1 ] && [ $rc -le 7 ] || bad "not noticed"
        same
        return
    fi
    # What is stopped goes on by taking a file away; that no record could be written it says.
    what="a full disk"
    run env LD_PRELOAD="$W/shim.so" FAULT_AT=1 FAULT_KIND=full "$CA" $name "${ARGS[@]}"
    grep -q 'No space left' "$W/said" || [ "$want" != 0 ] || bad "does not say so"
    if [ "$name" != thaw ]; then
        refused .
        same
    fi
    fresh
}

killed() {
    local steps at
    : >"$W/calls"
    run env LD_PRELOAD="$W/shim.so" FAULT_LOG="$W/calls" "$CA" $name "${ARGS[@]}"
    what="as it should be"
    [ $rc = "$want" ] || bad "want $want"
    steps=$(wc -l <"$W/calls")
    [ "$steps" -gt 0 ] || [ "$want" != 0 ] || bad "it changes nothing"
    for at in $(seq 1 $((steps / 3 + 1)) "$steps"); do
        fresh
        what="killed at step $at of $steps"
        (run env LD_PRELOAD="$W/shim.so" FAULT_AT="$at" FAULT_KIND=kill "$CA" $name "${ARGS[@]}") 2>/dev/null
        run "$CA" check-config "$S/ca/tenmint-ca.yaml"
        [ $rc = 0 ] || bad "the configuration is not whole"
        run "$CA" $name "${ARGS[@]}"
        [ $rc = "$want" ] || refused 'already|is there|exists|not empty|is not stopped|there is no issuer'
        run "$CA" check-config "$S/ca/tenmint-ca.yaml"
        [ $rc = 0 ] || bad "afterwards the configuration is not whole"
    done
    fresh
}

commands() { # of a program or a group: the names in its help
    "$@" --help | sed -n '/^Commands:/,/^$/p' | sed -n 's/^  \([a-z][a-z-]*\)  *.*/\1/p' | grep -vx 'help\|version'
}
for one in $(commands "$CA"); do
    for name in $(commands "$CA" "$one" | sort -u | sed "s/^/$one-/" | grep . || echo "$one"); do
        name=${name/"$one-"/"$one "}
        grep -q "^$name|" <<<"$TABLE" || { echo "FAIL $name is not in the table"; fails=$((fails + 1)); }
    done
done
while IFS='|' read -r name kind want line; do
    before=$fails began=$(date +%s)
    fresh
    words "$line"
    wrong_arguments
    missing_files
    if [ $kind != other ]; then
        read_only
        full_disk
    fi
    [ $kind != writes ] || killed
    [ $fails != $before ] || echo "ok   $name, $(($(date +%s) - began)) s"
done < <(grep "^${1:-}" <<<"$TABLE") # one command alone: its name
[ $# != 0 ] || check "the table was read" 33 "$(wc -l <<<"$TABLE")"
[ "$fails" = 0 ] || { echo "$fails checks failed"; exit 1; }
