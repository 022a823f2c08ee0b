#!/usr/bin/env bash
# The real sigstore-python gets a certificate from a running tenmint-ca by CSR, and verifies the SCT
# that is embedded in it.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/sigstore-peers.bash
install_sigstore_python
make -s all test-programs
start_issuer
start_ct_log
start_logged_ca
mint | timeout 60 $SIGSTORE_PYTHON/python tests/interop/sigstore-python/client.py "$CA" "$LOG_KEY"
