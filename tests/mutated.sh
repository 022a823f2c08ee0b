#!/usr/bin/env bash
# Some thousand changed copies of a published TUF tree (two roots, two of three holders, a delegated
# role), each given to a client that has the first root: tests/mutated.py. About two minutes.
set -u
B=build
. "$(dirname "$0")/begin.bash"
T=$B/tenmint-tuf
. tests/e2e/report_case.bash
report_workspace || exit 1
mkdir "$W/tries" && python3 tests/mutated.py "$B/tenmint" "$W/tuf/published" "$W/tries"
