#!/usr/bin/env bash
# Our client reads a repository that python-tuf writes, as python-tuf and tuf-js do.
set -euo pipefail
. "$(dirname "$0")/../begin.bash"
. tests/interop/tuf-peers.bash
make -s all
install_peers
$PYTHON_TUF tests/interop/tuf-python/publish.py "$W/repo"
serve_files "$W/repo"
read_like_others
