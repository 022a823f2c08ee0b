#!/usr/bin/env bash
# A CA below a root that is not ours, openssl's: init --csr and rotate --csr make a request, the
# certificate that comes back is taken or refused by name; with keys in files and in a token, whose
# root may be there, too.
set -u
B=${B:-build}
. "$(dirname "$0")/../begin.bash"
make -s all || exit 1
CA=$B/tenmint-ca
corporate() { # NAME: a root, with NAME.key and NAME.pem
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/$1.key" -out "$W/$1.pem" \
        -subj "/O=Corporation/CN=$1" -days 3650 -addext 'basicConstraints=critical,CA:TRUE' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' 2>/dev/null
}
sign() { # REQUEST OUT EXTENSIONS [openssl x509 option...]: by the root "corp", which stands below it
    printf '%b' "$3" >"$W/ext"
    openssl x509 -req -in "$1" -CA "$W/corp.pem" -CAkey "$W/corp.key" -CAcreateserial -extfile "$W/ext" \
        -out "$W/leaf.pem" "${@:4}" 2>"$W/openssl" || cat "$W/openssl"
    cat "$W/leaf.pem" "$W/corp.pem" >"$2"
}
GOOD='basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nextendedKeyUsage=codeSigning\n'
starts() { # DIR NAME: the server of the folder starts, and shows the corporate root
    sed -i 's/127.0.0.1:5555/127.0.0.1:0/; s/127.0.0.1:2112/127.0.0.1:0/' "$1/tenmint-ca.yaml"
    : >"$W/ca.log"
    "$CA" serve --config "$1/tenmint-ca.yaml" >"$W/ca.log" 2>&1 &
    local pid=$!
    PIDS="${PIDS:-} $pid"
    wait_for "$W/ca.log" '"message":"listening"' || { fails=$((fails + 1)); return; }
    curl -sS --max-time 10 "http://$(address_of listening)/api/v1/rootCert" >"$W/served.pem"
    check "$2 starts below the corporate root" 0 \
        "$(openssl verify -CAfile "$W/corp.pem" -purpose any "$W/served.pem" >/dev/null 2>&1; echo $?)"
    kill "$pid"; wait "$pid" 2>/dev/null
}
tree() { (cd "$1" && find . -path ./log -prune -o -path ./audit -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum); }

corporate corp
corporate other

# init --csr, keys in files
D=$W/ca
says "init --csr" 0 "have it signed" "$CA" init "$D" --csr --organization 'Example Ltd'
check "no root of ours" "" "$(ls "$D" | grep -E '^(root|chain)')"
check "the request verifies" 0 "$(openssl req -in "$D/intermediate.csr" -verify -noout >/dev/null 2>&1; echo $?)"
openssl req -in "$D/intermediate.csr" -noout -text >"$W/text"
for want in 'O = Example Ltd, CN = intermediate' 'CA:TRUE, pathlen:0' 'Certificate Sign, CRL Sign' 'Code Signing'; do
    check "it asks for $want" 1 "$(grep -c -- "$want" "$W/text")"
done
says "it does not start without a certificate" 3 "chain.pem" "$CA" serve --config "$D/tenmint-ca.yaml"

# what comes back, and is refused by name; nothing is written then
before=$(tree "$D")
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/x.key" -subj /CN=x -out "$W/x.csr" 2>/dev/null
sign "$W/x.csr" "$W/bad.pem" "$GOOD"
says "another key" 1 "is for another key" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/bad.pem" "$GOOD" -days -1
says "expired" 1 "certificate 1 has expired" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/bad.pem" 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=codeSigning\n'
says "no CA" 1 "certificate is not a CA" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/bad.pem" 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n'
says "no certSign" 1 "certificate 1" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/bad.pem" 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nextendedKeyUsage=serverAuth\n'
says "another usage" 1 "does not allow code signing" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/bad.pem" 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n'
says "no usage" 1 "must have extended key usage code signing" "$CA" rotate "$D" --certificate "$W/bad.pem"
# below a CA that allows none beneath
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$W/mid.key" -subj /CN=mid -out "$W/mid.csr" 2>/dev/null
sign "$W/mid.csr" "$W/mid.pem" "$GOOD"
printf '%b' "$GOOD" >"$W/ext"
openssl x509 -req -in "$D/intermediate.csr" -CA "$W/mid.pem" -CAkey "$W/mid.key" -CAcreateserial -extfile "$W/ext" -out "$W/leaf.pem" 2>/dev/null
cat "$W/leaf.pem" "$W/mid.pem" >"$W/bad.pem"
says "path length" 1 "certificate 2" "$CA" rotate "$D" --certificate "$W/bad.pem"
sign "$D/intermediate.csr" "$W/good.pem" "$GOOD"
cat "$W/leaf.pem" "$W/other.pem" >"$W/bad.pem"
says "another root" 1 "certificate" "$CA" rotate "$D" --certificate "$W/bad.pem"
says "another key from a pipe" 1 "/dev/stdin" sh -c 'cat "$1" | "$2" rotate "$3" --certificate /dev/stdin' sh "$W/bad.pem" "$CA" "$D"
says "an empty pipe" 1 "/dev/stdin" sh -c ': | "$1" rotate "$2" --certificate /dev/stdin' sh "$CA" "$D"
says "the request itself" 1 "" "$CA" rotate "$D" --certificate "$D/intermediate.csr"
says "a missing file" 6 "nowhere.pem" "$CA" rotate "$D" --certificate "$W/nowhere.pem"
check "nothing was written" "$before" "$(tree "$D")"
says "the right one" 0 "the server can start" "$CA" rotate "$D" --certificate "$W/good.pem"
check "the request is gone" 0 "$(ls "$D" | grep -c '\.csr$')"
starts "$D" "init --csr"
says "once more" 1 "no request waits" "$CA" rotate "$D" --certificate "$W/good.pem"

