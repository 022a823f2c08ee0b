#!/usr/bin/env bash
# The shipped units under a real systemd, which is the first process of namespaces of its own: a root in
# memory with this machine's /usr, what `make install` puts there, and no network but its loopback.
# `make systemd-test`. Needs root, systemd, util-linux and a cgroup v2 hierarchy that it may write.
set -u
cd "$(dirname "$0")/.." || exit 1

# ---- the first process: makes the root and becomes systemd ----
if [ "${1:-}" = --first ]; then
    set -e
    W=$2 R=$2/root
    mount -t tmpfs -o mode=755 none "$R"
    cd "$R"
    mkdir -p usr etc/systemd/system run var/log var/tmp proc sys dev tmp root
    chmod 1777 tmp var/tmp
    chmod 700 root
    for d in bin sbin lib lib64; do ln -s "usr/$d" $d; done
    mount --bind -o ro /usr usr
    mount --bind "$W/stage" usr/local
    mount -t proc none proc
    mount -t sysfs -o ro none sys
    mountpoint -q sys/fs/cgroup || mount -t tmpfs none sys/fs/cgroup 2>/dev/null || :
    mount -t cgroup2 none sys/fs/cgroup
    mount -t tmpfs -o mode=755 none dev
    mount -t tmpfs none run
    for n in null zero full random urandom tty; do
        : >"dev/$n"
        mount --bind "/dev/$n" "dev/$n"
    done
    mkdir dev/shm
    ln -s /proc/self/fd dev/fd
    printf 'root:x:0:0:root:/root:/bin/sh\n' >etc/passwd
    printf 'root:x:0:\n' >etc/group
    : >etc/machine-id
    cp /etc/nsswitch.conf /etc/ld.so.cache etc/
    cp -a /etc/ssl /etc/alternatives etc/
    printf '[Unit]\nDescription=What the test asks for\nDefaultDependencies=no\n' >etc/systemd/system/test.target
    ip link set lo up
    # Not chroot: who is in one may make no user namespace, which PrivateUsers= is.
    mkdir old
    pivot_root . old
    cd /
    umount -l old
    rmdir old
    exec env -i container=tenmint PATH=/usr/local/bin:/usr/bin:/usr/sbin /lib/systemd/systemd --unit=test.target \
        --log-target=console --show-status=0
fi

missing() { echo "systemd-test: $*"; exit 1; }
[ "$(id -u)" = 0 ] || missing "needs root, for namespaces and a root of its own"
[ -x /lib/systemd/systemd ] || missing "needs systemd as a package (apt-get install systemd); it need not run"
for p in unshare nsenter ip curl; do command -v $p >/dev/null || missing "needs $p"; done
CGROUP=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$CGROUP" ] || missing "needs a mounted cgroup v2 hierarchy"
CGROUP=$CGROUP/tenmint-systemd.$$
mkdir "$CGROUP" 2>/dev/null || missing "needs to write to ${CGROUP%/*} (in a container: --privileged)"

W=$(mktemp -d)
FIRST=
fails=0
finish() {
    [ -z "$FIRST" ] || { kill -KILL "$FIRST" && wait "$FIRST"; } 2>/dev/null
    for _ in $(seq 50); do
        find "$CGROUP" -depth -type d -exec rmdir {} + 2>/dev/null
        [ ! -d "$CGROUP" ] || sleep 0.1
    done
    rm -rf --one-file-system "$W"
}
trap finish EXIT
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; journal | tail -n 5; fi
}

mkdir -p "$W/root" "$W/stage"
make -s install-programs DESTDIR="$W/to" PREFIX=/usr/local >"$W/said" 2>&1 || { tail -n 5 "$W/said"; exit 1; }
cp -a "$W/to/usr/local/." "$W/stage/"
cp build/tests/demo_issuer "$W/stage/bin/"
# shellcheck disable=SC2016 # the inner shell's
sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$CGROUP" \
    unshare --mount --pid --ipc --uts --net --cgroup --fork --kill-child --propagation private \
    bash "$PWD/tests/systemd.sh" --first "$W" >"$W/console" 2>&1 &
FIRST=$!
inside() { # as root in it, within 150 s
    timeout 150 nsenter -t "$PID1" -m -p -i -u -n -C -r -w env -i container=tenmint HOME=/root \
        PATH=/usr/local/bin:/usr/bin:/usr/sbin "$@"
}
journal() { inside journalctl --no-pager -q -o cat -u tenmint-ca 2>/dev/null; }
state() { inside systemctl show -P "$1" tenmint-ca; }
PID1=
for _ in $(seq 200); do
    PID1=$(cat "/proc/$FIRST/task/$FIRST/children" 2>/dev/null | tr -d ' ')
    [ -n "$PID1" ] && [ "$(inside systemctl is-system-running 2>/dev/null)" = running ] && break
    kill -0 "$FIRST" 2>/dev/null || break
    sleep 0.1
done
[ "$(inside systemctl is-system-running 2>/dev/null)" = running ] ||
    { tail -n 3 "$W/console"; missing "systemd does not run here as the first process of namespaces"; }

within() { # WHAT WANTED COMMAND...: what it prints, at some time within 60 s
    local what=$1 want=$2 got=
    shift 2
    for _ in $(seq 300); do
        got=$("$@" 2>/dev/null)
        [ "$got" != "$want" ] || break
        sleep 0.2
    done
    expect "$what" "$want" "$got"
}
code() { # PATH [SECONDS]
    inside curl -s -o /dev/null --max-time "${2:-5}" -w '%{http_code}' "http://127.0.0.1:5555$1"
}
issue() { # what becomes of a token
    inside sh -c 'curl -sS --max-time 10 -X POST "$(head -n 1 /root/issuer)/token" >/root/token && rm -rf /root/out &&
        tenmint cert --ca http://127.0.0.1:5555 --token-file /root/token --out /root/out --log-key /etc/tenmint-ca/log.pem' \
        >"$W/said" 2>&1
    echo $?
}

