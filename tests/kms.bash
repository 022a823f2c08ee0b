# A private Sigstore with its keys at a key service: what scripts of such share. Sourced after
# begin.bash. The services are four fakes by their documented APIs (tests/support/fake_kms.py), unless
# the script gives others: URI and ROTATES name its functions then, in place of these.
unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN SIGSTORE_ID_TOKEN
umask 077
export HOME=$W
fake() { # starts the services, again on the same port and with the same keys; 20 ms a signature
    FAKE_KMS_PORT=${KMS_PORT:-0} python3 tests/support/fake_kms.py "$W/keys" 20 >"$W/fake.out" 2>"$W/fake.err" &
    FAKE_PID=$!
    PIDS="${PIDS:-} $FAKE_PID"
    wait_for "$W/fake.out" '[0-9]' || { cat "$W/fake.err"; exit 1; }
    KMS_PORT=$(cat "$W/fake.out")
    KMS=http://127.0.0.1:$KMS_PORT
}
fakes() { # with the credentials that they take
    mkdir "$W/keys"
    fake
    export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret/of+test AWS_REGION=eu-test-1
    export AZURE_TENANT_ID=tenant AZURE_CLIENT_ID=client AZURE_CLIENT_SECRET='client secret' AZURE_AUTHORITY_HOST=$KMS
    export VAULT_TOKEN=static-token VAULT_ADDR=$KMS GCE_METADATA_HOST=127.0.0.1:$KMS_PORT
}
fault() { curl -sS --max-time 10 -X PUT -d "{\"kind\":\"$1\",\"count\":$2}" "$KMS/_fault" >/dev/null; }
fake_uri() { # SERVICE KEY [1, 2: of this version]
    local hex
    case $1 in
    aws) case ${3:-} in '') echo "awskms:alias/$2?endpoint=$KMS" ;; 1) echo "awskms:$2?endpoint=$KMS" ;; *) echo "awskms:$2$3?endpoint=$KMS" ;; esac ;;
    vault) echo "vault:$2${3:+?version=$(($3 + 1))}" ;;
    gcp) echo "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/$2/cryptoKeyVersions/${3:-1}?endpoint=$KMS" ;;
    azure)
        hex=$(printf %s "$2${3:+${3#1}}" | md5sum | cut -c1-32)
        echo "azurekv:test.vault.azure.net/$2${3:+/$hex}?endpoint=$KMS"
        ;;
    esac
}
fake_rotates() { curl -sS --max-time 10 -X PUT -d "{\"name\":\"$1-$2\"}" "$KMS/_rotate" >/dev/null; } # SERVICE KEY
uri() { "${URI:-fake_uri}" "$@"; }
rotates() { "${ROTATES:-fake_rotates}" "$@"; }
make_ca() { # SERVICE DIR
    says "$1: init" 0 "the server's key is" "$B/tenmint-ca" init "$2" --all --url "$URL" --ca-key "$(uri "$1" p256)" \
        --log-key "$(uri "$1" log)" --signature-log-key "$(uri "$1" siglog)" --timestamp-key "$(uri "$1" tsa)" \
        --audit-key "$(uri "$1" audit)"
    printf 'oidc-issuers:\n  "%s": {issuer-url: "%s", client-id: sigstore, type: github-workflow}\n' \
        "$ISSUER" "$ISSUER" >"$2/issuers.yaml"
    sed -i "s/^metrics-listen:.*/metrics-listen: 127.0.0.1:0/" "$2/tenmint-ca.yaml"
    says "$1: check-config" 0 "backend uri" "$B/tenmint-ca" check-config "$2/tenmint-ca.yaml"
}
serve() { # DIR
    : >"$W/ca.log"
    "$B/tenmint-ca" serve --config "$1/tenmint-ca.yaml" >>"$W/ca.log" 2>&1 &
    CA_PID=$!
    PIDS="${PIDS:-} $CA_PID"
    wait_for "$W/ca.log" '"message":"listening"' || { cat "$W/ca.log"; exit 1; }
    METRICS=http://$(address_of 'metrics listening')
}
stop() { kill "$CA_PID"; wait "$CA_PID"; check "$1: SIGTERM" 0 $?; }
body() { # a signing request
    local pub proof sub=repo:acme/widget:ref:refs/heads/main
    [ -s "$W/key" ] || openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$W/key" 2>/dev/null
    pub=$(openssl pkey -in "$W/key" -pubout | awk '{printf "%s\\n", $0}')
    proof=$(printf %s "$sub" | openssl dgst -sha256 -sign "$W/key" | base64 -w0)
    printf '{"credentials":{"oidcIdentityToken":"%s"},"publicKeyRequest":{"publicKey":{"content":"%s"},"proofOfPossession":"%s"}}' \
        "$(mint)" "$pub" "$proof" >"$W/body"
}
ask() { # [curl's arguments]: one certificate; prints the status
    curl -sS --max-time 30 -o "$W/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
        --data-binary @"$W/body" "$@" "$URL/api/v2/signingCert"
}
answers() { [ "$(ask)" = "$1" ]; }
family() { # PID: its processes, and theirs
    local p
    for p in $(pgrep -P "$1"); do echo "$p"; family "$p"; done
}
holders() { # who has the token in its environment
    local p
    for p in $(family "$CA_PID"); do grep -aq 'static-token' "/proc/$p/environ" 2>/dev/null && echo "$p"; done
}
ready() { [ "$(curl -sS --max-time 10 -o "$W/ready" -w '%{http_code}' "$METRICS/readyz")" = "$1" ]; }
within_20s() { for _ in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done; return 1; }