# rotate --csr: of that CA, and of one with a root of ours that comes below the corporate one
for dir in "$D" "$W/own"; do
    [ -d "$dir" ] || says "init" 0 "" "$CA" init "$dir" --no-log
    cp "$dir/chain.pem" "$W/chain.before"
    says "rotate --csr" 0 "have it signed" "$CA" rotate "$dir" --csr
    check "the chain in service stays" 0 "$(cmp -s "$W/chain.before" "$dir/chain.pem"; echo $?)"
    says "not before its certificate is there" 1 "nothing to put in service" "$CA" rotate "$dir" --activate
    says "a second request" 1 "is there already" "$CA" rotate "$dir" --csr
    sign "$dir/next/intermediate.csr" "$W/good.pem" "$GOOD"
    says "the certificate, from a pipe" 0 "publish the chain" \
        sh -c 'cat "$1" | "$2" rotate "$3" --certificate /dev/stdin' sh "$W/good.pem" "$CA" "$dir"
    check "it was taken whole" 0 "$(cmp -s "$W/good.pem" "$dir/next/chain.pem"; echo $?)"
    says "activate" 0 "in service" "$CA" rotate "$dir" --activate
    check "nothing is left" "" "$(ls "$dir/next" 2>/dev/null)"
    starts "$dir" "rotate --csr"
done
says "one at a time" 2 "one at a time" "$CA" rotate "$D" --csr --activate
says "with --all" 2 "neither with --all" "$CA" init "$W/no" --csr --all --url https://ca.example.com
says "a root's key for no root" 2 "makes no root" "$CA" init "$W/no" --csr --root-key pkcs11:token=x

# in a token
MODULE=/usr/lib/softhsm/libsofthsm2.so
mkdir "$W/tokens"
printf 'directories.tokendir = %s/tokens\n' "$W" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label tenmint --so-pin 1234 --pin 5678 >/dev/null || exit 1
(umask 077 && echo 5678 >"$W/pin")
TOKEN="--pkcs11-module $MODULE --pkcs11-token tenmint --pkcs11-pin-file $W/pin"
says "init --csr in a token" 0 "have it signed" "$CA" init "$W/t" --no-log --csr $TOKEN --pkcs11-key ca-1
sign "$W/t/intermediate.csr" "$W/good.pem" "$GOOD"
says "its certificate" 0 "the server can start" "$CA" rotate "$W/t" --certificate "$W/good.pem"
starts "$W/t" "init --csr in a token"
says "rotate --csr in a token" 0 "have it signed" "$CA" rotate "$W/t" --csr --pkcs11-key ca-2
says "that of the old key" 1 "is for another key" "$CA" rotate "$W/t" --certificate "$W/good.pem"
sign "$W/t/next/intermediate.csr" "$W/good.pem" "$GOOD"
says "that of the new one" 0 "publish the chain" "$CA" rotate "$W/t" --certificate "$W/good.pem"
says "activate in a token" 0 "in service" "$CA" rotate "$W/t" --activate
check "the configuration names it" 1 "$(grep -c "pkcs11-key: '*ca-2" "$W/t/tenmint-ca.yaml")"
starts "$W/t" "rotate --csr in a token"
says "a root in a token" 0 "made the root's key 'root-1'" "$CA" init "$W/r" --no-log $TOKEN --pkcs11-root-key root-1
check "no file holds it" 0 "$(ls "$W/r" | grep -c '^root\.key$')"
check "it signed the intermediate" 0 "$(openssl verify -CAfile "$W/r/root.pem" "$W/r/chain.pem" >/dev/null 2>&1; echo $?)"
says "rotate by it" 0 "publish the chain" "$CA" rotate "$W/r" \
    --root-key "pkcs11:token=tenmint;object=root-1?module-path=$MODULE&pin-source=file:$W/pin"

[ "$fails" -eq 0 ] || { echo "$fails failed"; exit 1; }
