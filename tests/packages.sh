#!/usr/bin/env bash
# The packages in a fresh Debian 12: the guide of tenmint-operating(7) typed line by line, the service run
# as its unit runs it, upgraded, restored from its backup, removed, purged. `make package-test`.
# Needs root and debootstrap. TENMINT_ROOT: a Debian root that is there already; it is copied.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/package.bash

sh config/deb.sh "$W/deb" >"$W/said" 2>&1 || { tail -n 20 "$W/said"; exit 1; }
cp "$W"/deb/*.deb "$R/root/"
guide_lines tools/shared/tenmint-operating.7 "FROM NOTHING" >"$W/guide"
type_guide "$W/guide" 9
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

# And what the README has for who begins anew.
inside apt-get purge -y tenmint-ca tenmint-tuf tenmint-log >"$W/said" 2>&1
rm -rf "$R/etc/tenmint-ca" "$R/var/lib/tenmint-tuf"
readme_lines "Running it" >"$W/guide"
type_guide "$W/guide" 5
expect "the README's service has its first root" 200 \
    "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:5555/tuf/1.root.json)"
stop

# A client for CI jobs: few shared objects.
inside sh -c 'cd /root && apt-get install -y ./tenmint_*.deb' >"$W/said" 2>&1
expect "the client" 0 $?
expect "loads few shared objects" 1 "$(($(inside ldd /usr/bin/tenmint | grep -c '=>') <= 14))"
echo "the client loads $(inside ldd /usr/bin/tenmint | grep -c '=>') shared objects"
DEBS=$W/deb bash tests/upgrade.sh || bad "the upgrade from an older version"
echo "$fails failures"
[ "$fails" = 0 ]
