#!/usr/bin/env bash
# Repositories that others began (python-tuf, go-tuf v1 and v2, tough, the shapes of tuf-on-ci and
# RSTUF) become workspaces by `tenmint-tuf init --from`: nothing to propose, every member and keyid as it was.
# Then each goes on: renewal, a new target, a new holder, a revocation; and python-tuf, go-tuf v1 and
# v2, tuf-js, tough and our client follow from the oldest root that they accept, and from the state
# before. go-tuf v2 needs a newer Go, tough is built by `make interop`.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
. tests/interop/go-peer.bash
make -s all
install_peers
go_peer tuf-go
TUF_GO=build/interop/tuf-go/tuf-go
NEWER= # peers that are not everywhere
if go_is_new; then
    go_peer tuf-go2
    NEWER=go2
fi
! tough_peer || NEWER="$NEWER tough"
FOREIGN="$PYTHON_TUF tests/interop/tuf-python/foreign.py"
T=$B/tenmint-tuf

own_keys() { # each private key of $W/keys as the policy calls it: $W/NAME.key
    local key name pub
    for key in "$W"/keys/*.key; do
        pub=$(openssl pkey -in "$key" -pubout)
        for name in "$W"/tuf/keys/*.pub; do
            [ "$(cat "$name")" = "$pub" ] || continue
            install -m 600 "$key" "$W/$(basename "$name" .pub).key"
        done
    done
    for name in $(sed -n '/^online-keys/,/^$/s/^  "\(.*\)": {file.*/\1/p' "$W/tuf/policy.yaml"); do
        cp -p "$W/$name.key" "$W/tuf/$name.key"
    done
}
signed_by() { # EVENT NAME...: each that may signs a copy, all are merged
    local event=$1 name
    shift
    for name in "$@"; do
        cp "$event" "$W/by-$name.json"
        "$T" sign "$W/by-$name.json" --key "$W/$name.key" --trusted "$W/first.json" \
            $([ ! -e "$W/$name.password" ] || echo --password-file "$W/$name.password") \
            --digest "$(event_digest "$event")" >"$W/sign.out" 2>"$W/err" ||
            grep -q 'may sign nothing' "$W/err" || return
    done
    "$T" merge "$event" $(for name in "$@"; do echo "$W/by-$name.json"; done) >"$W/merge.out"
}
READERS="python go js ours $NEWER"
read_by_python() {
    mkdir -p "$1"
    $PYTHON_TUF tests/interop/tuf-python/client.py "$1" "$FILES/" "$W/first.json" "$2" "$FILES/targets/" "$3"
}
read_by_go() { $TUF_GO read "$1" "$FILES" "$W/first.json" "$2" "$3"; }
read_by_go2() { build/interop/tuf-go2/tuf-go2 read "$1" "$FILES" "$W/first.json" "$2" "$3"; }
read_by_tough() { $TUF_TOUGH read "$1" "$FILES" "$W/first.json" "$2" "$3"; }
read_by_js() { node $TUF_JS "$1" "$FILES" "$W/first.json" "$2" "$FILES/targets" "$3"; }
read_by_ours() {
    cp "$("$B/tenmint" trust get "$2" --dir "$1" --root "$W/first.json" --metadata-url "$FILES")" "$3"
}
follow() { # TARGET WANT [CACHE]: the clients, each from its own cache or a new one
    local cache=$W/cache-${3:-$RANDOM$RANDOM} c
    for c in $READERS; do
        read_by_"$c" "$cache/$c" "$1" "$W/got" || { echo "$c: cannot read $1"; return 1; }
        [ "$(cat "$W/got")" = "$2" ] || { echo "$c: $1 is not '$2'"; return 1; }
    done
}
holders() { # ROLE: of the policy
    sed -n "/^  $1:/,/threshold/s/.*holders: \[\(.*\)\]/\1/p" "$W/tuf/policy.yaml" | tr -d '",'
}
take_over() { # FROM [OPTION...]
    "$T" init "$W/tuf" --from "$@" >"$W/init.out"
    mkdir "$W/old"
    cp -r "$W/tuf/published/." "$W/old"
    "$T" propose --dir "$W/tuf" >"$W/propose.out"
    grep -q '^nothing to propose' "$W/propose.out"
    own_keys
    serve_files "$W/tuf/published"
    "$T" verify "$W/tuf" >"$W/verify.out"
    "$T" history "$W/tuf" >"$W/history.out"
}
lost() { # [REGEX of what may]: nothing else that was in the metadata has gone
    $FOREIGN check "$W/old" "$W/tuf/published" | { grep -vE "${1:-^$}" || true; } >"$W/lost"
    [ ! -s "$W/lost" ] || { echo "gone:"; cat "$W/lost"; return 1; }
}
goes_on() { # TARGET WANT: TARGET is read; then every command goes on with it
    local root=($(holders root)) targets=($(holders targets)) all
    follow "$1" "$2" old
    "$T" refresh --dir "$W/tuf" --force >/dev/null
    follow "$1" "$2" old
    lost 'timestamp.json/meta|snapshot.json/hashes'
    echo "ok   taken over, renewed, read from the oldest root by $READERS"

    printf newer >"$W/tuf/targets/top.txt"
    holder_key erin
    "$T" holder replace "${root[0]}" erin root --dir "$W/tuf" >/dev/null
    all=$(printf '%s\n' "${root[@]}" "${targets[@]}" erin | sort -u)
    "$T" propose --dir "$W/tuf" --name first --reason 'erin joins' --out "$W/first-event.json" >/dev/null
    "$T" review "$W/first-event.json" --trusted "$W/first.json" --dir "$W/tuf" >"$W/review.out"
    signed_by "$W/first-event.json" $all
    "$T" publish --dir "$W/tuf" "$W/first-event.json" >/dev/null
    follow top.txt newer old
    follow top.txt newer
    follow "$1" "$2"
    lost "root.json/(keys/[^/]*|roles/root/keyids)$|targets.json/targets/top.txt/(length|hashes)|meta|snapshot.json/hashes"
    echo "ok   a target changed, a holder replaced; followed from the state before too"

    "$T" revoke "${root[1]}" --replace-by frank --reason leaves --dir "$W/tuf" --out "$W/second.json" >/dev/null 2>"$W/err" && return 1
    holder_key frank
    "$T" revoke "${root[1]}" --replace-by frank --reason leaves --dir "$W/tuf" --out "$W/second.json" >/dev/null
    signed_by "$W/second.json" $(printf '%s\n' "${root[@]:1}" "${targets[@]}" erin frank | sort -u)
    "$T" publish --dir "$W/tuf" "$W/second.json" >/dev/null
    follow top.txt newer old
    "$T" verify "$W/tuf" >"$W/verify.out"
    "$T" diff "$W/old" "$W/tuf" >"$W/diff.out"
    "$T" status --dir "$W/tuf" >"$W/status.out"
    "$T" history "$W/tuf" --lines | grep -q taken-over
    echo "ok   a key revoked; verify, diff, status and history read it"
}
begin() { # KIND
    echo "== $1"
    W=$SCRATCH/$1
    mkdir "$W"
    export XDG_STATE_HOME=$W/state
}

