#!/bin/sh
# The command line that theupdateframework/tuf-conformance calls, onto `tenmint trust`.
# Options precede the command; target names follow each other in --target-name.
set -eu
tenmint=${TENMINT:-$(dirname "$0")/../../build/tenmint}
dir= url= out= base=
n=0
while [ $# -gt 0 ]; do
    case $1 in
    --metadata-dir) dir=$2; shift 2 ;;
    --metadata-url) url=$2; shift 2 ;;
    --target-dir) out=$2; shift 2 ;;
    --target-base-url) base=$2; shift 2 ;;
    --target-name)
        n=$((n + 1))
        eval "name_$n=\$2"
        shift 2 ;;
    *) break ;;
    esac
done
# The suite knows 0 and 1; which failure it was is ours.
run() { "$tenmint" trust "$@" || exit 1; }
case ${1:-} in
init) run init --dir "$dir" --root "$2" ;;
refresh) run refresh --dir "$dir" --metadata-url "$url" ;;
download)
    set --
    i=0
    while [ $i -lt $n ]; do
        i=$((i + 1))
        eval "set -- \"\$@\" \"\$name_$i\""
    done
    run get --dir "$dir" --metadata-url "$url" --targets-url "$base" \
        --out-dir "$out" -- "$@" ;;
*) echo "client.sh: unknown command '${1:-}'" >&2; exit 2 ;;
esac
