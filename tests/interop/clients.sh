#!/usr/bin/env bash
# Every signer and verifier of Sigstore that can be had from a package registry, as its users run it:
# one private Sigstore (init --all, TLS), one TUF root and its mirror. Each initialises from the root,
# signs, attests and verifies; then the CA, the signature log and the root rotate, and after each step
# it signs again, with what is new, and verifies all that it ever signed, from the state it has kept
# and from the first root. `tenmint verify` takes each of their bundles, and they take ours.
# cosign and sigstore-go need Go 1.25 and minutes: `make interop` runs this; `make check` does not.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/interop/go-peer.bash
. tests/interop/sigstore-peers.bash
. tests/interop/tuf-peers.bash
[ "${PEERS:-}" = all ] || { echo "note: the clients' whole way is left out; it takes minutes: make interop"; exit 0; }
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
export XDG_STATE_HOME=$W/state
make -s all test-programs
cosign_peer
go_peer sigstore-go
install_sigstore_python
install_from_pypi model-signing
install_from_npm sigstore-js4 >/dev/null
install_sigstore_java
CLIENTS="cosign sigstore-go sigstore-python sigstore-js sigstore-java model-signing"
declare -A VERSION=([cosign]=3.1.3 [sigstore-go]=1.2.2 [sigstore-python]=4.5.1 [sigstore-js]=4.1.1
    [sigstore-java]=2.0.0 [model-signing]=1.1.1)
echo "note: gitsign 0.14 is left out: it writes to Rekor v1 only, which is none of ours. policy-controller only reads: admission.sh"

# ---- the instance ----
start_issuer
PORT=$(free_port)
URL=https://localhost:$PORT
C=$W/ca
"$B/tenmint-ca" init "$C" --all --url "$URL" >/dev/null
printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' "$ISSUER" "$ISSUER" >"$C/issuers.yaml"
sed -i 's/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/' "$C/tenmint-ca.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$C/tls.key" -out "$C/tls.pem" \
    -subj /CN=localhost -days 2 -addext subjectAltName=DNS:localhost 2>/dev/null
printf 'tls:\n  certificate: tls.pem\n  key: tls.key\noidc:\n  allow-http: true\nreload-interval: 500ms\n' >>"$C/tenmint-ca.yaml"
# Each client's way to be told of a TLS certificate.
export SSL_CERT_FILE=$C/tls.pem REQUESTS_CA_BUNDLE=$C/tls.pem NODE_EXTRA_CA_CERTS=$C/tls.pem
keytool -importcert -noprompt -alias ca -file "$C/tls.pem" -keystore "$W/tls.p12" -storetype PKCS12 -storepass changeit >/dev/null 2>&1
serve() {
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$C/tenmint-ca.yaml" --listen "127.0.0.1:$PORT" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="$PIDS $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"'
}
serve
ROOT=$W/first.root.json
cp "$C/tuf/published/1.root.json" "$ROOT"
MIRROR=$URL/tuf
SAN=https://github.com/acme/widget/.github/workflows/release.yml@refs/heads/main
trust() { "$B/tenmint-tuf" trust "$@" --dir "$C/tuf" >"$W/out"; }
publish() { # NAME PASSWORD-FILE:KEY...
    local name=$1 signer
    shift
    "$B/tenmint-tuf" propose --dir "$C/tuf" --name "$name" --reason "$name" --out "$W/$name.json" >"$W/out"
    for signer in "$@"; do
        "$B/tenmint-tuf" sign "$W/$name.json" --key "${signer#*:}" --password-file "${signer%%:*}" \
            --digest "$("$B/tenmint-tuf" review "$W/$name.json" | sed -n 's/^Digest *//p')" >"$W/out"
    done
    "$B/tenmint-tuf" publish --dir "$C/tuf" "$W/$name.json" >"$W/out"
}
ADMIN=$C/password:$C/tuf-admin.key
# model-signing wants an issuer where a person could log in, also when it is given a token.
mkdir -p "$W/people/.well-known"
serve_files "$W/people"
printf '{"issuer": "%s", "authorization_endpoint": "%s/a", "token_endpoint": "%s/t", "jwks_uri": "%s/k"}' \
    "$FILES" "$FILES" "$FILES" "$FILES" >"$W/people/.well-known/openid-configuration"
trust add-oidc --url "$FILES"
publish people "$ADMIN"

