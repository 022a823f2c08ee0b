#!/usr/bin/env bash
# The packages in a fresh Debian 12: the guide of tenmint-operating(7) typed line by line, the service run
# as its unit runs it, upgraded, restored from its backup, removed, purged. `make package-test`.
# Needs root and debootstrap. TENMINT_ROOT: a Debian root that is there already; it is copied.
set -u
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" = 0 ] || { echo "package-test: needs root, for chroot"; exit 1; }
W=$(mktemp -d)
R=$W/root
fails=0 service=
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; tail -n 5 "$W/said"; fi; }
finish() {
    [ -z "$service" ] || kill "$service" 2>/dev/null
    umount "$R/proc" 2>/dev/null
    rm -rf --one-file-system "$W"
}
trap finish EXIT
inside() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }

. tests/install-root.bash
debian_root "$R" >"$W/said" || exit 1
echo 'APT::Get::Assume-Yes "true";' >"$R/etc/apt/apt.conf.d/90yes" # the guide is for a person
mount -t proc proc "$R/proc" || exit 1

sh config/deb.sh "$W/deb" >"$W/said" 2>&1 || { tail -n 20 "$W/said"; exit 1; }
cp "$W"/deb/*.deb "$R/root/"
inside apt-get update -qq >"$W/said" 2>&1 || { tail -n 3 "$W/said"; exit 1; }

# The first literal block of the guide: a line each, those that end in a backslash joined.
sed -n '/^\.Sh FROM NOTHING/,/^\.Ed/p' tools/shared/tenmint-operating.7 | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' |
    sed 's/\\e$/\\/' | sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}' >"$W/guide"
expect "the guide has lines" 1 "$(($(wc -l <"$W/guide") > 8))"

# What systemd would do: the unit's user, in its folder, with the socket's readiness.
serve() {
    : >"$R/root/log"
    chroot --userspec=tenmint-ca:tenmint-ca "$R" env -i PATH=/usr/bin \
        /usr/bin/tenmint-ca serve --config /etc/tenmint-ca/tenmint-ca.yaml >"$R/root/log" 2>&1 &
    service=$!
    for _ in $(seq 200); do
        ! grep -q '"message":"listening"' "$R/root/log" || return 0
        kill -0 "$service" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
stop() { kill "$service"; wait "$service"; expect "it stops in order" 0 $?; service=; }

cwd=/root
while IFS= read -r line; do
    case $line in
    cd\ *) cwd=${line#cd } ;;
    systemctl\ *)
        for unit in ${line#systemctl enable --now }; do
            expect "$unit is installed" 1 "$(ls "$R/lib/systemd/system/$unit" 2>/dev/null | wc -l)"
        done
        serve && ok "the service starts as its user" || { bad "the service does not start"; tail -n 5 "$R/root/log"; } ;;
    curl\ *)
        got=1
        for _ in $(seq 50); do inside sh -c "$line" >"$W/said" 2>&1 && got=0 && break; sleep 0.3; done
        expect "$line" 0 $got ;;
    *)
        inside sh -c "cd $cwd && $line" >"$W/said" 2>&1
        expect "$line" 0 $? ;;
    esac
done <"$W/guide"
for p in tenmint-ca tenmint-tuf tenmint-log; do inside "$p" version >"$W/said" 2>&1; expect "$p runs" 0 $?; done
expect "the user of the service" /usr/sbin/nologin "$(awk -F: '$1 == "tenmint-ca" { print $7 }' "$R/etc/passwd")"
expect "the root key is not its" 0 "$(chroot --userspec=tenmint-ca "$R" cat /root/offline/root.key 2>/dev/null | wc -l)"
expect "the first root is served" 200 "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5555/tuf/1.root.json)"
expect "people see its state" 200 "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5555/)"
chroot --userspec=tenmint-tuf:tenmint-tuf "$R" tenmint-tuf refresh --dir /var/lib/tenmint-tuf >"$W/said" 2>&1
expect "the refreshing unit's user can renew" 0 $?
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify --man=no --root="$R" "$R"/lib/systemd/system/tenmint-*.service "$R"/lib/systemd/system/tenmint-*.timer 2>&1 |
        grep tenmint | grep -v 'bad-setting' >"$W/said"
    expect "systemd finds nothing wrong" "" "$(cat "$W/said")"
fi
entries() { curl -s http://127.0.0.1:5555/log/checkpoint | sed -n 2p; }
before=$(entries)
key=$(sha256sum <"$R/etc/tenmint-ca/intermediate.key")

# Backup, upgrade, and a machine that was lost.
backup=$(sed -n '/^\.Sh BACKUP/,/^\.Ed/p' tools/shared/tenmint-operating.7 | grep '^tar ')
inside sh -c "$backup" >"$W/said" 2>&1
expect "$backup" 0 $?
for deb in "$R"/root/tenmint*.deb; do
    dpkg-deb -R "$deb" "$W/newer" && sed -i 's/^Version: \(.*\)/Version: \1+1/' "$W/newer/DEBIAN/control" &&
        dpkg-deb -b "$W/newer" "$R/root/newer_$(basename "$deb")" >"$W/said" 2>&1
    rm -rf "$W/newer"
done
inside sh -c 'cd /root && apt-get install -y ./newer_tenmint-ca_*.deb ./newer_tenmint-tuf_*.deb ./newer_tenmint-log_*.deb' >"$W/said" 2>&1
expect "upgrade" 0 $?
stop
serve && ok "it starts after the upgrade" || bad "no start after the upgrade"
expect "with its log" "$before" "$(entries)"
expect "and its key" "$key" "$(sha256sum <"$R/etc/tenmint-ca/intermediate.key")"
stop

inside apt-get remove -y tenmint-ca tenmint-tuf tenmint-log >"$W/said" 2>&1
expect "remove" 0 $?
expect "leaves no program" 0 "$(ls "$R"/usr/bin/tenmint* 2>/dev/null | wc -l)"
expect "leaves the keys" "$key" "$(sha256sum <"$R/etc/tenmint-ca/intermediate.key")"
inside apt-get purge -y tenmint-ca tenmint-tuf tenmint-log >"$W/said" 2>&1
expect "purge" 0 $?
expect "says that keys are left" 1 "$(grep -c 'tenmint-ca: /etc/tenmint-ca has keys' "$W/said")"
rm -rf "$R/etc/tenmint-ca" "$R/var/lib/tenmint-tuf"
inside sh -c 'cd /root && apt-get install -y ./tenmint-ca_*.deb ./tenmint-tuf_*.deb ./tenmint-log_*.deb && tar -C / -xzf /root/tenmint-backup.tar.gz' >"$W/said" 2>&1
expect "installed anew, from the backup" 0 $?
serve && ok "it starts from the backup" || { bad "no start from the backup"; tail -n 3 "$R/root/log"; }
expect "and is ready" 200 "$(for _ in $(seq 50); do c=$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5555/readyz); [ "$c" = 200 ] && break; sleep 0.3; done; echo "$c")"
stop

# A client for CI jobs: few shared objects.
inside sh -c 'cd /root && apt-get install -y ./tenmint_*.deb' >"$W/said" 2>&1
expect "the client" 0 $?
expect "loads few shared objects" 1 "$(($(inside ldd /usr/bin/tenmint | grep -c '=>') <= 14))"
echo "the client loads $(inside ldd /usr/bin/tenmint | grep -c '=>') shared objects"
echo "$fails failures"
[ "$fails" = 0 ]