# tough loses the unknown members of delegations, and with them the signature; in the second tree it
# asks for targets in folders by names that nobody serves.
READERS=${READERS/ tough/}
begin python-tuf
$FOREIGN write python-tuf "$W"
cp "$W/from/metadata/1.root.json" "$W/first.json"
take_over "$W/from"
goes_on project/web/b.txt below

begin on-ci
$FOREIGN write on-ci "$W"
cp "$W/from/metadata/root_history/3.root.json" "$W/first.json"
take_over "$W/from"
grep -q 'root 2 is history that nobody can trust' "$W/init.out"
grep -q '^first-root: 3' "$W/tuf/policy.yaml"
goes_on registry.npmjs.org/keys.json '{}'

# Its delegations by hash have "paths": null beside the prefixes: python-tuf and tuf-js cannot read it.
begin go-tuf
READERS="go ours"
$TUF_GO write "$W/from"
cp "$W/from/repository/1.root.json" "$W/first.json"
$FOREIGN keys "$W/from/keys" "$W"
take_over "$W/from/repository"
goes_on bins/7 bins/7

if go_is_new; then
    begin go-tuf2
    READERS="python go js ours $NEWER"
    build/interop/tuf-go2/tuf-go2 write "$W"
    cp "$W/from/metadata/1.root.json" "$W/first.json"
    take_over "$W/from"
    goes_on project-a.txt delegated
fi