# ---- a client's and the operators' part ----

trusts() { # DIR
    says "trusted" 0 "" "$B/tenmint" trust init --root "$1/tuf/published/1.root.json" --metadata-url "$URL/tuf" --dir "$1.trust"
}
verifies() { # DIR NAME
    says "$2 verifies" 0 "ok      log" "$B/tenmint" verify --dir "$1.trust" --bundle "$1.$2.sigstore.json" \
        --issuer "$ISSUER" --identity-regexp 'https://github\.com/acme/.*' "$1.$2"
}
signs() { # DIR NAME: signs and verifies the file DIR.NAME
    mint >"$W/token"
    echo "$2 of $1" >"$1.$2"
    [ "$2" = pinned ] || sleep 1 # the windows of what is new in the trusted root begin in whole seconds
    says "$2 is signed" 0 "" "$B/tenmint" sign --trust-dir "$1.trust" --token-file "$W/token" "$1.$2"
    verifies "$1" "$2"
}
tuf() { # DIR WORDS COMMAND...
    says "tenmint-tuf ${*:3:2}" 0 "$2" "$B/tenmint-tuf" "${@:3}" --dir "$1/tuf"
}
ceremony() { # DIR NAME SIGNER...: a URI, or nothing for the key in the file
    local event=$1.$2.json signer digest
    tuf "$1" "" propose --name "$2" --reason "$2" --out "$event"
    digest=$("$B/tenmint-tuf" review "$event" | grep -oE '[0-9a-f]{64}' | tail -n 1)
    for signer in "${@:3}"; do
        case $signer in
        *:*) says "signed at the service" 0 "signed by" "$B/tenmint-tuf" sign "$event" --key-uri "$signer" --digest "$digest" ;;
        *) says "signed by $signer" 0 "signed by" "$B/tenmint-tuf" sign "$event" --key "$1/$signer" --password-file "$1/password" --digest "$digest" ;;
        esac
    done
    tuf "$1" "" publish "$event"
    says "the tree verifies" 0 "" "$B/tenmint-tuf" verify "$1/tuf/published"
    says "refreshed" 0 "" "$B/tenmint" trust refresh --dir "$1.trust"
}
holder() { # DIR OLD NEW URI: NEW, whose key the URI names, in OLD's place
    tuf "$1" "fingerprint" key new "$3" --key-uri "$4"
    case $2 in
    online*) tuf "$1" "" holder replace "$2" "$3" --key-uri "$4" ;;
    *) tuf "$1" "" holder replace "$2" "$3" ;;
    esac
}
serves_next() { # DIR: after the reload
    curl -sS --max-time 10 "$URL/api/v2/trustBundle" | grep -qF "$(sed -n 2p "$1/chain.pem")" &&
        curl -sSf --max-time 10 -o /dev/null "$URL/2027/checkpoint" && curl -sSf --max-time 10 -o /dev/null "$URL/log/2027/checkpoint"
}
next_keys() { # SERVICE DIR: of every role of the running server, and what names them to clients
    local c=$2/tenmint-ca.yaml
    says "$1: rotate" 0 "intermediate.uri" "$B/tenmint-ca" rotate "$2" --ca-key "$(uri "$1" p256 2)"
    says "$1: activate" 0 "in service" "$B/tenmint-ca" rotate "$2" --activate
    says "$1: the next log" 0 "" "$B/tenmint-ca" log rotate "$c" 2027 --key-uri "$(uri "$1" log 2)"
    says "$1: in service" 0 "" "$B/tenmint-ca" log rotate "$c" 2027 --activate
    says "$1: the next shard" 0 "" "$B/tenmint-ca" log rotate "$c" 2027 --signatures --key-uri "$(uri "$1" siglog 2)"
    says "$1: in service" 0 "" "$B/tenmint-ca" log rotate "$c" 2027 --signatures --activate
    says "$1: a timestamp authority's chain" 0 "" "$B/tenmint-ca" init "$2.next" --all --url "$URL" --timestamp-key "$(uri "$1" tsa 2)"
    cp "$2.next/tsa.pem" "$2"
    sed -i "/^timestamp-authority:/,/^\$/s|key-uri: .*|key-uri: '$(uri "$1" tsa 2)'|" "$c"
    kill -HUP "$CA_PID"
    within_20s serves_next "$2"; check "$1: the next keys serve" 0 $?
    tuf "$2" "" trust add-ca --url "$URL" --chain "$2/chain.pem"
    tuf "$2" "" trust add-ctlog --url "$URL/log/2027" --key "$2/log-2027.pem"
    tuf "$2" "" trust add-log --url "$URL/2027" --key "$2/siglog-2027.pem" --api-version 2
    tuf "$2" "" trust add-tsa --url "$URL/api/v1/timestamp" --chain "$2/tsa.pem"
}
says_no_secret() { # SERVICE: no credential is in a log, the audit trail, a page or what a command printed
    curl -sS --max-time 10 "$KMS/_secrets" >>"$W/keys/secrets"
    check "$1: credentials that were used" yes "$([ "$(wc -l <"$W/keys/secrets")" -ge 5 ] && echo yes)"
    check "$1: none is in a file or log of ours" "" "$(grep -rlFaf "$W/keys/secrets" --exclude-dir=keys "$W")"
}
every_role() { # SERVICE DIR: each key is followed by its next version, below a running server
    local key
    rotates "$1" siglog
    [ "$1" = gcp ] || says "$1: the newest version is not the log's key" 3 "belongs to another log key" "$B/tenmint-ca" check-config "$2/tenmint-ca.yaml"
    for key in p256 log tsa; do rotates "$1" "$key"; done
    [ "$1" = gcp ] || says "$1: nor the certificate's" 3 "the first certificate is for another key" "$B/tenmint-ca" check-config "$2/tenmint-ca.yaml"
    signs "$2" pinned # what was opened goes on
    next_keys "$1" "$2"
    holder "$2" admin alice "$(uri "$1" holder 1)"
    holder "$2" online online2 "$(uri "$1" online 1)"
    ceremony "$2" first tuf-admin.key "$(uri "$1" holder 1)"
    signs "$2" after
    verifies "$2" before
    rotates "$1" holder
    rotates "$1" online
    holder "$2" alice bob "$(uri "$1" holder 2)"
    holder "$2" online2 online3 "$(uri "$1" online 2)"
    ceremony "$2" second "$(uri "$1" holder 1)" "$(uri "$1" holder 2)"
    signs "$2" last
}
