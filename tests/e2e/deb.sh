#!/usr/bin/env bash
# The Debian packages: built in two places they are the same bytes; lintian has nothing to say; units
# are well formed; what is in them runs, and the SBOM names what it is linked with.
set -u
. "$(dirname "$0")/../begin.bash"
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; fi
}
for place in "$W/one" "$W/another/deep"; do
    mkdir -p "$place"
    sh config/deb.sh "$place" >"$W/build.log" 2>&1 || { tail -n 20 "$W/build.log"; exit 1; }
done
expect "six packages" 6 "$(ls "$W"/one/*.deb | wc -l)"
for deb in "$W"/one/*.deb; do
    cmp -s "$deb" "$W/another/deep/$(basename "$deb")" && ok "$(basename "$deb") is reproducible" ||
        bad "$(basename "$deb") differs between two builds"
    dpkg-deb -x "$deb" "$W/root"
done
dpkg-deb -e "$W"/one/tenmint-ca_*.deb "$W/control"
expect "the service is enabled" 1 "$(grep -c "enable 'tenmint-ca.service'" "$W/control/postinst")"
expect "the socket is where a person has done so" 1 "$(grep -c "debian-installed 'tenmint-ca.socket'" "$W/control/postinst")"
expect "the socket is not started" "" "$(grep "_dh_action.*tenmint-ca.socket" "$W/control/postinst")"
expect "nor stopped by an upgrade" "" "$(grep 'tenmint-ca.socket' "$W/control/preinst")"
lintian --fail-on error,warning --allow-root "$W"/one/*.changes >"$W/lintian" 2>&1
expect "lintian: $(head -n 3 "$W/lintian" | tr '\n' ' ')" 0 $?
for p in tenmint tenmint-ca tenmint-log tenmint-tuf; do
    expect "$p runs" 0 "$("$W/root/usr/bin/$p" version >/dev/null 2>&1; echo $?)"
    python3 - "$W/root/usr/share/doc/$p/sbom.spdx.json" <<'END' && ok "$p has its SBOM" || bad "the SBOM of $p"
import json, sys
s = json.load(open(sys.argv[1]))
names = {p["name"]: p["versionInfo"] for p in s["packages"]}
assert s["spdxVersion"] == "SPDX-2.3" and names["libssl3"][0].isdigit() and names["libc6"][0].isdigit()
ids = [p["SPDXID"] for p in s["packages"]]
assert len(ids) == len(set(ids))
assert {r["relatedSpdxElement"] for r in s["relationships"]} == set(ids)
END
done
if command -v systemd-analyze >/dev/null; then
    # Programs are looked for where the unit says: there are none here.
    systemd-analyze verify --man=no "$W"/root/lib/systemd/system/*.service "$W"/root/lib/systemd/system/*.timer 2>&1 |
        grep 'tenmint' | grep -v 'is not executable\|Unit .* not found\|bad-setting' >"$W/units"
    expect "systemd finds nothing wrong in the units" "" "$(cat "$W/units")"
fi
echo "$fails failures"
[ "$fails" = 0 ]