# ---- the clients: CACHE is a folder of its own; KIND is sign or attest ----
config_of() { # CACHE: model-signing knows no TUF mirror but takes one file
    local ca=(--ca-cert "$C/tls.pem")
    "$B/tenmint" trust get --client-trust-config --dir "$1/ours" --root "$ROOT" --metadata-url "$MIRROR" "${ca[@]}" --out "$1/config.json" >/dev/null
    echo "$1/config.json"
}
python() { HOME=$1 XDG_DATA_HOME='' XDG_CACHE_HOME='' $SIGSTORE_PYTHON/sigstore --instance "$MIRROR" "${@:2}"; }
model() { HOME=$1 $MODEL_SIGNING/model_signing "${@:2}"; }
java_client() {
    java -Djavax.net.ssl.trustStore="$W/tls.p12" -Djavax.net.ssl.trustStorePassword=changeit \
        -cp "$SIGSTORE_JAVA:$SIGSTORE_JAVA/lib/*" Client "$@"
}
cosign() { HOME=$1 TUF_ROOT=$1/tuf $COSIGN "${@:2}"; }
initialise() { # CLIENT CACHE: those that are not named begin by themselves
    mkdir -p "$2"
    case $1 in
    cosign) cosign "$2" initialize --mirror "$MIRROR" --root "$ROOT" ;;
    sigstore-python) python "$2" trust-instance "$ROOT" ;;
    esac
}
make_bundle() { # CLIENT CACHE KIND FILE BUNDLE
    mint >"$W/token"
    case $1-$3 in
    cosign-sign) cosign "$2" sign-blob --yes --identity-token "$(<"$W/token")" --bundle "$5" "$4" ;;
    cosign-attest) cosign "$2" attest-blob --yes --identity-token "$(<"$W/token")" --bundle "$5" --type "$PREDICATE" --predicate "$W/predicate.json" "$4" ;;
    sigstore-go-sign) build/interop/sigstore-go/sigstore-go sign "$2" "$MIRROR" "$ROOT" "$W/token" "$4" "$5" ;;
    sigstore-go-attest) build/interop/sigstore-go/sigstore-go attest "$2" "$MIRROR" "$ROOT" "$W/token" "$4.statement" "$5" ;;
    sigstore-python-sign) python "$2" sign --identity-token "$(<"$W/token")" --bundle "$5" "$4" ;;
    sigstore-python-attest) python "$2" attest --identity-token "$(<"$W/token")" --bundle "$5" --predicate-type "$PREDICATE" --predicate "$W/predicate.json" "$4" ;;
    sigstore-js-sign) node $SIGSTORE_JS4/client.js sign "$2" "$MIRROR" "$ROOT" "$W/token" "$4" "$5" ;;
    sigstore-js-attest) node $SIGSTORE_JS4/client.js attest "$2" "$MIRROR" "$ROOT" "$W/token" "$4.statement" "$5" ;;
    sigstore-java-sign) java_client sign "$2" "$MIRROR" "$ROOT" "$W/token" "$4" "$5" ;;
    sigstore-java-attest) java_client attest "$2" "$MIRROR" "$ROOT" "$W/token" "$4.statement" "$5" ;;
    model-signing-*) model "$2" sign sigstore --trust_config "$(config_of "$2")" --identity_token "$(<"$W/token")" --signature "$5" "$4" ;;
    esac
}
check_bundle() { # CLIENT CACHE KIND FILE BUNDLE
    case $1-$3 in
    cosign-sign) cosign "$2" verify-blob --bundle "$5" --certificate-identity "$SAN" --certificate-oidc-issuer "$ISSUER" "$4" ;;
    cosign-attest) cosign "$2" verify-blob-attestation --bundle "$5" --type "$PREDICATE" --certificate-identity "$SAN" --certificate-oidc-issuer "$ISSUER" "$4" ;;
    sigstore-go-*) build/interop/sigstore-go/sigstore-go verify "$2" "$MIRROR" "$ROOT" "$5" "$4" "$SAN" "$ISSUER" ;;
    sigstore-python-*) python "$2" verify identity --bundle "$5" --cert-identity "$SAN" --cert-oidc-issuer "$ISSUER" "$4" ;;
    sigstore-js-*) node $SIGSTORE_JS4/client.js verify "$2" "$MIRROR" "$ROOT" "$5" "$4" "$SAN" "$ISSUER" ;;
    sigstore-java-*) java_client verify "$2" "$MIRROR" "$ROOT" "$5" "$4" "$SAN" "$ISSUER" ;;
    model-signing-*) model "$2" verify sigstore --trust_config "$(config_of "$2")" --signature "$5" --identity "$SAN" --identity_provider "$ISSUER" "$4" ;;
    esac
}
ours() { # KIND FILE BUNDLE
    "$B/tenmint" verify --dir "$W/ours" --root "$ROOT" --metadata-url "$MIRROR" --ca-cert "$C/tls.pem" --timestamps 1 \
        --tlogs 1 --issuer "$ISSUER" --identity "$SAN" --bundle "$3" $([ "$1" != model ] || echo --no-artifact) $([ "$1" = model ] || echo "$2")
}
run() { # COMMAND...: its output is shown when it fails
    "$@" >"$W/said" 2>&1 || { echo "failed: $*"; tail -n 30 "$W/said"; return 1; }
}

