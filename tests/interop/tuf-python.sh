#!/usr/bin/env bash
# Our client reads a repository that python-tuf writes, as python-tuf and tuf-js do.
set -euo pipefail
cd "$(dirname "$0")/../.."
W=$(mktemp -d)
. tests/lib.sh
. tests/interop/tuf-peers.bash
trap 'stop_all; rm -rf "$W"' EXIT
make -s all
install_peers
$PYTHON_TUF tests/interop/tuf-python/publish.py "$W/repo"
serve_files "$W/repo"
trust() { build/tenmint trust "$1" --dir "$W/cache" --metadata-url "$FILES" "${@:2}"; }
build/tenmint trust init --dir "$W/cache" --root "$W/repo/1.root.json"
trust refresh
[ "$(trust get top.txt | xargs cat)" = top ]
[ "$(trust get project/a.txt | xargs cat)" = delegated ]
for i in 0 7 19 39; do
    [ "$(trust get bins/$i | xargs cat)" = "bins/$i" ]
done
if trust get project/b.txt 2>"$W/err"; then exit 1; fi
grep -q "not among" "$W/err"
mkdir "$W/python"
$PYTHON_TUF tests/interop/tuf-python/client.py "$W/python" "$FILES/" "$W/repo/1.root.json" \
    project/a.txt "$FILES/targets/" "$W/a.python"
node $TUF_JS "$W/js" "$FILES" "$W/repo/1.root.json" project/a.txt "$FILES/targets" "$W/a.js"
[ "$(cat "$W/a.python" "$W/a.js")" = delegateddelegated ]
echo "one repository, three clients, the same target"
