#!/usr/bin/env bash
# No dead code: each external function of the libraries is used by another file of theirs, by a
# program, or is libtenmint-verify's (tenmint_). What only its own file uses is static, unless a test
# reaches in there. What only tests use stands here with the reason.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
declare -A seam=(
    [ca_audit_keeper_ready]="tests wait for what /readyz tells of it"
    [ca_cert_sign]="tests sign at once what the server has another process sign"
    [ca_log_key]="tests verify what the log signs"
    [ca_log_sync]="tests wait for a checkpoint"
    [tm_process_pid]="tests kill one process of a group"
    [tuf_read_key]="tests read KEY objects that stand alone"
    [tuf_signing_config_set_selector]="tests make the configurations that other programs write"
)
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
for lib in common oidc ca tuf; do nm -A -g "$B/lib$lib.a"; done >"$W/libs" 2>/dev/null
find "$B/obj/tools" -name '*.o' -exec nm -A -g {} + >"$W/tools"
awk '$(NF - 1) == "U" { print $NF }' "$W/libs" "$W/tools" | sort -u >"$W/used"
awk '$(NF - 1) == "T" { print $NF }' "$W/libs" | grep -v '^tenmint_\|^ca__grpc__' | sort -u >"$W/defined"
[ "$(wc -l <"$W/defined")" -gt 500 ] || { echo "FAULT nm shows only $(wc -l <"$W/defined") functions"; exit 1; }

# Words of the libraries' files, and of the tests', with how often each stands there.
words() { find "$@" -name '*.[ch]' -exec cat {} + | grep -oE '\b[a-z]+_[a-z0-9_]+\b' | sort | uniq -c; }
find ca oidc tuf common -name '*.c' -exec cat {} + | grep -oE '\b[a-z]+_[a-z0-9_]+\b' | sort | uniq -d >"$W/twice"
words tests | awk '{ print $2 }' >"$W/tests"

bad=0
while read -r name; do
    if ! grep -qx "$name" "$W/twice"; then
        [ -n "${seam[$name]:-}" ] && unset "seam[$name]" && continue
        echo "FAULT no program uses $name: take it out"
        bad=1
    elif ! grep -qx "$name" "$W/tests"; then
        echo "FAULT only its own file uses $name: make it static"
        bad=1
    fi
done < <(comm -23 "$W/defined" "$W/used")
for name in "${!seam[@]}"; do
    echo "FAULT $name is no function that only tests use: take its line out"
    bad=1
done
[ $bad = 0 ] && echo "dead: each of $(wc -l <"$W/defined") functions is used"
exit $bad