# ---- the way ----
PREDICATE=https://slsa.dev/provenance/v1
echo '{"buildDefinition": {"buildType": "https://example.com/build", "externalParameters": {}}, "runDetails": {"builder": {"id": "https://example.com/builder"}}}' >"$W/predicate.json"
PHASES=
kinds_of() { [ "$1" = model-signing ] && echo sign || echo "sign attest"; } # a model's signature is an attestation
cannot_sign() { # CLIENT: and fails as is known: sigstore-java 2.0.0 leaves out the path in a log's address
    [ "$1" = sigstore-java ] && [ -n "$AT_PATH" ] || return 1
    if make_bundle "$1" "$W/kept/$1" sign "$W/predicate.json" "$W/cannot" >"$W/said" 2>&1; then
        echo "sigstore-java signs to a log at a path now: take cannot_sign away"
        exit 1
    fi
    grep -q 'log has been frozen' "$W/said" || { cat "$W/said"; exit 1; }
}
AT_PATH= # the log has an address with a path
sign_all() { # PHASE: each signs an artifact of this phase in each form
    local client kind file=$W/$1.bin
    PHASES="$PHASES $1"
    echo "built: $1" >"$file"
    printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"%s.bin","digest":{"sha256":"%s"}}],"predicateType":"%s","predicate":%s}' \
        "$1" "$(sha256sum <"$file" | cut -d' ' -f1)" "$PREDICATE" "$(cat "$W/predicate.json")" >"$file.statement"
    mint >"$W/token"
    run "$B/tenmint" sign --trust-dir "$W/ours" --root "$ROOT" --metadata-url "$MIRROR" --tls-ca "$C/tls.pem" --token-file "$W/token" --bundle "$W/tenmint-$1.json" "$file"
    for client in $CLIENTS; do
        cannot_sign $client && continue
        for kind in $(kinds_of $client); do
            run make_bundle $client "$W/kept/$client" $kind "$file" "$W/$client-$kind-$1.json"
            run ours "$([ $client = model-signing ] && echo model || echo $kind)" "$file" "$W/$client-$kind-$1.json"
        done
    done
}
verify_all() { # CACHES: each verifies what it and we have signed so far
    local client kind phase
    for client in $CLIENTS; do
        [ -d "$W/$1/$client" ] || run initialise $client "$W/$1/$client"
        for phase in $PHASES; do
            for kind in $(kinds_of $client); do
                [ -e "$W/$client-$kind-$phase.json" ] || continue
                run check_bundle $client "$W/$1/$client" $kind "$W/$phase.bin" "$W/$client-$kind-$phase.json"
            done
            [ $client = model-signing ] || run check_bundle $client "$W/$1/$client" sign "$W/$phase.bin" "$W/tenmint-$phase.json"
        done
        ! run check_bundle $client "$W/$1/$client" sign "$W/predicate.json" "$W/$client-sign-begin.json" >/dev/null
    done
}
go_on() { # PHASE WHAT
    local client
    sign_all "$1"
    verify_all kept
    verify_all "new-$1"
    for client in $CLIENTS; do did "$client" "${VERSION[$client]}" "$2$(cannot_sign "$client" && echo " (verifies; signs at a host's root only)")"; done
}

sleep 1 # the windows begin in whole seconds
for client in $CLIENTS; do run initialise $client "$W/kept/$client"; done
go_on begin "initialised; signs, attests and verifies"

"$B/tenmint-ca" rotate "$C" >"$W/out"
trust add-ca --url "$URL" --chain "$C/next/chain.pem" --ca-file "$C/tls.pem"
publish ca "$ADMIN"
sleep 1
"$B/tenmint-ca" rotate "$C" --activate >"$W/out"
same_chain() { curl -sS --max-time 5 --cacert "$C/tls.pem" "$URL/api/v1/rootCert" | openssl x509 -outform DER | cmp -s - <(openssl x509 -in "$C/chain.pem" -outform DER); }
wait_until same_chain
go_on new-ca "the CA has rotated: new and old"

"$B/tenmint-ca" log create "$C/siglog-2" --signatures --origin localhost --shard 2 --password-file "$C/password" >"$W/out"
sed -n '/^signature-log:/,$p' "$W/out" >"$W/section"
kill "$CA_PID"
wait "$CA_PID" || true
{ sed '/^signature-log:/,/^$/d' "$C/tenmint-ca.yaml"; cat "$W/section"; printf '  retired:\n    first: {directory: siglog, public-key: siglog.pem, prefix: /api/v2}\n'; } >"$W/new.yaml"
cp "$W/new.yaml" "$C/tenmint-ca.yaml"
serve
trust add-log --url "$URL/2" --key "$C/siglog-2.pem" --ca-file "$C/tls.pem"
trust retire-log "$URL" --confirm
publish log "$ADMIN"
sleep 1
AT_PATH=yes
go_on new-log "the signature log has rotated: new and old"

(echo "the password of erin" >"$W/erin.password")
"$B/tenmint-tuf" key new erin --key "$W/erin.key" --password-file "$W/erin.password" --out "$W" >"$W/erin.shown"
"$B/tenmint-tuf" key import erin "$W/erin.pub" --dir "$C/tuf" --fingerprint "$(sed -n 's/^fingerprint *//p' "$W/erin.shown")" >"$W/out"
"$B/tenmint-tuf" holder replace admin erin --dir "$C/tuf" >"$W/out"
publish root "$ADMIN" "$W/erin.password:$W/erin.key"
[ -e "$C/tuf/published/2.root.json" ]
go_on new-root "the root has rotated: new and old"
