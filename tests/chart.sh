#!/usr/bin/env bash
# The Helm chart, by helm itself: it lints, what it makes with its defaults is config/kubernetes/tenmint.yaml,
# and with every value in use Kubernetes' schemas take it, unknown members refused. Part of `make
# container-test`: helm takes minutes to build. `chart.sh write` writes the manifests anew.
set -u
cd "$(dirname "$0")/.." || exit 1
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
. tests/kube.bash
kube_tools >"$W/said" 2>&1 || { tail -n 5 "$W/said"; exit 1; }
[ -x "$KUBE_BIN/helm" ] || GOTOOLCHAIN=local GOBIN=$KUBE_BIN go install helm.sh/helm/v3/cmd/helm@v3.12.3 >"$W/said" 2>&1 ||
    { tail -n 5 "$W/said"; exit 1; }
export HELM_CACHE_HOME=$W/cache HELM_CONFIG_HOME=$W/config HELM_DATA_HOME=$W/data
fails=0
expect() { # WHAT WANTED GOT
    if [ "$2" = "$3" ]; then echo "ok   $1"; else echo "FAIL $1: want '$2', got '$3'"; head -n 8 "$W/said"; fails=$((fails + 1)); fi
}
CHART=config/helm/tenmint MANIFESTS=config/kubernetes/tenmint.yaml
make() { "$KUBE_BIN/helm" template tenmint $CHART --kube-version 1.31 "$@"; }
manifests() {
    echo "# What the chart config/helm/tenmint makes with its defaults (tests/chart.sh write). Change url and images"
    echo "# below, then: kubectl apply -f tenmint.yaml"
    make | sed '/^# Source: /d'
}
if [ "${1:-}" = write ]; then manifests >$MANIFESTS; exit; fi
"$KUBE_BIN/helm" lint --strict $CHART >"$W/said" 2>&1
expect "helm lint" 0 $?
manifests >"$W/manifests" 2>"$W/said"
expect "the manifests are the chart's" "" "$(diff "$W/manifests" $MANIFESTS)"
cat >"$W/all.yaml" <<'END'
url: https://sigstore.example.org:8443
clusterIssuer: true
apiServerPort: 16443
storage: {size: 1Gi, className: fast}
ingress: {enabled: true, className: nginx, tlsSecret: sigstore-tls}
proxies: {addresses: [10.244.0.0/16, "fd00::/8"], clientAddress: forwarded}
metricsFrom: {app.kubernetes.io/name: prometheus}
END
make -f "$W/all.yaml" >"$W/made.yaml" 2>"$W/said"
expect "every value in use" 0 $?
for version in $KUBE_VERSIONS; do
    conform "$version" "$W/made.yaml" >"$W/said" 2>&1
    expect "Kubernetes $version takes it" "0 6" "$? $(sed -n 's/.* - Valid: \([0-9]*\), .*/\1/p' "$W/said")"
done
expect "the host without its port" 2 "$(grep -c 'sigstore.example.org"\{0,1\}$\|\[sigstore.example.org\]' "$W/made.yaml")"
expect "the ingress names its clients" 1 \
    "$(grep -c -- '--proxies, "10.244.0.0/16,fd00::/8", --client-address, forwarded\]$' "$W/made.yaml")"
expect "the API server is reached where it listens" 1 "$(grep -c '{port: 16443, protocol: TCP}' "$W/made.yaml")"
expect "and only where it is an issuer" 0 "$(grep -c 6443 $MANIFESTS)"
expect "who renews the trust root reads no other key" "/data/ca/tuf /data/ca/tuf-online.key" \
    "$(python3 -c 'import sys, yaml
pods = [d for d in yaml.safe_load_all(open(sys.argv[1])) if d["kind"] == "StatefulSet"]
refresh = [c for c in pods[0]["spec"]["template"]["spec"]["containers"] if c["name"] == "tuf-refresh"]
print(*[m["mountPath"] for m in refresh[0]["volumeMounts"] if m["subPath"] == m["mountPath"][6:]])' "$W/made.yaml")"
make --set url=http://sigstore.example.com >"$W/said" 2>&1
expect "an address without TLS is refused" "1 1" "$? $(grep -c "url: Does not match pattern" "$W/said")"
make --set urll=x >"$W/said" 2>&1
expect "an unknown value is refused" "1 1" "$? $(grep -c "Additional property urll is not allowed" "$W/said")"
echo "chart: $fails failures"
[ $fails = 0 ]
