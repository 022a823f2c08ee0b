#!/usr/bin/env bash
# TesseraCT's own checker of static-ct-api logs reads a running log, and the verifiers of the
# transparency-dev project open its cosigned checkpoint. Needs Go 1.24 or newer.
set -euo pipefail
cd "$(dirname "$0")/../.."
B=build
W=$(mktemp -d)
FSCK=github.com/transparency-dev/tesseract/cmd/fsck@v0.1.1
. tests/lib.sh
. tests/interop/logged-ca.bash
trap 'stop_all; rm -rf "$W"' EXIT
export CGO_ENABLED=0
mkdir -p build/interop
GOBIN=$PWD/build/interop go install "$FSCK"
(cd tests/conformance/static-ct && go build -mod=readonly -buildvcs=false -o ../../../build/interop/checkpoint .)
start_logged_ca
log_grow 600

fsck() { # URL
    timeout 20 build/interop/fsck -monitoring_url "$1/" -origin "$ORIGIN" -ui=false -logtostderr \
        -public_key "$(openssl pkey -pubin -in "$KEY" -outform DER | base64 -w0)"
}
fsck "$CA/log"
build/interop/checkpoint "$KEY" "$WITNESS" <"$LOG/checkpoint"
cp -r "$LOG" "$W/copy"
serve_directory "$W/copy"
printf '\xa5' | dd of="$W/copy/tile/data/001" bs=1 seek=5 conv=notrunc status=none
fsck "$FILES" >"$W/said" 2>&1 || true # of this version: it waits for ever instead of saying why
if grep -q Successfully "$W/said"; then
    echo "FAIL a damaged entry was not seen"
    exit 1
fi
if sed '2s/.*/9999/' "$LOG/checkpoint" | build/interop/checkpoint "$KEY" "$WITNESS" 2>/dev/null; then
    echo "FAIL a changed checkpoint was not seen"
    exit 1
fi
echo "static-ct: accepted, and damage is seen"
