#!/usr/bin/env bash
# make install into a scratch root, what was installed at work, and make uninstall.
set -u
cd "$(dirname "$0")/../.."
W=$(mktemp -d)
SERVER=
trap '[ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null; rm -rf "$W"' EXIT
fails=0
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; fi
}
owner() { stat -c '%U:%a' "$1"; }

D=$W/root P=/opt/tenmint
make -s -j2 install DESTDIR="$D" PREFIX=$P >"$W/make" 2>&1 || { tail -n 5 "$W/make"; exit 1; }
for p in tenmint tenmint-ca tenmint-log tenmint-tuf; do
    expect "$p runs" 0 "$("$D$P/bin/$p" version >"$W/out" 2>&1; echo $?)"
done
for f in lib/systemd/system/tenmint-ca.service lib/systemd/system/tenmint-tuf-refresh.timer lib/sysusers.d/tenmint-ca.conf \
    share/doc/tenmint/README.md share/doc/tenmint/examples/tenmint-ca.yaml lib/libtenmint-verify.so.0 include/tenmint-verify.h; do
    [ -s "$D$P/$f" ] && ok "$f is there" || bad "$f is not installed"
done
expect "the units call what was installed" "" \
    "$(grep -h '^Exec' "$D$P"/lib/systemd/system/*.service | grep tenmint | grep -v "=[^ ]*$P/bin/tenmint\| $P/bin/tenmint")"
expect "the shipped examples load" 0 "$(cd "$D$P/share/doc/tenmint/examples" && "$D$P/bin/tenmint-tuf" init "$W/tuf" \
    --policy tenmint-tuf.yaml >"$W/out" 2>&1; echo $?)"
for f in "$D$P"/share/doc/tenmint/examples/issuers/*.yaml; do
    expect "issuers/$(basename "$f") loads" 0 "$("$D$P/bin/tenmint-ca" check-config "$f" >"$W/out" 2>&1; echo $?)"
done
expect "issuer examples" 10 "$(ls "$D$P"/share/doc/tenmint/examples/issuers | wc -l)"
# The steps for CI: each option of tenmint in them is one that the program has; the one job that may sign
# builds nothing; actions are pinned, and leave no credentials behind.
for f in config/ci/*.yml; do
    python3 - "$f" <<'END' || bad "$f is not what it should be"
import re, subprocess, sys, textwrap
text = open(sys.argv[1]).read()
assert "\t" not in text
uses = re.findall(r"tenmint (trust init|sign)(.*)", text)
assert [u[0] for u in uses] == ["trust init", "sign"], uses
for command, words in uses:
    help = subprocess.run(["build/tenmint", *command.split(), "--help"], capture_output=True, text=True).stdout
    for option in re.findall(r"--[a-z-]+", words):
        assert f"  {option} " in help, option
head, _, jobs = text.rpartition("\njobs:\n")
jobs = re.split(r"^(?=[a-z-]+:$)", textwrap.dedent(jobs), flags=re.M)
may_sign = [j for j in [head, *jobs] if re.search(r"id-token: write|id_tokens:", j)]
assert len(may_sign) == 1 and may_sign[0].startswith("sign:\n"), may_sign
assert sum("make dist" in j for j in jobs) == 1 and not re.search(r"\b(make|npm|go|cargo|docker|sh) ", may_sign[0])
for action in re.findall(r"uses: (.*)", text):
    assert re.fullmatch(r"[a-z/-]+@[0-9a-f]{40} # v[0-9.]+", action), action
assert text.count("actions/checkout@") == text.count("persist-credentials: false")
END
done

# What root makes, the unit's user reads; the root key it does not.
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$W"
    as_user() { setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups "$@"; }
    "$D$P/bin/tenmint-ca" init "$W/ca" --user nobody --log-origin ca.example.com/log >"$W/out" 2>&1
    expect "init --user" 0 $?
    expect "the folder stays root's" root:750 "$(owner "$W/ca")"
    expect "the root key stays root's" root:600 "$(owner "$W/ca/root.key")"
    expect "the configuration stays root's" root:644 "$(owner "$W/ca/tenmint-ca.yaml")"
    expect "the password is the server's" nobody:600 "$(owner "$W/ca/password")"
    expect "the user may start it" 0 "$(as_user "$D$P/bin/tenmint-ca" check-config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1; echo $?)"
    setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups "$D$P/bin/tenmint-ca" serve --config "$W/ca/tenmint-ca.yaml" --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0 \
        >"$W/log" 2>&1 &
    SERVER=$!
    for _ in $(seq 100); do grep -q '"message":"listening"' "$W/log" 2>/dev/null && break; sleep 0.1; done
    grep -q '"message":"listening"' "$W/log" && ok "it serves as that user" || bad "it does not serve: $(tail -n 2 "$W/log")"
    kill -TERM "$SERVER"
    wait "$SERVER"
    expect "and stops in order" 0 $?
    SERVER=
    "$D$P/bin/tenmint-ca" log create "$W/ca/log-2027" --origin ca.example.com/log/2027 --user nobody \
        --password-file "$W/ca/password" >"$W/out" 2>&1
    expect "log create --user" 0 $?
    expect "the new log's key is the server's" nobody:600 "$(owner "$W/ca/log-2027.key")"
    expect "and its files are" "" "$(find "$W/ca/log-2027" ! -user nobody)"
    "$D$P/bin/tenmint-ca" rotate "$W/ca" >"$W/out" 2>&1 && "$D$P/bin/tenmint-ca" rotate "$W/ca" --activate >"$W/out" 2>&1
    expect "rotate by root" 0 $?
    expect "the user may read the new key" 0 "$(as_user "$D$P/bin/tenmint-ca" check-config "$W/ca/tenmint-ca.yaml" >"$W/out" 2>&1; echo $?)"
    "$D$P/bin/tenmint-ca" init "$W/ca2" --user no-such-user >"$W/out" 2>&1
    expect "init for a user that there is not" 2 $?
    [ ! -e "$W/ca2" ] && ok "and makes nothing" || bad "init left $W/ca2"
fi

make -s install-programs BUILD=build DESTDIR="$W/etc" PREFIX=/usr SYSCONFDIR=/srv/etc >"$W/make" 2>&1
grep -q -- '--config /srv/etc/tenmint-ca/tenmint-ca.yaml' "$W/etc/usr/lib/systemd/system/tenmint-ca.service" &&
    ok "SYSCONFDIR reaches the unit" || bad "the unit does not name SYSCONFDIR"
mkdir "$W/none"
PKG_CONFIG_LIBDIR=$W/none PKG_CONFIG_PATH= make -n all >"$W/out" 2>&1
expect "make without the libraries fails" 2 $?
grep -q 'make deps' "$W/out" && ok "and says make deps" || bad "make without the libraries says $(head -n 2 "$W/out")"
make -s uninstall DESTDIR="$D" PREFIX=$P >"$W/make" 2>&1
expect "uninstall leaves no file" "" "$(find "$D" ! -type d)"
echo "$fails failures"
[ "$fails" = 0 ]
