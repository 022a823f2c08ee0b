#!/usr/bin/env bash
# libtenmint-verify as another program has it: installed into a scratch prefix, found by pkg-config,
# and used from C and C++, shared and static.
set -u
cd "$(dirname "$0")/../.."
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
fails=0
ok() { echo "ok   $*"; }
bad() { echo "FAIL $*"; fails=$((fails + 1)); }
expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then ok "$1"; else bad "$1: want '$2', got '$3'"; fi
}

make -s -j2 install-lib PREFIX="$W/usr" >"$W/make" 2>&1 || { tail -n 5 "$W/make"; exit 1; }
export PKG_CONFIG_PATH=$W/usr/lib/pkgconfig
cat >"$W/use.c" <<'END'
#include <stdio.h>
#include <tenmint-verify.h>

int main(int argc, char **argv)
{
    tenmint_verifier *v = tenmint_verifier_new();
    enum tenmint_outcome outcome;
    if (v == NULL || argc != 3)
        return 9;
    outcome = tenmint_trust_file(v, argv[1]);
    if (outcome == TENMINT_OK)
        outcome = tenmint_expect_issuer(v, "https://issuer.example.com");
    if (outcome == TENMINT_OK)
        outcome = tenmint_verify(v, argv[2], 2, "x", 1);
    if (outcome == TENMINT_USAGE)
        outcome = tenmint_expect_identity(v, "dev@example.com");
    if (outcome == TENMINT_OK)
        outcome = tenmint_verify(v, argv[2], 2, "x", 1);
    puts(outcome == TENMINT_OK ? "verified" : tenmint_message(v));
    tenmint_verifier_free(v);
    return (int)outcome;
}
END
cp "$W/use.c" "$W/use.cc"
echo '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}' >"$W/root.json"
build() { # NAME COMPILER FILE ARGUMENTS...
    local out=$W/$1 cc=$2 file=$3
    shift 3
    $cc -Wall -Wextra -Werror $(pkg-config --cflags libtenmint-verify) -o "$out" "$file" "$@" 2>"$W/err" ||
        bad "$out does not build: $(head -n 3 "$W/err")"
}
build c_shared "gcc -std=c99" "$W/use.c" $(pkg-config --libs libtenmint-verify)
build cc_shared g++ "$W/use.cc" $(pkg-config --libs libtenmint-verify)
rm "$W/usr/lib/libtenmint-verify.so" # so that only the archive is there to link with
build c_static "gcc -std=c99" "$W/use.c" $(pkg-config --static --libs libtenmint-verify)
build cc_static g++ "$W/use.cc" $(pkg-config --static --libs libtenmint-verify)
export LD_LIBRARY_PATH=$W/usr/lib
for p in c_shared cc_shared c_static cc_static; do
    "$W/$p" "$W/root.json" '{}' >"$W/out" 2>&1
    expect "$p: a bundle that is none is bad" 1 $?
    grep -q verificationMaterial "$W/out" && ok "$p: and says why" || bad "$p: said $(cat "$W/out")"
    "$W/$p" "$W/none.json" '{}' >"$W/out" 2>&1
    expect "$p: a missing trusted root is not known" 6 $?
done
case $(ldd "$W/c_static") in *tenmint*) bad "the static program loads the library" ;; *) ok "the static program stands alone" ;; esac
expect "only the header's names are exported" "" \
    "$(nm -D --defined-only "$W/usr/lib/libtenmint-verify.so.0" | awk '$2 != "A" { print $3 }' | grep -v '^tenmint_')"
expect "and only they are global in the archive" "" \
    "$(nm -g --defined-only "$W/usr/lib/libtenmint-verify.a" | awk 'NF == 3 { print $3 }' | grep -v '^tenmint_')"
expect "it needs no HTTP server, TLS server or JWT library" "" \
    "$(objdump -p "$W/usr/lib/libtenmint-verify.so.0" | grep NEEDED | grep -E 'microhttpd|gnutls|jwt|p11|yaml|systemd')"
echo "$fails failures"
[ "$fails" = 0 ]