tough_keys() { # what tuftool reads: DER, RSA as PEM
    local name
    mkdir -p "$W/keys"
    for name in anna beth carl dora paul online; do
        case $name in
        anna | online) openssl genpkey -algorithm ed25519 ;;
        carl) openssl genrsa -traditional 2048 2>/dev/null ;;
        *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 ;;
        esac >"$W/keys/$name.key"
        openssl pkcs8 -topk8 -nocrypt -in "$W/keys/$name.key" -outform DER -out "$W/keys/$name.der"
        [ $name != carl ] || cp "$W/keys/$name.key" "$W/keys/$name.der"
    done
}
if [ -x $TUF_TOUGH ]; then
    begin tough
    READERS="python go js ours $NEWER"
    tough_keys
    $TUF_TOUGH write "$W" "$(date -u -d '+200 days' +%FT%TZ)"
    cp "$W/from/metadata/1.root.json" "$W/first.json"
    take_over "$W/from"
    goes_on project-a.txt delegated

    # "in 7 days" gives tuftool's targets, snapshot and timestamp dates that only Go and Rust read.
    W=$W/fraction
    mkdir "$W"
    tough_keys
    $TUF_TOUGH write "$W" "$(date -u -d '+200 days' +%FT%T.123456789Z)"
    if "$T" init "$W/tuf" --from "$W/from" >"$W/init.out" 2>"$W/err"; then exit 1; fi
    grep -q "'expires' .*2030-01-31T12:00:00Z" "$W/err"
    grep -q "whole seconds" "$W/err"
    [ ! -e "$W/tuf" ]
    echo "ok   dates with fractions: refused, with what to do"
fi

# RSTUF's one online key signs targets too, and its artifacts are elsewhere; it is told of, and kept.
begin rstuf
READERS="ours python js"
$FOREIGN write rstuf "$W"
cp "$W/from/metadata/1.root.json" "$W/first.json"
mkdir -p "$W/empty"
if "$T" init "$W/tuf" --from "$W/from" --targets "$W/empty" >"$W/init.out" 2>"$W/err"; then exit 1; fi
grep -q 'cannot be carried' "$W/err" && grep -q "target 'v0/file0.tar.gz'" "$W/err"
[ ! -e "$W/tuf" ]
serve_files "$W"
take_over "$FILES/from" --targets "$FILES/artifacts"
grep -q "^shared-keys: \["'"online"\]' "$W/tuf/policy.yaml"
follow v7/file7.tar.gz "artifact 7"
printf changed >"$W/tuf/bins/v7/file7.tar.gz"
"$T" publish --dir "$W/tuf" >/dev/null
follow v7/file7.tar.gz changed
lost 'meta|hashes|length'
"$T" propose --renew targets --dir "$W/tuf" --out "$W/renew.json" >/dev/null
signed_by "$W/renew.json" online
"$T" publish --dir "$W/tuf" "$W/renew.json" >/dev/null
follow v8/file8.tar.gz "artifact 8"
"$T" verify "$W/tuf" >"$W/verify.out"
echo "ok   taken over by URL; a changed artifact, and targets anew"

# What cannot be carried is said, and nothing is written.
W=$SCRATCH/python-tuf
mkdir -p "$SCRATCH/bare/metadata"
cp "$W"/from/metadata/*.json "$SCRATCH/bare/metadata"
if "$T" init "$SCRATCH/refused" --from "$SCRATCH/bare" >"$W/out" 2>"$W/err"; then exit 1; fi
grep -q "target 'top.txt'" "$W/err"
[ -z "$(ls -d "$SCRATCH"/refused* 2>/dev/null)" ]
# A root that was kept must be one of its chain.
cp "$SCRATCH/rstuf/first.json" "$SCRATCH/other.json"
code=0
"$T" init "$SCRATCH/refused" --from "$W/from" --trusted "$SCRATCH/other.json" >"$W/out" 2>"$W/err" || code=$?
[ $code = 4 ] && grep -q 'not the trusted one' "$W/err"
"$T" init "$SCRATCH/second" --from "$W/from" --trusted "$W/from/metadata/2.root.json" >/dev/null
grep -q '^first-root: 2' "$SCRATCH/second/policy.yaml"
"$T" propose --dir "$SCRATCH/second" | grep -q '^nothing to propose'
echo "taken over, and carried on"