# ---- as an administrator does it ----
inside systemd-sysusers >"$W/said" 2>&1
expect "the units' users are made" 0 $?
inside sh -c 'setsid demo_issuer >/root/issuer 2>&1 </dev/null &'
within "an issuer" 1 inside grep -c http:// /root/issuer
inside sh -c 'tenmint-ca init /etc/tenmint-ca --all --url http://127.0.0.1:5555 --organization Test &&
    i=$(head -n 1 /root/issuer) && printf "oidc-issuers:\n  \"%s\": {issuer-url: \"%s\", client-id: sigstore, type: github-workflow}\n" \
    "$i" "$i" >/etc/tenmint-ca/issuers.yaml' >"$W/said" 2>&1
expect "init makes a configuration" 0 $?
if ! inside systemd-run -q --wait -p PrivateDevices=yes /bin/true >/dev/null 2>&1; then
    echo "note PrivateDevices=yes is left out: no device files can be made in this place"
    inside sh -c 'mkdir -p /run/systemd/system/tenmint-ca.service.d &&
        printf "[Service]\nPrivateDevices=no\n" >/run/systemd/system/tenmint-ca.service.d/place.conf && systemctl daemon-reload'
fi
inside systemctl start tenmint-ca >"$W/said" 2>&1
started=$?
expect "the service starts" 0 $started
[ $started = 0 ] || { inside systemctl --no-pager -l status tenmint-ca; journal | tail -n 20; exit 1; }
expect "and is active by its own word" "active running notify" "$(state ActiveState) $(state SubState) $(state Type)"
expect "it answers" 200 "$(code /healthz)"
within "it is ready" 200 code /readyz
expect "a certificate" 0 "$(issue)"
main=$(state MainPID)
expect "as its user, without rights, filtered" "tenmint-ca 0000000000000000 1 2" \
    "$(inside sh -c 's=/proc/$0/status; echo "$(stat -c %U /proc/$0) $(awk "/^CapBnd/ { print \$2 }" $s) $(awk "/^NoNewPrivs/ { print \$2 }" $s) $(awk "/^Seccomp:/ { print \$2 }" $s)"' "$main")"

inside sh -c 'printf "limits: {identity-per-minute: 1000}\n" >>/etc/tenmint-ca/tenmint-ca.yaml'
inside systemctl reload tenmint-ca
expect "reload" 0 $?
named() { journal | grep -q "$1" && echo yes; }
said() { journal | grep -c "$1"; }
within "takes up a changed configuration" 1 said 'the next generation serves'
expect "in the same service" "$main" "$(state MainPID)"
expect "a certificate after it" 0 "$(issue)"

inside systemctl restart tenmint-ca
expect "restart" 0 $?
expect "a certificate after it" 0 "$(issue)"
before=$(state NRestarts)
inside sh -c 'kill -KILL "$(pgrep -u tenmint-ca | tail -n 1)"'
within "one of its processes is killed: all end, and it is started again" $((before + 1)) state NRestarts
within "ready again" 200 code /readyz
expect "a certificate after it" 0 "$(issue)"

# The log's key: without it nothing starts, and nobody is told that it has.
inside mv /etc/tenmint-ca/log.key /root/log.key
inside systemctl restart tenmint-ca >"$W/said" 2>&1
expect "without the log's key no start" 1 $?
within "the reason names it" yes named 'log\.key'
tries() { local n; n=$(state NRestarts); [ "${n:-0}" -ge 8 ] && echo enough; }
within "it is tried for longer than systemd's own patience, five times in 10 s" enough tries
inside mv /root/log.key /etc/tenmint-ca/log.key
within "and starts when the key is there" active state ActiveState
within "and is ready" 200 code /readyz

# The first process stands still: the watchdog ends it.
inside sh -c 'mkdir -p /run/systemd/system/tenmint-ca.service.d &&
    printf "[Service]\nWatchdogSec=3\n" >/run/systemd/system/tenmint-ca.service.d/soon.conf && systemctl daemon-reload && systemctl restart tenmint-ca'
expect "with a watchdog of 3 s" 0 $?
sleep 7
expect "which it feeds" 0 "$(state NRestarts)"
inside kill -STOP "$(state MainPID)"
within "a server that hangs is started anew" 1 state NRestarts
within "ready again" 200 code /readyz

# systemd has the address: who comes while the service restarts waits.
inside systemctl stop tenmint-ca
expect "stop" "0 success inactive" "$? $(state Result) $(state ActiveState)"
expect "leaves no process" "" "$(inside pgrep -u tenmint-ca)"
inside systemctl start tenmint-ca.socket
expect "the socket alone" 0 $?
expect "starts the service for who comes" 200 "$(code /healthz 60)"
inside sh -c 'for i in $(seq 40); do curl -s -o /dev/null --max-time 30 -w "%{http_code}\n" http://127.0.0.1:5555/healthz; done >/root/codes & systemctl restart tenmint-ca; wait'
expect "of 40 requests around a restart none is refused" "40 200" "$(inside sort /root/codes | uniq -c | xargs)"
inside systemctl stop tenmint-ca.socket tenmint-ca
expect "both end" 0 $?
[ "$fails" = 0 ] && echo "systemd-test: all as expected"
exit $((fails > 0))
