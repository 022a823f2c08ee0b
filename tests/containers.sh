#!/usr/bin/env bash
# The images of config/container, built and at work: `make container-test`. Each has its program, the
# libraries of it and nothing else to run; it works with a read-only root as a user without rights. The
# whole start of the chart's pod is typed with them: init, a second init, serve, refresh. Then the chart.
# Needs root, and no registry: the base is a Debian of debootstrap, or TENMINT_ROOT as in package-test.
set -u
cd "$(dirname "$0")/.." || exit 1
[ "$(id -u)" = 0 ] || { echo "container-test: needs root, for buildah's chroot isolation"; exit 1; }
for p in buildah bwrap debootstrap setpriv python3 go; do
    command -v $p >/dev/null || missing="${missing:-} $p"
done
[ -z "${missing:-}" ] || { echo "container-test: missing:$missing (apt-get install buildah bubblewrap debootstrap golang-go)"; exit 1; }
W=$(mktemp -d)
chmod 755 "$W"
fails=0
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; tail -n 5 "$W/said"; fi; }
: >"$W/said"
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
B=(buildah --root "$W/storage" --runroot "$W/runroot")
finish() {
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null
    "${B[@]}" rm --all >/dev/null 2>&1
    rm -rf --one-file-system "$W"
}
trap finish EXIT
. tests/install-root.bash

root=$(debian_root "$W/debian") || exit 1
base=$("${B[@]}" from scratch) && "${B[@]}" add -q "$base" "$root" / >"$W/said" 2>&1 &&
    "${B[@]}" commit -q "$base" localhost/debian >"$W/said" 2>&1 || { tail -n 5 "$W/said"; exit 1; }
"${B[@]}" rm "$base" >"$W/said" && rm -rf --one-file-system "$W/debian"
mkdir "$W/tree" && git ls-files -z | tar --null -T - -c | tar -x -C "$W/tree"
for p in tenmint-ca tenmint-tuf tenmint-log tenmint; do
    "${B[@]}" build --layers --pull-never --build-arg BASE=localhost/debian --target "$p" -t "localhost/$p" \
        -f "$W/tree/config/container/Containerfile" "$W/tree" >"$W/said" 2>&1
    code=$?; expect "$p is built" 0 $code; [ $code = 0 ] || exit 1
    "${B[@]}" inspect --type image "localhost/$p" >"$W/$p.json" 2>"$W/said" || { bad "no image $p"; continue; }
    expect "$p: user and entry point" "65532:65532 /usr/bin/$p" "$(python3 -c '
import json, sys
c = json.load(open(sys.argv[1]))["OCIv1"]["config"]
print(c["User"], *c["Entrypoint"])' "$W/$p.json")"
    made=$("${B[@]}" from "localhost/$p")
    cp -a "$("${B[@]}" mount "$made")" "$W/$p" && "${B[@]}" rm "$made" >"$W/said"
    programs=$p
    [ $p != tenmint-log ] || programs="$p $p-witness" # which the former starts
    expect "$p: nothing else to run" "$programs" \
        "$(find "$W/$p" -type f -perm /111 ! -name '*.so' ! -name '*.so.*' -printf '%f\n' | sort | xargs)"
    expect "$p: no shell, by any name" "" "$(find "$W/$p" \( -name '*sh' -o -name 'busybox*' \) ! -type d)"
    expect "$p: no file with another's rights" "" "$(find "$W/$p" -type f -perm /6000)"
    expect "$p: no file that its user could change" "" "$(find "$W/$p" ! -type l -perm /022 ! -path '*/tmp')"
    expect "$p: its SBOM" "SPDX-2.3" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["spdxVersion"])' \
        "$W/$p/usr/share/doc/$p/sbom.spdx.json" 2>&1)"
    mkdir -p "$W/$p/proc" "$W/$p/dev" "$W/$p/data" # what a runtime mounts
    echo "$p: $(du -sm "$W/$p" | cut -f1) MiB, $(find "$W/$p" -name '*.so*' -type f | wc -l) shared objects"
done

mkdir "$W/data" && chown 65532:65532 "$W/data"
within() { # PROGRAM WORD...: as a runtime would: its root read-only, its user, no rights, a volume
    setpriv --reuid 65532 --regid 65532 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs \
        bwrap --unshare-user --unshare-pid --die-with-parent --ro-bind "$W/$1" / --proc /proc --dev /dev --tmpfs /tmp \
        --bind "$W/data" /data --clearenv "/usr/bin/$1" "${@:2}" >"$W/said" 2>&1
}
for p in tenmint-ca tenmint-tuf tenmint-log tenmint; do within "$p" version; expect "$p runs" 0 $?; done
within tenmint-log witness --name w.example.com --key /data/w.key --new-key; expect "so does its witness" 0 $?
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
URL=http://127.0.0.1:$PORT
init=(tenmint-ca init /data/ca --if-missing --all --url "$URL")
within "${init[@]}"; expect "the pod's first start makes it" "0 1" "$? $(grep -c '^wrote /data/ca$' "$W/said")"
keys=$(sha256sum "$W"/data/ca/*.key)
within "${init[@]}"; expect "its second start finds it" "0 1" "$? $(grep -c 'nothing was made$' "$W/said")"
expect "and leaves the keys" "$keys" "$(sha256sum "$W"/data/ca/*.key)"
within tenmint-ca init /elsewhere
expect "its root cannot be written" "1 1" "$? $(grep -c 'Read-only file system' "$W/said")"
(within tenmint-ca serve --config /data/ca/tenmint-ca.yaml --metrics-listen 127.0.0.1:0) &
server=$!
code() { curl -s -o /dev/null -w '%{http_code}' "$URL$1"; }
for _ in $(seq 100); do [ "$(code /healthz)" != 200 ] || break; sleep 0.2; done
expect "it serves" "200 200" "$(code /healthz) $(code /tuf/1.root.json)"
within tenmint-log verify "$URL/log" --key /data/ca/log.pem; expect "its log verifies, by another image" 0 $?
within tenmint-tuf refresh --dir /data/ca/tuf; expect "its dates are renewed, by another image" 0 $?
within tenmint trust init --root /data/ca/tuf/published/1.root.json --metadata-url "$URL/tuf" --dir /data/trust
expect "the client trusts it, by another image" 0 $?
kill $(pgrep -P "$server") 2>/dev/null
wait "$server"
server=

bash tests/chart.sh || fails=$((fails + 1))
echo "$fails failures"
[ "$fails" = 0 ]
