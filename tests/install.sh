#!/bin/sh
# Installs what is missing: `install.sh build` to build, `demo` for make demo, `tests` for make check.
set -eu
build="gcc make pkg-config libssl-dev libcurl4-openssl-dev libmicrohttpd-dev libnghttp2-dev libprotobuf-c-dev protobuf-c-compiler zlib1g-dev
libjansson-dev libjwt-dev libyaml-dev libsystemd-dev libp11-dev libp11-kit-dev libpcre2-dev libmimalloc-dev libseccomp-dev libsqlite3-dev libpq-dev libhiredis-dev openssl curl
ca-certificates"
tests="$build clang-14 libclang-rt-14-dev llvm-14 clang-tidy-14 clang-format-14
libcmocka-dev softhsm2 opensc faketime mandoc zsh fish
debhelper dpkg-dev lintian"
# Interop peers run on Python, Go 1.19, Java 17 and Node.js 18 or newer, from wherever they are installed.
tests="$tests python3 python3-venv python3-cryptography"
command -v go >/dev/null 2>&1 || tests="$tests golang-go"
command -v npm >/dev/null 2>&1 || tests="$tests nodejs npm"
command -v javac >/dev/null 2>&1 || tests="$tests default-jdk-headless"
command -v mvn >/dev/null 2>&1 || tests="$tests maven"
tests="$tests haproxy nginx postgresql redis-server prometheus"
case "${1:-}" in
build) want=$build ;;
demo) want="$build faketime" ;;
tests) want=$tests ;;
*) echo "usage: install.sh build|demo|tests" >&2; exit 2 ;;
esac
missing=
for p in $want; do
    state=$(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true)
    [ "$state" = "install ok installed" ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
run=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "please install as root:$missing" >&2; exit 1; }
    run=sudo
fi
echo "installing:$missing"
$run apt-get update -qq
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
