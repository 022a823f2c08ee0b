#!/usr/bin/env bash
# `tenmint trust export` in the forms of admission controllers, by their own code: policy-controller
# reads each TrustRoot manifest (its types, its validation, its TUF client), and every member of the
# Kyverno snippet is one that Kyverno's CRD has.
# policy-controller takes minutes to build: `make interop` runs this; `make check` does not.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/go-peer.bash
. tests/interop/sigstore-peers.bash
. tests/interop/tuf-peers.bash
[ "${PEERS:-}" = all ] || { echo "note: policy-controller and Kyverno are left out; they take minutes: make interop"; exit 0; }
umask 077
export XDG_STATE_HOME=$W/state
KYVERNO=v1.18.2
make -s all
go_peer policy-controller
install_from_pypi kyverno
crd=$(cd "$W" && go mod download -json github.com/kyverno/kyverno@$KYVERNO | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/config/crds/kyverno/kyverno.io_clusterpolicies.yaml

"$B/tenmint-ca" init "$W/ca" --all --url https://sigstore.example.com >/dev/null
chmod -R a+rX "$W/ca/tuf/published"
serve_files "$W/ca/tuf/published"
export_as() { # FORM
    "$B/tenmint" trust export --form "$1" --dir "$W/cache" --root "$W/ca/tuf/published/1.root.json" --metadata-url "$FILES" \
        --issuer https://issuer.example.com --identity dev@example.com --out "$W/$1.yaml" 2>"$W/notes" || { cat "$W/notes"; return 1; }
}
wanted=$W/ca/tuf/targets/trusted_root.json
for form in policy-controller policy-controller-repository policy-controller-keys; do
    export_as $form
    build/interop/policy-controller/policy-controller "$W/$form.yaml" "$wanted"
    did policy-controller 0.13.1 "takes the TrustRoot of form $form"
done
echo '{}' >"$W/other"
for form in policy-controller policy-controller-repository policy-controller-keys; do
    if build/interop/policy-controller/policy-controller "$W/$form.yaml" "$W/other" >"$W/said" 2>&1; then
        echo "accepted another trusted root"
        exit 1
    fi
done
export_as kyverno
build/interop/kyverno/bin/python tests/interop/kyverno/check.py "$crd" "$W/kyverno.yaml"
sed 's/tsaCertChain:/timestampChain:/' "$W/kyverno.yaml" >"$W/misspelt.yaml"
if build/interop/kyverno/bin/python tests/interop/kyverno/check.py "$crd" "$W/misspelt.yaml" >"$W/said"; then exit 1; fi
grep -q 'timestampChain: Kyverno has no such member' "$W/said"
did Kyverno ${KYVERNO#v} "its CRD has every member of the snippet"
