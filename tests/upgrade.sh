#!/usr/bin/env bash
# From an older version's packages to this one's: a part of `make package-test`. The older is built from a
# pinned commit and started by its own guide; it signs, logs, stamps, records and publishes. Then this
# version's packages are installed over it. What was served is served, byte for byte; what was signed
# verifies, by either version; the logs, the audit trail and the TUF repository go on from where they were.
# Then the older packages are installed over those, and all of it goes on once more.
# Needs what packages.sh needs, and a clone that has the commit. DEBS: this version's packages, built.
set -u
cd "$(dirname "$0")/.." || exit 1
OLDER=6db76e6dc1dfc9802504ea426b28f78ea3fa1349
URL=http://127.0.0.1:5555
git cat-file -e "$OLDER^{commit}" 2>/dev/null ||
    { echo "upgrade: this clone does not have $OLDER (git fetch --unshallow)"; exit 1; }
make -s build/tests/demo_issuer || exit 1
. tests/package.bash

git clone -q --shared --no-checkout . "$W/older" && git -C "$W/older" checkout -q "$OLDER" &&
    sed -i '1s/(.*)/(0.1.0-1)/' "$W/older/config/debian/changelog" || exit 1
sh "$W/older/config/deb.sh" "$W/older-debs" >"$W/said" 2>&1 || { tail -n 20 "$W/said"; exit 1; }
[ -n "${DEBS:-}" ] || { DEBS=$W/newer-debs && sh config/deb.sh "$DEBS" >"$W/said" 2>&1; } ||
    { tail -n 20 "$W/said"; exit 1; }
