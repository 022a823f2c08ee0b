#!/usr/bin/env bash
# The next shard of the signature log takes over: log create, trusted root and signing configuration
# follow by a ceremony, signers go to the new one by themselves, what was signed before verifies, the
# old shard answers 405 and stays readable where clients know it.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
C=$W/ca
serve() { start_server --config "$C/tenmint-ca.yaml" || exit 1; }
stop_server() { kill "$CA_PID"; wait "$CA_PID"; check "SIGTERM" 0 $?; }
signed() { # NAME
    mint >"$W/token"
    echo "$1" >"$W/$1"
    says "$1: signed" 0 "log entries  1" "$B/tenmint" sign --trust-dir "$W/trust" --token-file "$W/token" "$W/$1"
}
verifies() { # NAME URL
    says "$1 verifies$3" 0 "ok      log entry    $2 holds it" "$B/tenmint" verify --dir "$W/trust" --offline \
        --bundle "$W/$1.sigstore.json" --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$W/$1"
}
trust() { says "trust $1" 0 '' "$B/tenmint-tuf" trust "$@" --dir "$C/tuf"; }
publish() { # NAME
    says "propose $1" 0 '' "$B/tenmint-tuf" propose --dir "$C/tuf" --name "$1" --reason "$1" --out "$W/$1.json"
    says "sign $1" 0 '' "$B/tenmint-tuf" sign "$W/$1.json" --key "$C/tuf-admin.key" --password-file "$C/password" \
        --digest "$("$B/tenmint-tuf" review "$W/$1.json" | sed -n 's/^Digest *//p')"
    says "publish $1" 0 '' "$B/tenmint-tuf" publish --dir "$C/tuf" "$W/$1.json"
    says "refresh after $1" 0 '' "$B/tenmint" trust refresh --dir "$W/trust"
}
eventually() { # COMMAND: within half a minute, as the next processes start
    for _ in $(seq 150); do "$@" && return; sleep 0.2; done
    return 1
}
get() { curl -sS --max-time 20 -o "$W/reply" -w '%{http_code}' "$@"; }
holds() { # FILE: the origin and size of its checkpoint
    sed -n '1,2p' "$1" | tr '\n' ' '
}
export XDG_STATE_HOME=$W/state

start_issuer || exit 1
URL=http://127.0.0.1:$(free_port)
says "init --all" 0 "" "$B/tenmint-ca" init "$C" --all --url "$URL"
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
serve
says "trusted" 0 "" "$B/tenmint" trust init --root "$C/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$W/trust"
sleep 1 # the windows begin in whole seconds
signed old
verifies old "$URL" ""

# One command makes the next; it is made known before it is used.
rotate=("$B/tenmint-ca" log rotate "$C/tenmint-ca.yaml")
says "log rotate" 0 "trust add-log --url $URL/2027 --key $C/siglog-2027.pem --api-version 2" "${rotate[@]}" 2027 --signatures
says "log rotate again" 1 "siglog-2027' is not empty" "${rotate[@]}" 2027 --signatures
SOON=$(date -u -d '+6 seconds' +%Y-%m-%dT%H:%M:%SZ)
trust add-log --offline --url "$URL/2027" --key "$C/siglog-2027.pem" --api-version 2 --start "$SOON"
publish shard
signed between
verifies between "$URL" " before the next begins"

