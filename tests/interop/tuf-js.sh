#!/usr/bin/env bash
# Our client reads a repository signed by tuf-js's models, as python-tuf and tuf-js do.
set -euo pipefail
cd "$(dirname "$0")/../.."
W=$(mktemp -d)
. tests/lib.sh
. tests/interop/tuf-peers.bash
trap 'stop_all; rm -rf "$W"' EXIT
make -s all
install_peers
node build/interop/tuf-js/publish.js "$W/repo"
serve_files "$W/repo"
read_like_others
