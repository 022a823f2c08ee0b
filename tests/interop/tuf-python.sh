#!/usr/bin/env bash
# Our client reads a repository that python-tuf writes.
set -euo pipefail
cd "$(dirname "$0")/../.."
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
make -s all
venv=build/interop/tuf-python
if [ ! -e $venv/ready ] || [ tests/interop/tuf-python/requirements.txt -nt $venv/ready ]; then
    python3 -m venv $venv
    $venv/bin/pip install -q -r tests/interop/tuf-python/requirements.txt
    touch $venv/ready
fi
$venv/bin/python tests/interop/tuf-python/publish.py "$W/repo"
trust() { build/tenmint trust "$1" --dir "$W/cache" --metadata-url "$W/repo" "${@:2}"; }
build/tenmint trust init --dir "$W/cache" --root "$W/repo/1.root.json"
trust refresh
[ "$(trust get top.txt | xargs cat)" = top ]
[ "$(trust get project/a.txt | xargs cat)" = delegated ]
for i in 0 7 19 39; do
    [ "$(trust get bins/$i | xargs cat)" = "bins/$i" ]
done
! trust get project/b.txt 2>"$W/err"
grep -q "not among" "$W/err"
echo "python-tuf's repository read"
