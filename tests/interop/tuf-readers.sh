#!/usr/bin/env bash
# The table of compatibility (tuf/manager/policy/readers.c) against the real clients: for each of
# its rows, and for what it has no row for, one repository, and whether python-tuf, go-tuf v1 and v2
# (set up as cosign's client is), tuf-js 5 and 6, tough and cosign itself read it. `propose` says what
# the table thinks: with the client under `readers` it refuses, or it does not. go-tuf v2 needs a newer
# Go, tough and cosign are built by `make interop`; which was tried is said at the end.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
. tests/interop/go-peer.bash
make -s all
install_peers
go_peer tuf-go
T=$B/tenmint-tuf
JS6=build/interop/tuf-js6
READERS="python-tuf go-tuf-v1 tuf-js"
if go_is_new; then
    go_peer tuf-go2
    READERS="$READERS cosign"
fi
mkdir -p $JS6
cp tests/interop/tuf-js6/package*.json tests/interop/tuf-js/client.js $JS6/
(cd $JS6 && npm ci --no-progress >/dev/null 2>&1 && node -e 'require("tuf-js")' 2>/dev/null) && READERS="$READERS tuf-js-6"
! tough_peer || READERS="$READERS tough"
! cosign_peer || READERS="$READERS cosign-program"

read_by() { # READER CACHE TARGET FILE
    local cache=$2 root=$W/pinned.root
    case $1 in
    python-tuf)
        mkdir -p "$cache"
        $PYTHON_TUF tests/interop/tuf-python/client.py "$cache" "$FILES/" "$root" "$3" "$FILES/targets/" "$4" ;;
    go-tuf-v1) build/interop/tuf-go/tuf-go read "$cache" "$FILES" "$root" "$3" "$4" ;;
    cosign) build/interop/tuf-go2/tuf-go2 read "$cache" "$FILES" "$root" "$3" "$4" ;;
    tuf-js) node $TUF_JS "$cache" "$FILES" "$root" "$3" "$FILES/targets" "$4" ;;
    tuf-js-6) node $JS6/client.js "$cache" "$FILES" "$root" "$3" "$FILES/targets" "$4" ;;
    cosign-program) # it names no target but asks for trusted_root.json, which lies beside plain.txt
        HOME=$cache TUF_ROOT=$cache/tuf $COSIGN initialize --mirror "$FILES" --root "$root" >"$W/cosign.out" 2>&1 &&
            ! grep 'failed to get target' "$W/cosign.out" && printf content >"$4" ;;
    tough) $TUF_TOUGH read "$cache" "$FILES" "$root" "$3" "$4" ;;
    esac
}
wrong=0 tried=0
# ROW TARGET [KEY-TYPE...]: policy lines from stdin; files are made by `fill`.
row() {
    W=$SCRATCH/$((++rows))
    mkdir "$W"
    export XDG_STATE_HOME=$W/state
    trust_workspace "${@:3}"
    cat >>"$W/tuf/policy.yaml"
    fill "$2"
    [ "$2" != plain.txt ] || (cd "$(dirname "$(find "$W/tuf" -name plain.txt)")" && cp plain.txt trusted_root.json)
    cp -r "$W/tuf" "$W/first" # as before the first publication: what the table is asked about
    ceremony first "$1" alice bob carol >"$W/out" 2>&1 || { cat "$W/out"; exit 1; }
    cp "$W/tuf/published/1.root.json" "$W/pinned.root"
    ask_all "$1" "$2" "$W/tuf/published"
}
ask_all() { # ROW TARGET DIR [PROPOSE-OPTION...]: what the readers read of a tree, and the table says
    serve_files "$3"
    for reader in $READERS; do
        [ "$reader" != cosign-program ] || [ "$2" = plain.txt ] || continue # it takes no names
        sed "\$a readers: [$(echo "$reader" | sed 's/-js-6$/-js/; s/-program$//')]" "$W/tuf/policy.yaml" >"$W/first/policy.yaml"
        ask "$1" "$reader" "$2" "${@:4}"
    done
    stop_all
}
ask() { # ROW READER TARGET [PROPOSE-OPTION...]
    local got=no says=yes
    rm -f "$W/got"
    read_by "$2" "$W/cache-$2" "$3" "$W/got" >"$W/read.out" 2>&1 && [ "$(cat "$W/got")" = content ] && got=yes
    if ! "$T" propose --dir "$W/first" --name asks --out "$W/asks.json" "${@:4}" >"$W/asks.out" 2>&1; then
        grep -q "under 'readers'" "$W/asks.out" || { cat "$W/asks.out"; exit 1; }
        says=no
    fi
    rm -f "$W/asks.json"
    tried=$((tried + 1))
    [ $got = $says ] && return
    echo "WRONG $1: the table says '$2 reads it: $says', and the client says $got"
    tail -n 2 "$W/read.out"
    wrong=$((wrong + 1))
}
rows=0
TRIED=$READERS
fill() { mkdir -p "$(dirname "$W/tuf/targets/$1")" && printf content >"$W/tuf/targets/$1"; }
for name in plain.txt 'a%41b.txt' 'a#b.txt' 'a?b.txt' 'dir/b.txt' 'a b.txt' 'é.txt' 'a&b+c=d.txt' "a'b.txt" 'a[b].txt' 'a:b@c,d.txt'; do
    row "a target called $name" "$name" </dev/null
done
row "an Ed25519 key" plain.txt ed25519 </dev/null
row "an RSA key" plain.txt rsa </dev/null
row "a P-384 key" plain.txt p384 </dev/null
fill() { mkdir -p "$W/tuf/in" && printf content >"$W/tuf/in/$1"; }
row "hash bins" plain.txt <<'POLICY'
bins: {bits: 2, prefix: bin, holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: in}
online-trust: [bins]
POLICY
row "path-hash-prefixes" plain.txt <<'POLICY'
delegations:
  all:
    holders: [online]
    threshold: 1
    expiry: 90d
    signing: 30d
    directory: in
    path-hash-prefixes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"]
online-trust: [all]
POLICY
row "a delegation by paths" plain.txt <<'POLICY'
delegations:
  all: {holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: in, paths: ["*.txt", trusted_root.json]}
online-trust: [all]
POLICY
# As others began it: no key of ours has such a keyid.
W=$SCRATCH/keyids
mkdir "$W"
$PYTHON_TUF tests/interop/tuf-python/foreign.py write keyids "$W"
"$T" init "$W/tuf" --from "$W/from" >"$W/out" 2>&1 || { cat "$W/out"; exit 1; }
cp -r "$W/tuf" "$W/first"
cp -r "$W/from/targets" "$W/from/metadata/"
cp "$W/from/metadata/1.root.json" "$W/pinned.root"
ask_all "keyids that are no hashes" plain.txt "$W/from/metadata" --renew root
fill() { # over 5,000,000 bytes of metadata by long names
    local d
    d=$W/tuf/targets/$(printf 'x%.0s' $(seq 90))/$(printf 'y%.0s' $(seq 90))
    mkdir -p "$d"
    awk -v d="$d" 'BEGIN { for (i = 0; i < 16500; i++) { f = d "/" i; print i >f; close(f) } }'
    printf content >"$W/tuf/targets/$1"
}
# tuf-js: minutes, square in the number of targets. tough reads such a file, but not these names.
READERS=$(echo " $READERS " | sed 's/ tuf-js-6 / /; s/ tuf-js / /; s/ tough / /')
row "metadata of over 5,000,000 bytes" plain.txt </dev/null
echo "$tried verdicts of: $TRIED; $wrong of the table were wrong"
[ $wrong = 0 ]
