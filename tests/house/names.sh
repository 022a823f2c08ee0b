#!/usr/bin/env bash
# The names of the libraries can be linked: every external symbol carries its library's prefix, none
# is defined twice, and all archives link into one program, whole.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
bad=0
fault() { echo "FAULT $*"; bad=1; }
declare -A prefix=([common]=tm_ [oidc]=oidc_ [ca]=ca_ [tuf]='\(tuf\|tenmint\)_') # tenmint_: libtenmint-verify

symbols() { nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }'; }

for lib in "${!prefix[@]}"; do
    n=$(symbols "$B/lib$lib.a" | wc -l)
    [ "$n" -gt 50 ] || fault "lib$lib.a shows only $n symbols: nm could not read it?"
    while read -r name; do
        fault "lib$lib.a defines $name, which does not begin with ${prefix[$lib]}"
    done < <(symbols "$B/lib$lib.a" | grep -v "^${prefix[$lib]}")
done

while read -r name; do
    fault "$name is defined in more than one place"
done < <(for lib in "${!prefix[@]}"; do symbols "$B/lib$lib.a"; done | sort | uniq -d)

# Thirty shared objects that only fetching needs.
if ldd "$B/tenmint" | grep -q libcurl; then
    fault "tenmint is linked with libcurl, which it should load when it fetches (tools/tenmint/curl_late.c)"
fi

W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
echo 'int main(void) { return 0; }' >"$W/main.c"
whole="-Wl,--whole-archive $B/libca.a $B/liboidc.a $B/libtuf.a $B/libcommon.a -Wl,--no-whole-archive"
${CC:-gcc} -pthread -o "$W/all" "$W/main.c" $whole $(make -s print-libs) 2>"$W/err" ||
    fault "the archives do not link into one program: $(head -n 3 "$W/err")"

[ $bad = 0 ] && echo "names: all symbols carry their prefix, once each"
exit $bad
