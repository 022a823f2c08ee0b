# kubeconform and the schemas of Kubernetes, both pinned. Sourced at the top of the tree. The schemas are
# those of a Python package, made from Kubernetes' own API description: nothing is fetched at run time.
KUBE_BIN=$PWD/build/interop/bin
KUBE_SCHEMAS=$PWD/build/interop/kube-schemas
KUBE_VERSIONS="1.25 1.37" # the oldest that the chart names, and the newest of the schemas
KUBE_KINDS="configmap-v1 ingress-networking-v1 networkpolicy-networking-v1 service-v1 serviceaccount-v1 statefulset-apps-v1"
kube_schemas() { # FROM TO: each kind with its definitions in one file, as kubeconform wants them
    python3 - "$1" "$2" "$KUBE_VERSIONS" "$KUBE_KINDS" <<'END'
import json, os, sys
source, to, versions, kinds = sys.argv[1:]
for version in versions.split():
    folder = f"{source}/v{version}.0-local-strict"
    with open(f"{folder}/_definitions.json") as f:
        shared = json.load(f)["$defs"]
    os.makedirs(f"{to}/{version}", exist_ok=True)
    for kind in kinds.split():
        with open(f"{folder}/{kind}.json") as f:
            schema = json.loads(f.read().replace("/api/_definitions.json#/", "#/"))
        schema["$defs"] = shared
        with open(f"{to}/{version}/{kind}.json", "w") as f:
            json.dump(schema, f)
END
}
kube_tools() {
    mkdir -p "$KUBE_BIN"
    [ -x "$KUBE_BIN/kubeconform" ] || GOTOOLCHAIN=local GOBIN=$KUBE_BIN go install \
        github.com/yannh/kubeconform/cmd/kubeconform@v0.6.3 || return 1
    [ -d "$KUBE_SCHEMAS" ] && return
    local made
    made=$(mktemp -d) && python3 -m venv "$made/venv" && "$made/venv/bin/pip" install -q --disable-pip-version-check --no-deps \
        --target "$made/package" kubernetes-validate==1.37.0 &&
        kube_schemas "$made/package/kubernetes_validate/kubernetes-json-schema" "$made/schemas" && mv "$made/schemas" "$KUBE_SCHEMAS"
    local code=$?
    rm -rf "$made"
    return $code
}
conform() { # VERSION FILE.yaml: unknown members are refused
    "$KUBE_BIN/kubeconform" -strict -summary -kubernetes-version "$1.0" \
        -schema-location "$KUBE_SCHEMAS/$1/{{.ResourceKind}}{{.KindSuffix}}.json" "$2"
}
