#!/usr/bin/env bash
# sigstore.sh SUITE TRUSTED-ROOT: the verification cases of a checkout of sigstore-conformance, by
# tenmint verify, each by the artifact and by its digest. TRUSTED-ROOT is the public instance's
# trusted_root.json, for the cases that bring none. Signing cases need the public instance.
set -u
suite=${1:?usage: sigstore.sh SUITE TRUSTED-ROOT}
public=${2:?usage: sigstore.sh SUITE TRUSTED-ROOT}
T=$(dirname "$0")/../../build/tenmint
cases=$suite/test/assets/bundle-verify
[ -d "$cases" ] || { echo "no test/assets/bundle-verify in '$suite'" >&2; exit 2; }
ISSUER=https://token.actions.githubusercontent.com
IDENTITY=https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main
passed=0
failed=0
run() { # DIR, what names the artifact
    local d=$1 root=$public who=(--issuer "$ISSUER" --identity "$IDENTITY")
    shift
    [ -f "$d/issuer" ] && who[1]=$(cat "$d/issuer")
    [ -f "$d/identity" ] && who[3]=$(cat "$d/identity")
    [ -f "$d/key.pub" ] && who=(--key "$d/key.pub")
    [ -f "$d/trusted_root.json" ] && root=$d/trusted_root.json
    "$T" verify --trusted-root "$root" --bundle "$d/bundle.sigstore.json" "${who[@]}" "$@" 2>&1
}
for d in "$cases"/*/; do
    d=${d%/}
    artifact=$cases/a.txt
    [ -f "$d/artifact" ] && artifact=$d/artifact
    want=' 0 '
    case $d in *_fail) want=' 1 3 ' ;; esac # 3: the key is no key
    for how in "$artifact" "--digest=sha256:$(sha256sum <"$artifact" | cut -d' ' -f1)"; do
        said=$(run "$d" "$how")
        got=$?
        if [[ $want = *" $got "* ]]; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
            printf 'FAIL %s: exit %d\n%s\n' "$(basename "$d")" $got "$said"
        fi
    done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
