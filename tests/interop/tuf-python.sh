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
read_like_others
