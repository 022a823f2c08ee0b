#!/usr/bin/env bash
# Files that other systems read, by their own judges: the GitHub workflow (actionlint, GitHub's schema), the
# GitLab pipeline (GitLab's schema), the Kubernetes manifests (kubeconform). And each judge refuses a file
# with a fault in it.
set -u
cd "$(dirname "$0")/../.." || exit 1
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
. tests/interop/go-peer.bash
. tests/kube.bash
fails=0
VENV=build/interop/check-jsonschema
{ kube_tools && { [ -x "$KUBE_BIN/actionlint" ] || GOTOOLCHAIN=local GOBIN=$KUBE_BIN go install \
    github.com/rhysd/actionlint/cmd/actionlint@v1.7.7; } &&
    { [ -x $VENV/bin/check-jsonschema ] || { python3 -m venv $VENV && $VENV/bin/pip install -q --disable-pip-version-check \
        check-jsonschema==0.39.0; }; }; } >"$W/said" 2>&1 || { tail -n 5 "$W/said"; exit 1; }
schema() { $VENV/bin/check-jsonschema --builtin-schema "vendor.$1" "$2"; }
actions() { "$KUBE_BIN/actionlint" -no-color -shellcheck= -pyflakes= "$1"; }
judged() { # PROGRAM VERSION WHAT FILE FAULT JUDGE...: takes the file, and not what sed's FAULT makes of it
    local wrong
    wrong=$W/wrong-$(basename "$4")
    sed "$5" "$4" >"$wrong"
    cmp -s "$4" "$wrong" && { echo "FAIL $3: '$5' changes nothing"; fails=$((fails + 1)); }
    if ! "${@:6}" "$4" >"$W/said" 2>&1; then
        echo "FAIL $1: $3"; cat "$W/said"; fails=$((fails + 1))
    elif "${@:6}" "$wrong" >"$W/said" 2>&1; then
        echo "FAIL $1 takes a wrong $3"; fails=$((fails + 1))
    else
        did "$1" "$2" "$3"
    fi
}
judged actionlint 1.7.7 "GitHub workflow" config/ci/github-actions.yml 's/id-token: write/id-tokens: write/' actions
judged check-jsonschema 0.39.0 "GitHub workflow" config/ci/github-actions.yml 's/^\( *\)runs-on:/\1runs-upon:/' schema github-workflows
judged check-jsonschema 0.39.0 "GitLab pipeline" config/ci/gitlab-ci.yml 's/^\( *\)id_tokens:.*/\1id_tokens: [x]\n\1other:/' schema gitlab-ci
for version in $KUBE_VERSIONS; do
    judged kubeconform 0.6.3 "Kubernetes manifests, $version" config/kubernetes/tenmint.yaml 's/runAsNonRoot/runsAsNonRoot/' conform "$version"
done
[ $fails = 0 ]
