# Verification of one bundle (signature, SCT, entry, timestamp) with its trusted root, by `tenmint
# verify` and by sigstore-go: processor time of whole processes, in turn.
. tests/interop/go-peer.bash
VERIFY_RUNS=41
GOAL=0.65
start_issuer
URL=http://127.0.0.1:$(free_port)
(umask 077 && "$B/tenmint-ca" init "$W/ca" --all --url "$URL" >/dev/null)
bench_issuers >"$W/ca/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$W/ca/tenmint-ca.yaml"
bench_serve "$W" --config "$W/ca/tenmint-ca.yaml"
"$B/tenmint" trust init --root "$W/ca/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$W/trust" >/dev/null
"$B/tenmint" trust get trusted_root.json --dir "$W/trust" --out "$W/root.json" >/dev/null
sleep 1 # the windows begin in whole seconds
mint >"$W/token"
echo "what was built" >"$W/app"
"$B/tenmint" sign --trust-dir "$W/trust" --token-file "$W/token" "$W/app" >/dev/null
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
ours() {
    "$B/tests/spend" "$W/spent" "$B/tenmint" verify --trusted-root "$W/root.json" --bundle "$W/app.sigstore.json" \
        --identity "$SAN" --issuer "$ISSUER" "$W/app"
}
theirs() {
    "$B/tests/spend" "$W/spent" build/interop/siglog-go/siglog-go verify "$W/root.json" "$W/app.sigstore.json" "$W/app" "$SAN" "$ISSUER"
}
cpu_ms() { "$@" >"$W/out" 2>&1 && cut -d' ' -f2 "$W/spent" || { cat "$W/out" >&2; return 1; }; } # empty: it fails
middle() { sort -n "$1" | sed -n "$((VERIFY_RUNS / 2 + 1))p"; }

if go_is_new && CGO_ENABLED=0 go_peer siglog-go; then
    for _ in $(seq $VERIFY_RUNS); do
        cpu_ms ours >>"$W/ours" || break
        cpu_ms theirs >>"$W/theirs" || break
    done
    figure "verify: ours, sigstore-go" "$(middle "$W/ours") ms, $(middle "$W/theirs") ms of processor time"
    at_most "verify: processor time by sigstore-go's" "$(ratio "$(middle "$W/ours")" "$(middle "$W/theirs")")" $GOAL
else
    echo "sigstore-go needs Go 1.25"
    at_most "verify: processor time by sigstore-go's" "" $GOAL
fi
