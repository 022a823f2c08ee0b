#!/usr/bin/env bash
# Runs a checkout of theupdateframework/tuf-conformance against `tenmint trust`; every test must
# pass. usage: run.sh SUITE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
suite=${1:-}
[ -d "$suite/tuf_conformance" ] || {
    echo "make conformance SUITE=DIR: DIR is a checkout of https://github.com/theupdateframework/tuf-conformance" >&2
    exit 2
}
cd "$here/../.."
venv=build/conformance-venv
if [ ! -x $venv/bin/pytest ] || [ "$here/requirements.txt" -nt $venv ]; then
    python3 -m venv $venv
    $venv/bin/pip install -q -r "$here/requirements.txt"
    touch $venv
fi
python=$PWD/$venv/bin/python
cd "$suite"
exec "$python" -m pytest tuf_conformance --entrypoint "$here/client.sh" -p no:cacheprovider -q -rA
