#!/bin/sh
# The command line that sigstore-conformance calls (its docs/cli_protocol.md), onto `tenmint sign` and
# `tenmint verify`. PUBLIC_ROOT is for cases that bring no trusted root. A verification that ends
# neither good (0) nor bad (1, 3: the key is no key) is noted in $ODD: the suite takes it for a refusal.
set -eu
command=$1
shift
statement= token= bundle= signing=
root=$PUBLIC_ROOT
identity= issuer= key=
while [ $# -gt 1 ]; do
    case $1 in
    --in-toto) statement=--statement; shift; continue ;;
    --identity-token) token=$2 ;;
    --bundle) bundle=$2 ;;
    --certificate-identity) identity=$2 ;;
    --certificate-oidc-issuer) issuer=$2 ;;
    --key) key=$2 ;;
    --trusted-root) root=$2 ;;
    --signing-config) signing=$2 ;;
    *) echo "sigstore-client.sh: unknown option '$1'" >&2; exit 2 ;;
    esac
    shift 2
done
file=$1
case $command in
sign-bundle)
    token_file=$(mktemp)
    trap 'rm -f "$token_file"' EXIT
    printf %s "$token" >"$token_file"
    "$TENMINT" sign --token-file "$token_file" --trusted-root "$root" --signing-config "$signing" \
        --bundle "$bundle" $statement "$file" ;;
verify-bundle)
    if [ -n "$key" ]; then set -- --key "$key"; else set -- --identity "$identity" --issuer "$issuer"; fi
    case $file in
    sha256:*) [ -e "$file" ] || [ ${#file} -ne 71 ] || file=--digest=$file ;;
    esac
    code=0
    "$TENMINT" verify --bundle "$bundle" --trusted-root "$root" "$@" "$file" || code=$?
    case $code in
    0 | 1 | 3) exit $code ;;
    *) echo "$bundle $file: exit $code" >>"$ODD"; exit $code ;;
    esac ;;
*) echo "sigstore-client.sh: unknown command '$command'" >&2; exit 2 ;;
esac