# The same command puts it into the configuration, whose comments stay; SIGHUP takes it up and no
# request is lost.
sed -i 's/^signature-log:/# For auditors: ask ops.\nsignature-log: # Rekor v2/' "$C/tenmint-ca.yaml"
sed 's/^  directory: siglog$/  directory: siglog\n  retired: {}/' "$C/tenmint-ca.yaml" >"$C/odd.yaml"
says "what cannot be edited" 1 "can only be changed by hand" "$B/tenmint-ca" log rotate "$C/odd.yaml" 2027 --signatures --activate
says "before it is made" 1 "first run this without --activate" "${rotate[@]}" 2028 --signatures --activate
cp "$C/tenmint-ca.yaml" "$W/before.yaml"
says "activate" 0 "tenmint-tuf trust retire-log $URL --confirm" "${rotate[@]}" 2027 --signatures --activate
says "twice" 1 "in the configuration already" "${rotate[@]}" 2027 --signatures --activate
check "lines that went" "  directory: siglog   key: siglog.key " "$(diff "$W/before.yaml" "$C/tenmint-ca.yaml" | sed -n 's/^< //p' | tr '\n' ' ')"
says "check-config names both" 0 "retired   127.0.0.1 in" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
: >"$W/asked"
while [ ! -e "$W/enough" ]; do curl -sS --max-time 20 -o /dev/null -w '%{http_code}\n' "$URL/api/v2/checkpoint" >>"$W/asked"; done &
reader=$!
kill -HUP "$CA_PID"
next_serves() { [ "$(curl -sS --max-time 20 -o /dev/null -w '%{http_code}' "$URL/2027/api/v2/checkpoint")" = 200 ]; }
eventually next_serves || check "the next shard serves after SIGHUP" 200 none
: >"$W/enough"
wait $reader
check "requests meanwhile: all answered" "200" "$(sort -u "$W/asked")"
while [ "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \< "$SOON" ]; do sleep 0.2; done
signed new
verifies new "$URL/2027" ""
for name in old between; do verifies $name "$URL" " with the next shard"; done
check "a frozen shard" 405 "$(get -d '{}' "$URL/api/v2/log/entries")"
grep -q 'This log has been frozen' "$W/reply" || check "it says so" frozen "$(cat "$W/reply")"
check "its checkpoint" 200 "$(get "$URL/api/v2/checkpoint")"
check "is the last" "127.0.0.1 2 " "$(holds "$W/reply")"
check "its entries" 200 "$(get "$URL/api/v2/tile/entries/000.p/2")"
check "the new one's checkpoint" 200 "$(get "$URL/2027/api/v2/checkpoint")"
check "has one entry" "127.0.0.1 1 " "$(holds "$W/reply")"
for log in " 2" "/2027 1"; do # where a monitor looks that knows the log's address alone
    base=${log% *} width=${log##* }
    for name in checkpoint "tile/entries/000.p/$width" "tile/0/000.p/$width"; do
        check "$base/$name" 200 "$(get "$URL$base/$name")"
        cp "$W/reply" "$W/short"
        check "$base/api/v2/$name" 200 "$(get "$URL$base/api/v2/$name")"
        cmp -s "$W/short" "$W/reply" || check "$base/$name" "as below /api/v2" another
    done
done
check "entries are not taken there" 404 "$(get -d '{}' "$URL/2027/log/entries")"
check "a name that only begins so" 404 "$(get "$URL/checkpoints")"
check "no file of the log" 404 "$(get "$URL/tile/9/000")"

trust retire-log "$URL" --confirm
publish retired
signed last
for name in old between; do verifies $name "$URL" " when the old shard has ended"; done
for name in new last; do verifies $name "$URL/2027" " in the new one"; done
# A root event puts another folder in the tree's place, while the server runs in its sandbox.
echo "the password of erin" >"$W/erin.password"
says "a key" 0 "" "$B/tenmint-tuf" key new erin --key "$W/erin.key" --password-file "$W/erin.password" --out "$W"
says "a holder" 0 "" "$B/tenmint-tuf" key import erin "$W/erin.pub" --dir "$C/tuf" \
    --fingerprint "$(sed -n 's/^fingerprint *//p' "$W/said")"
says "erin for admin" 0 "" "$B/tenmint-tuf" holder replace admin erin --dir "$C/tuf"
says "propose a root" 0 "" "$B/tenmint-tuf" propose --dir "$C/tuf" --name root --reason erin --out "$W/root.json"
for key in "$C/password:$C/tuf-admin.key" "$W/erin.password:$W/erin.key"; do
    says "sign the root" 0 "" "$B/tenmint-tuf" sign "$W/root.json" --key "${key#*:}" --password-file "${key%%:*}" \
        --digest "$("$B/tenmint-tuf" review "$W/root.json" | sed -n 's/^Digest *//p')"
done
says "the root is published" 0 "switched at once" "$B/tenmint-tuf" publish --dir "$C/tuf" "$W/root.json"
says "the running server serves the new tree" 0 "root       version 2" "$B/tenmint" trust refresh --dir "$W/trust"
verifies last "$URL/2027" " under the new root"
# The same command for the log of certificates; old and new serve after one SIGHUP.
says "log rotate" 0 "trust add-ctlog --url $URL/log/2027 --key $C/log-2027.pem" "${rotate[@]}" 2027
cp "$C/tenmint-ca.yaml" "$W/before.yaml"
says "activate" 0 "trust retire-ctlog $URL/log --confirm" "${rotate[@]}" 2027 --activate
check "lines that changed" 3 "$(diff "$W/before.yaml" "$C/tenmint-ca.yaml" | grep -c '^<')"
says "check-config" 0 "/log in $C/log, served at /log" "$B/tenmint-ca" check-config "$C/tenmint-ca.yaml"
kill -HUP "$CA_PID"
ct_serves() { [ "$(get "$URL/log/2027/checkpoint")" = 200 ]; }
eventually ct_serves || check "the next log serves after SIGHUP" 200 none
check "the old log" 200 "$(get "$URL/log/checkpoint")"
says "no period" 2 "a period in digits" "${rotate[@]}" ../3
stop_server
says "a shard of certificates" 2 "goes with --signatures" "$B/tenmint-ca" log create "$C/x" --origin a/b --shard 2027 --password-file "$C/password"
says "a shard that is no path" 2 "must be a path" "$B/tenmint-ca" log create "$C/x" --signatures --origin a --shard '20 27' --password-file "$C/password"
[ $fails -eq 0 ] || { tail -n 5 "$W/ca.log"; echo "$fails checks failed"; exit 1; }
