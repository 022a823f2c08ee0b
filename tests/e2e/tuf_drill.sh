#!/usr/bin/env bash
# Five holders, threshold three: README's ceremony typed as it stands there, at a terminal, by single
# files; one key in SoftHSM, and a holder on Windows, whose editors write CRLF and byte order marks.
# Then one key is stolen (revoked and replaced), one is lost (replaced), over git with `hold`.
set -u
. "$(dirname "$0")/../begin.bash"
TOP=$PWD
export GIT_CONFIG_GLOBAL=$W/gitconfig GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.com \
    GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.com
here() { # WHO LINE [ANSWER]...: a line of README, as it stands but for names, typed in WHO's own folder
    local who=$1 line=$2 rc=0
    shift 2
    (cd "$W/$who" && XDG_STATE_HOME=$W/$who/state PATH=$TOP/$B:$PATH \
        python3 "$TOP/tests/e2e/typed.py" "$@" -- bash -c "$line") >"$W/said" 2>&1 || rc=$?
    check "$who: $line" 0 $rc
    [ $rc = 0 ] || tail -n 5 "$W/said"
}
readme() { # LINE: README, or its page of runbooks, has it
    grep -qF -- "$1" README.md tools/shared/tenmint-operating.7 || { echo "FAIL README has no '$1'"; fails=$((fails + 1)); }
}
windows() { # FILE...: as an editor on Windows saves it
    local f
    for f in "$@"; do
        { printf '\357\273\277' && sed 's/$/\r/' "$f"; } >"$f.new" && cat "$f.new" >"$f" && rm "$f.new"
    done
}
password() { echo "a long password of $1"; }
answers() { # HOLDER [DIGEST]
    echo "+(assword|again)=$(password "$1")"
    [ $# -lt 2 ] || echo "igest=$2"
}
make_key() { # HOLDER: README's step 1
    mkdir -p "$W/$1"
    mapfile -t a < <(answers "$1")
    here "$1" "tenmint-tuf key new $1 --key $1.key --out ." "${a[@]}"
    sed -n 's/^fingerprint *//p' "$W/said" >"$W/$1/fingerprint"
}
give_key() { # HOLDER: the public key goes to the coordinator, the fingerprint by voice
    cp "$W/$1/$1.pub" "$W/coordinator/"
    here coordinator "tenmint-tuf key import $1 $1.pub --fingerprint $(cat "$W/$1/fingerprint") --dir tuf"
}
receive() { # HOLDER: review; the digest is read out
    here "$1" "tenmint-tuf review event.json ${2:-}"
    digest=$(sed -n 's/^Digest *//p' "$W/said")
    check "$1 reads the digest that the others read" "${agreed:-$digest}" "$digest"
    agreed=$digest
}
for line in 'tenmint-tuf key new alice --key alice.key --out .' 'tenmint-tuf review event.json' \
    'tenmint-tuf sign event.json --key alice.key' 'tenmint-tuf hold REMOTE --key alice.key' \
    'tenmint-tuf init tuf --holders alice,bob,carol --threshold 2' \
    'tenmint-tuf key import alice alice.pub --fingerprint HEX --dir tuf' \
    'tenmint-tuf trust add-ca --url https://ca.example.com --chain chain.pem --dir tuf --offline' \
    'tenmint-tuf trust add-ctlog --url https://ca.example.com/log --key log.pem --dir tuf --offline' \
    "tenmint-tuf propose --dir tuf --name first --reason 'the first root'" \
    'tenmint-tuf merge tuf/events/first.json from-alice.json from-bob.json' \
    'tenmint-tuf publish --dir tuf tuf/events/first.json' 'tenmint-tuf status --dir tuf' \
    'tenmint-tuf revoke bob --replace-by dave --reason'; do
    readme "$line"
done

# The first ceremony, by single files.
mkdir "$W/coordinator" "$W/tokens"
printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$W/tokens" >"$W/softhsm.conf"
export SOFTHSM2_CONF=$W/softhsm.conf
softhsm2-util --init-token --free --label erin --pin 135790 --so-pin 24680123 >/dev/null || exit 1
TOKEN="--pkcs11-module /usr/lib/softhsm/libsofthsm2.so --pkcs11-token erin --pkcs11-key root --pin-file pin"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -subj /O=x/CN=ca \
    -addext keyUsage=critical,keyCertSign -days 3000 -out "$W/coordinator/chain.pem" 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -out "$W/coordinator/log.pem"
here coordinator 'tenmint-tuf init tuf --holders alice,bob,carol,dave,erin --threshold 3'
windows "$W/coordinator/tuf/policy.yaml" "$W/coordinator/chain.pem" "$W/coordinator/log.pem"
for h in alice bob carol dave; do make_key $h; done
mkdir "$W/erin"
(umask 077 && echo 135790 >"$W/erin/pin")
windows "$W/erin/pin" "$W/dave/dave.pub"
here erin "tenmint-tuf key new erin $TOKEN --out ."
sed -n 's/^fingerprint *//p' "$W/said" >"$W/erin/fingerprint"
for h in alice bob carol dave erin; do give_key $h; done
here coordinator 'tenmint-tuf trust add-ca --url https://ca.example.com --chain chain.pem --dir tuf --offline'
here coordinator 'tenmint-tuf trust add-ctlog --url https://ca.example.com/log --key log.pem --dir tuf --offline'
here coordinator "tenmint-tuf propose --dir tuf --name first --reason 'the first root'"
for h in alice dave erin; do cp "$W/coordinator/tuf/events/first.json" "$W/$h/event.json"; done
unset agreed
for h in alice dave erin; do receive $h; done
mapfile -t a < <(answers alice "$agreed")
here alice 'tenmint-tuf sign event.json --key alice.key' "${a[@]}"
(umask 077 && password dave >"$W/dave/password")
windows "$W/dave/password" "$W/dave/dave.key"
here dave 'tenmint-tuf sign event.json --key dave.key --password-file password' "igest=$agreed"
here erin "tenmint-tuf sign event.json $TOKEN" "igest=$agreed"
for h in alice dave erin; do cp "$W/$h/event.json" "$W/coordinator/from-$h.json"; done
here coordinator 'tenmint-tuf merge tuf/events/first.json from-alice.json from-dave.json from-erin.json'
here coordinator 'tenmint-tuf publish --dir tuf tuf/events/first.json'
here coordinator 'tenmint-tuf status --dir tuf'
here coordinator 'tenmint-tuf verify tuf'
for h in alice bob carol dave erin; do cp "$W/coordinator/tuf/published/1.root.json" "$W/$h/"; done

# bob's key is stolen, carol's is lost: frank and gina come; over git.
make_key frank && make_key gina
give_key frank && give_key gina
git init -q --bare -b main "$W/remote.git"
git clone -q "$W/remote.git" "$W/coordinator/git" 2>/dev/null
mkdir "$W/coordinator/git/events"
here coordinator 'tenmint-tuf holder replace carol gina --dir tuf'
here coordinator "tenmint-tuf revoke bob --replace-by frank --reason 'laptop stolen' --dir tuf --out git/events/second/"
(cd "$W/coordinator/git" && git checkout -q -B main && git add -A && git commit -qm second && git push -q origin main) || exit 1
digest=$("$B/tenmint-tuf" review "$W/coordinator/git/events/second" --trusted "$W/alice/1.root.json" | sed -n 's/^Digest *//p')
mapfile -t a < <(answers alice "$digest")
here alice "tenmint-tuf hold $W/remote.git --key alice.key --trusted 1.root.json" "${a[@]}"
here dave "tenmint-tuf hold $W/remote.git --key dave.key --password-file password --trusted 1.root.json" "igest=$digest"
here erin "tenmint-tuf hold $W/remote.git $TOKEN --trusted 1.root.json" "igest=$digest"
for h in frank gina; do
    mapfile -t a < <(answers $h "$digest")
    here $h "tenmint-tuf hold $W/remote.git --key $h.key" "${a[@]}"
done
(cd "$W/coordinator/git" && git pull -q origin main) || exit 1
here coordinator 'tenmint-tuf publish --dir tuf git/events/second'
here coordinator 'tenmint-tuf verify tuf'
root=$W/coordinator/tuf/published/2.root.json
for h in alice dave erin frank gina; do
    check "$h holds" 1 "$(grep -c "\"x-tenmint-keyowner\": \"$h\"" "$root")"
done
for h in bob carol; do check "$h does not" 0 "$(grep -c "\"x-tenmint-keyowner\": \"$h\"" "$root")"; done
# What the thief signs is no signature any more.
here coordinator "tenmint-tuf propose --dir tuf --name third --renew root --reason renewal"
cp "$W/coordinator/tuf/events/third.json" "$W/bob/event.json"
cp "$root" "$W/bob/"
mapfile -t a < <(answers bob "$("$B/tenmint-tuf" review "$W/bob/event.json" | sed -n 's/^Digest *//p')")
(cd "$W/bob" && XDG_STATE_HOME=$W/bob/state python3 "$TOP/tests/e2e/typed.py" "${a[@]}" -- \
    "$TOP/$B/tenmint-tuf" sign event.json --key bob.key --trusted 2.root.json) >"$W/said" 2>&1
check "bob's stolen key signs nothing" 1 "$(grep -c 'may sign nothing' "$W/said")"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
echo "ok   a ceremony of five, a stolen key, a lost one"
