#!/usr/bin/env bash
# Our client reads a repository signed by tuf-js's models, as python-tuf and tuf-js do.
set -euo pipefail
. "$(dirname "$0")/../begin.bash"
. tests/interop/tuf-peers.bash
make -s all
install_peers
node build/interop/tuf-js/publish.js "$W/repo"
serve_files "$W/repo"
read_like_others
for file in 1.bin-3.json "$(cd "$W/repo" && ls targets/bins/*.7)"; do
    cp -r "$W/repo" "$W/bad"
    echo >>"$W/bad/$file"
    if build/tenmint-tuf verify "$W/bad" >"$W/said" 2>&1; then exit 1; fi
    grep -q "bin-3.json.*longer\|target 'bins/7': its file has other content" "$W/said"
    rm -r "$W/bad"
done
