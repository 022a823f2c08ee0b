#!/usr/bin/env bash
# Each process of a whole private Sigstore, made to try what it must not: a table of roles and calls
# (tests/roles), each attempt in the role's own sandbox. And each, sent what is no message or not its peer's to send: it says so and ends.
set -u
B=build # a sanitized one has no sandbox
. "$(dirname "$0")/../begin.bash"
make -s all test-programs >/dev/null || exit 1
"$B/tenmint-ca" init "$W/ca" --all --url http://127.0.0.1:5555 --organization Test >"$W/init" || { cat "$W/init"; exit 1; }
printf 'oidc-issuers:\n  "http://127.0.0.1:1": {issuer-url: "http://127.0.0.1:1", client-id: sigstore, type: github-workflow}\n' \
    >"$W/ca/issuers.yaml"
# Each attempt that is killed starts all processes again: keys without a password spare their time.
for k in intermediate log siglog tsa audit; do
    openssl pkey -in "$W/ca/$k.key" -passin "file:$W/ca/password" -out "$W/ca/$k.plain" &&
        mv "$W/ca/$k.plain" "$W/ca/$k.key" && chmod 600 "$W/ca/$k.key"
done
# What lies beside an anchor is nobody's to read.
mkdir -m 700 "$W/ca/anchors"
echo key >"$W/ca/anchors/other.key"
sed -i 's/^\( *\)\(origin\): .*/&\n\1anchor: anchors\/@/' "$W/ca/tenmint-ca.yaml"
perl -pi -e 's/@/$./ if /anchor: anchors/' "$W/ca/tenmint-ca.yaml"
# All roles there are: that of keys at services is started for such a key alone.
names=$("$B/tests/roles" "$W/ca/tenmint-ca.yaml")
rc=$?
[ "$rc" = 77 ] && { echo "no sandbox in this build"; exit 0; }
mkdir -m 700 "$W/keys"
cp "$W/ca/tsa.key" "$W/keys/p256.pem"
python3 tests/support/fake_kms.py "$W/keys" >"$W/kms.out" 2>"$W/kms.err" &
PIDS="${PIDS:-} $!"
wait_for "$W/kms.out" '^[0-9]' || { cat "$W/kms.err"; exit 1; }
sed "s,^  key: tsa.key,  key-uri: 'vault:p256?endpoint=http://127.0.0.1:$(head -n 1 "$W/kms.out")',; /^timestamp-authority:/,/^[a-z]/{/password-file/d}" \
    "$W/ca/tenmint-ca.yaml" >"$W/ca/services.yaml"
# One lane to each process, and the store of used tokens: every channel that there is, once.
printf '%s\n' 'workers: 1' 'limits: {single-use-tokens: true, single-use-store: "redis://127.0.0.1:1/0"}' >>"$W/ca/services.yaml"
# A credential of the service lies beside the server's keys: it is read, they are not.
export HOME=$W/ca
(umask 077 && printf static-token >"$HOME/.vault-token")
# shellcheck disable=SC2046 # names are words
timeout 600 "$B/tests/roles" "$W/ca/tenmint-ca.yaml" $(grep -vx keys <<<"$names") >"$W/out" 2>&1 &&
    timeout 600 "$B/tests/roles" "$W/ca/services.yaml" keys noise >>"$W/out" 2>&1
rc=$?
grep -v '^{' "$W/out"
[ "$rc" = 0 ] || grep '^{' "$W/out" | tail -n 5
# Who ended has said why: a line for each message that was none.
[ "$(grep -c '"a process of the server sent what is not of its protocol"' "$W/out")" = "$(grep -c ' sends .*: that ends$' "$W/out")" ] ||
    { echo "FAIL: not each said why it ended"; rc=1; }
exit "$rc"