mkdir "$R/root/newer"
cp "$W"/older-debs/*.deb "$R/root/" && cp "$DEBS"/*.deb "$R/root/newer/" || exit 1

# The older version, by its own guide; clients find it below this URL. Its trail is one that init did
# not make.
guide_lines "$W/older/tools/shared/tenmint-operating.7" "FROM NOTHING" | sed "s,https://sigstore.example.com,$URL," >"$W/guide"
type_guide "$W/guide" 9
stop
build/tests/demo_issuer >"$W/issuer" 2>&1 &
issuer=$!
for _ in $(seq 100); do grep -q http:// "$W/issuer" && break; sleep 0.1; done
ISSUER=$(head -n 1 "$W/issuer")
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
    "$ISSUER" "$ISSUER" >"$R/etc/tenmint-ca/issuers.yaml"
cat >>"$R/etc/tenmint-ca/tenmint-ca.yaml" <<'Y'
audit-store:
  store: sqlite
  directory: audit
  origin: ca.example.com/audit
  key: audit.key
  password-file: password
Y
inside tenmint-ca audit init >"$W/said" 2>&1
expect "the older version's audit trail" 0 $?
inside sh -c 'cd /root && apt-get install ./tenmint_*.deb' >"$W/said" 2>&1
expect "the older version's client" 0 $?
serve && ok "the older version serves" || { bad "no start"; tail -n 5 "$R/root/log"; }

inside install /usr/bin/tenmint /usr/bin/older-tenmint

trust() { # CLIENT
    inside "$1" trust init --root /var/lib/tenmint-tuf/published/1.root.json --metadata-url "$URL/tuf" \
        --dir "/root/trust.$1" >"$W/said" 2>&1
    expect "$1 trusts the first root" 0 $?
}
sign() { # CLIENT FILE
    curl -sS --max-time 10 -X POST -d '' "$ISSUER/token" >"$R/root/token"
    echo "this is $2" >"$R/root/$2"
    inside "$1" sign --trust-dir "/root/trust.$1" --token-file /root/token "/root/$2" >"$W/said" 2>&1
    expect "$1 signs $2" 0 $?
}
verify() { # CLIENT FILE
    inside "$1" verify --dir "/root/trust.$1" --bundle "/root/$2.sigstore.json" --issuer "$ISSUER" \
        --identity-regexp 'https://github\.com/acme/.*' "/root/$2" >"$W/said" 2>&1
    expect "$1 verifies $2" 0 $?
}
trail() { inside tenmint-ca audit query --kind issued 2>"$W/said" | grep -c acme; }
# Paths of all that is served: the files of both logs and of the repository, and the CA's chain.
paths() {
    local pair
    for pair in etc/tenmint-ca/log:log etc/tenmint-ca/siglog:api/v2 var/lib/tenmint-tuf/published:tuf; do
        (cd "$R/${pair%:*}" && find . -type f -printf "${pair#*:}/%P\n")
    done
    printf '%s\n' api/v2/trustBundle api/v1/rootCert
}
# Of those in FILE that are answered: what a line says is to stay as it is.
digests() {
    local path
    while read -r path; do
        ! curl -sf --max-time 10 "$URL/$path" -o "$W/one" || echo "$(sha256sum <"$W/one") $path"
    done <"$1"
}
size() { curl -sS --max-time 10 "$URL/$1/checkpoint" | sed -n 2p; }

goes_on() { # ENTRIES of the signature log and certificates in the trail
    sleep 2
    expect "the signature log goes on" "$1" "$(size api/v2)"
    local log note url
    for log in log siglog; do
        note=$log url=$URL/log
        [ $log = log ] || note=api url=$URL/api/v2
        inside tenmint-log verify "$url" --key "/etc/tenmint-ca/$log.pem" --checkpoint "/root/$note.note" >"$W/said" 2>&1
        expect "$log extends the older version's checkpoint" 0 $?
    done
    expect "the audit trail goes on" "$1" "$(trail)"
    inside tenmint-ca audit verify --key /etc/tenmint-ca/audit/heads.pem >"$W/said" 2>&1
    expect "and verifies" 0 $?
    chroot --userspec=tenmint-tuf:tenmint-tuf "$R" tenmint-tuf refresh --dir /var/lib/tenmint-tuf >"$W/said" 2>&1
    expect "the TUF workspace is renewed" 0 $?
    inside tenmint-tuf verify "$URL/tuf" >"$W/said" 2>&1
    expect "the repository verifies from its first root" 0 $?
    inside tenmint-tuf status "$URL/tuf" >"$W/said" 2>&1
    expect "and nothing is due" 0 $?
}

trust older-tenmint
for n in 1 2 3; do sign older-tenmint "old-$n"; done
verify older-tenmint old-1
sleep 2 # the checkpoints of what was entered last
for log in log api/v2; do curl -sS --max-time 10 "$URL/$log/checkpoint" >"$R/root/${log%%/*}.note"; done
old_size=$(size api/v2)
expect "the older version's signature log" 3 "$old_size"
expect "its audit trail" 3 "$(trail)"
paths | grep -v checkpoint | LC_ALL=C sort >"$W/paths"
digests "$W/paths" >"$W/before"
expect "tiles, metadata and chain are served" 1 "$(($(wc -l <"$W/before") > 12))"

# As an operator does it, by this version's guide; without systemd it is restarted below.
guide_lines tools/shared/tenmint-operating.7 Upgrade >"$W/guide"
expect "the guide says how" 4 "$(wc -l <"$W/guide")"
while IFS= read -r line; do
    inside sh -c "cd /root/newer && $line" >"$W/said" 2>&1
    expect "$line" 0 $?
done <"$W/guide"
inside sh -c 'cd /root/newer && apt-get install ./tenmint_*.deb' >"$W/said" 2>&1
expect "the newer client" 0 $?
expect "it is the newer one" 1 "$(inside dpkg -s tenmint-ca | grep -c "^Version: $(make -s print-release)")"
stop
serve && ok "the newer version serves" || { bad "no start"; tail -n 5 "$R/root/log"; }
expect "nothing is wrong in its log" "" "$(grep -o '"severity":"ERROR".*' "$R/root/log")"
digests "$W/paths" >"$W/after"
expect "each of $(wc -l <"$W/before") files is served as before" "" "$(diff "$W/before" "$W/after")"

for n in 1 2 3; do verify older-tenmint "old-$n"; done
trust tenmint
for n in 1 2 3; do verify tenmint "old-$n"; done
sign tenmint new-1
sign older-tenmint new-2
verify older-tenmint new-1
verify tenmint new-2
goes_on 5
stop

# And back, by the guide.
guide_lines tools/shared/tenmint-operating.7 "The way back" >"$W/guide"
expect "the guide says how to go back" 4 "$(wc -l <"$W/guide")"
install -D "$R/etc/tenmint-ca/tenmint-ca.yaml" "$W/before.yaml"
echo 'rehearsals: {rotate: 365d}' >>"$R/etc/tenmint-ca/tenmint-ca.yaml"
mkdir "$R/root/older" && cp "$W"/older-debs/*.deb "$R/root/older/"
while IFS= read -r line; do
    case $line in systemctl*) continue ;; esac
    inside sh -c "cd /root/older && $line" >"$W/said" 2>&1
    code=$?
    case $line in
    *check-config*)
        expect "what only the newer version knows is named" "3 1" "$code $(grep -c "tenmint-ca.yaml:[0-9]*: .*rehearsals" "$W/said")"
        cp "$W/before.yaml" "$R/etc/tenmint-ca/tenmint-ca.yaml"
        inside sh -c "cd /root/older && $line" >"$W/said" 2>&1
        expect "$line" 0 $? ;;
    *) expect "$line" 0 $code ;;
    esac
done <"$W/guide"
serve && ok "the older version serves again" || { bad "no start"; tail -n 5 "$R/root/log"; }
digests "$W/paths" >"$W/after"
expect "each file is served as before" "" "$(diff "$W/before" "$W/after")"
sign older-tenmint back-1
sign tenmint back-2
for n in old-1 new-1 back-2; do verify older-tenmint $n; done
for n in old-1 new-2 back-1; do verify tenmint $n; done
goes_on 7
stop
echo "$fails failures"
[ "$fails" = 0 ]
