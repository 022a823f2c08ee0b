#!/usr/bin/env bash
# libtenmint-verify as another program has it: installed into a scratch prefix, found by pkg-config,
# and used from C and C++, shared and static.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
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

/* use ROOT BUNDLE ARTIFACT ISSUER IDENTITY */
int main(int argc, char **argv)
{
    const char *name, *detail;
    size_t i;
    tenmint_verifier *v = tenmint_verifier_new();
    enum tenmint_outcome outcome;
    if (v == NULL || argc != 6)
        return 9;
    outcome = tenmint_trust_file(v, argv[1]);
    if (outcome == TENMINT_OK)
        outcome = tenmint_expect_issuer(v, argv[4]);
    if (outcome == TENMINT_OK && tenmint_verify_file(v, argv[2], argv[3]) != TENMINT_USAGE)
        return 10; /* nobody is expected yet */
    if (outcome == TENMINT_OK)
        outcome = tenmint_expect_identity(v, argv[5]);
    if (outcome == TENMINT_OK)
        outcome = tenmint_verify_file(v, argv[2], argv[3]);
    puts(outcome == TENMINT_OK ? "verified" : tenmint_message(v));
    for (i = 0; tenmint_check(v, i, &name, &detail) != -2; i++)
        printf("%d %s: %s\n", tenmint_check(v, i, &name, &detail), name, detail);
    tenmint_verifier_free(v);
    return (int)outcome;
}
END
cp "$W/use.c" "$W/use.cc"
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

# Signed as a user signs it; a trusted root that names who vouched, and one in which they have ended.
start_issuer && start_ct_log && start_tsa && start_logged_ca || exit 1
trust() { "$B/tenmint-tuf" trust "$@" --folder "$W/tr" >"$W/said" 2>&1 || bad "trust $*: $(cat "$W/said")"; }
mkdir "$W/tr"
trust add-ca --offline --url "$CA" --chain "$W/ca.pem"
trust add-ctlog --offline --url "$LOG" --key "$LOG_KEY"
trust add-tsa --offline --url "$TSA" --chain "$W/tsa.pem"
cp "$W/tr/trusted_root.json" "$W/root.json"
sleep 1 # a certificate's times are whole seconds: its issue must not lie before the window
echo "what was built" >"$W/app"
echo "something else" >"$W/other"
(umask 077 && mint >"$W/token")
"$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/signing" --log-key "$LOG_KEY" >"$W/said" 2>&1 &&
    "$B/tenmint" sign --cert-dir "$W/signing" --tsa "$TSA" --bundle "$W/stamped.json" "$W/app" >"$W/said" 2>&1 &&
    "$B/tenmint" sign --cert-dir "$W/signing" --bundle "$W/plain.json" "$W/app" >"$W/said" 2>&1 ||
    bad "signing: $(cat "$W/said")"
WHO=$(openssl x509 -in "$W/signing/leaf.pem" -noout -ext subjectAltName | sed -n 's/^ *URI://p')
trust retire-ca "$CA" --confirm
cp "$W/tr/trusted_root.json" "$W/ended.json"
sleep 1
head -c 700 "$W/stamped.json" >"$W/cut.json"

# WHAT WANTED-CODE WANTED-WORDS ROOT BUNDLE ARTIFACT ISSUER IDENTITY
cases() {
    cat <<CASES
good|0|verified|root.json|stamped.json|app|$ISSUER|$WHO
good, without a timestamp|0|verified|root.json|plain.json|app|$ISSUER|$WHO
another artifact|1|signature|root.json|stamped.json|other|$ISSUER|$WHO
another identity|1|identity|root.json|stamped.json|app|$ISSUER|${WHO}x
another issuer|1|issuer|root.json|stamped.json|app|https://evil.example.com|$WHO
signed while the CA was trusted|0|verified|ended.json|stamped.json|app|$ISSUER|$WHO
trust has ended|1|trusted root trusts|ended.json|plain.json|app|$ISSUER|$WHO
a damaged bundle|1|cut.json|root.json|cut.json|app|$ISSUER|$WHO
no trusted root there|6|none.json|none.json|stamped.json|app|$ISSUER|$WHO
a trusted root that is none|6|app|app|stamped.json|app|$ISSUER|$WHO
no bundle there|6|none.json|root.json|none.json|app|$ISSUER|$WHO
no artifact there|6|none|root.json|stamped.json|none|$ISSUER|$WHO
CASES
}
for p in c_shared cc_shared c_static cc_static; do
    while IFS='|' read -r what code words root bundle artifact issuer who; do
        "$W/$p" "$W/$root" "$W/$bundle" "$W/$artifact" "$issuer" "$who" >"$W/out" 2>&1
        expect "$p: $what" "$code" $?
        grep -qF "$words" "$W/out" || bad "$p: $what: said $(cat "$W/out")"
    done < <(cases)
done
expect "the version is the release" "$(make -s print-release)" "$(pkg-config --modversion libtenmint-verify)"
case $(ldd "$W/c_static") in *tenmint*) bad "the static program loads the library" ;; *) ok "the static program stands alone" ;; esac
expect "only the header's names are exported" "" \
    "$(nm -D --defined-only "$W/usr/lib/libtenmint-verify.so.0" | awk '$2 != "A" { print $3 }' | grep -v '^tenmint_')"
expect "and only they are global in the archive" "" \
    "$(nm -g --defined-only "$W/usr/lib/libtenmint-verify.a" | awk 'NF == 3 { print $3 }' | grep -v '^tenmint_')"
expect "it needs no HTTP server, TLS server or JWT library" "" \
    "$(objdump -p "$W/usr/lib/libtenmint-verify.so.0" | grep NEEDED | grep -E 'microhttpd|gnutls|jwt|p11|yaml|systemd')"
echo "$fails failures"
[ "$fails" = 0 ]
