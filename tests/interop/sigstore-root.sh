#!/usr/bin/env bash
# sigstore-js and sigstore-python start from the first root that tenmint-tuf published, get the
# trusted root, and verify with it what tenmint sign made; so after the root and the CA rotated,
# both from the first root and from what they had.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
. tests/interop/sigstore-peers.bash
install_sigstore_js
install_sigstore_python
make -s all test-programs
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
refused() { # WANT COMMAND...: it fails, and says WANT
    local want=$1
    shift
    if "$@" >"$W/said" 2>&1; then echo "accepted: $*" >&2; exit 1; fi
    tr -s ' \n' ' ' <"$W/said" | grep -q "$want" || { cat "$W/said" >&2; exit 1; }
    echo "ok   refused: $want"
}
trust() { "$B/tenmint-tuf" trust "$@" --dir "$W/tuf" >/dev/null 2>&1; }
rekor() { $SIGSTORE_PYTHON/python tests/interop/sigstore-python/rekor.py "$@"; }
python() { # HOME-SUFFIX ARGUMENT...: the sigstore command, with data and caches of its own
    HOME=$W/python$1 XDG_DATA_HOME='' XDG_CACHE_HOME='' $SIGSTORE_PYTHON/sigstore --instance "$FILES" "${@:2}"
}
python_verify() { # HOME-SUFFIX BUNDLE ARTIFACT [SAN]
    python "$1" verify identity --bundle "$2" --cert-identity "${4:-$SAN}" --cert-oidc-issuer "$ISSUER" "$3"
}
js_verify() { # CACHE-SUFFIX BUNDLE ARTIFACT [SAN]
    node $SIGSTORE_JS/tuf.js verify "$W/js$1" "$FILES" "$W/pinned.root" "$2" "$3" "${4:-$SAN}" "$ISSUER"
}
ours() { # CACHE-SUFFIX BUNDLE ARTIFACT
    "$B/tenmint" verify --dir "$W/ours$1" --root "$W/pinned.root" --metadata-url "$FILES" --bundle "$2" \
        --issuer "$ISSUER" --identity "$SAN" --timestamps 1 "$3"
}
same_root() { # SUFFIX: both have the trusted root of the workspace
    local wanted=$W/tuf/targets/trusted_root.json
    node $SIGSTORE_JS/tuf.js root "$W/js$1" "$FILES" "$W/pinned.root" "$wanted"
    mkdir -p "$W/python$1"
    HOME=$W/python$1 XDG_DATA_HOME='' XDG_CACHE_HOME='' $SIGSTORE_PYTHON/python \
        tests/interop/sigstore-python/root.py "$FILES" "$W/pinned.root" "$wanted"
}
make_bundle() { # NAME: an artifact with a certificate, an SCT, a timestamp and a log entry
    echo "what was built: $1" >"$W/$1"
    (umask 077 && mint >"$W/token")
    "$B/tenmint" cert --ca "$CA" --token-file "$W/token" --out "$W/signing-$1" >/dev/null
    "$B/tenmint" sign --cert-dir "$W/signing-$1" --tsa "$TSA" "$W/$1" >/dev/null
    rekor enter "$W/rekor.key" <"$W/$1.sigstore.json" >"$W/$1.json"
}
all_verify() { # SUFFIX NAME
    js_verify "$1" "$W/$2.json" "$W/$2"
    python_verify "$1" "$W/$2.json" "$W/$2"
    ours "$1" "$W/$2.json" "$W/$2" >"$W/said"
    grep -q '^ok *log entry' "$W/said" && grep -q '^ok *timestamp' "$W/said"
}

start_issuer
start_ct_log
start_tsa
start_logged_ca
rekor key "$W/rekor.key" "$W/rekor.pub"
trust_workspace
trust add-ca --offline --url "$CA" --chain "$W/ca.pem"
trust add-ctlog --offline --url "$LOG" --key "$LOG_KEY"
trust add-tsa --offline --url "$TSA" --chain "$W/tsa.pem"
trust add-log --offline --url https://rekor.example.com --key "$W/rekor.pub"
trust add-oidc --url "$ISSUER"
ceremony first "the first root" alice bob
cp "$W/tuf/published/1.root.json" "$W/pinned.root"
serve_files "$W/tuf/published"
sleep 1 # whole seconds: the certificate must not be older than the window

same_root 1
mkdir "$W/pythoncli"
python cli trust-instance "$W/pinned.root"
make_bundle one
all_verify 1 one
python_verify cli "$W/one.json" "$W/one"
echo "something else" >"$W/other"
refused "igest mismatch" python_verify 1 "$W/one.json" "$W/other"
refused "invalid signature\|signature verification failed\|digest" js_verify 1 "$W/one.json" "$W/other"
refused "SAN" python_verify 1 "$W/one.json" "$W/one" https://example.com/another
refused "identity" js_verify 1 "$W/one.json" "$W/one" https://example.com/another
refused "exactly one log entry" python_verify 1 "$W/one.sigstore.json" "$W/one"

holder_key erin
"$B/tenmint-tuf" holder replace bob erin --dir "$W/tuf" >/dev/null
kill "$CA_PID"
start_logged_ca
trust add-ca --offline --url "$CA" --chain "$W/ca.pem"
ceremony second "erin for bob, a new CA" alice bob erin
[ -e "$W/tuf/published/2.root.json" ]
sleep 1
make_bundle two
for cache in 1 2; do
    same_root $cache
    all_verify $cache one
    all_verify $cache two
done
trust remove-ca "$CA" --confirm
ceremony third "the new CA's key was stolen" alice erin
refused "certificate chain\|verify certificate" js_verify 1 "$W/two.json" "$W/two"
refused "chain" python_verify 1 "$W/two.json" "$W/two"
refused "certificate" ours 1 "$W/two.json" "$W/two"
all_verify 1 one
echo "sigstore-js and sigstore-python trust what tenmint-tuf publishes"
