#!/usr/bin/env bash
# go-tuf reads what tenmint-tuf publishes: plain targets, delegations by paths and by hash prefixes;
# from the first root, and from an old state through a root rotation. Our client reads what go-tuf
# writes, through a rotation too.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
. tests/interop/go-peer.bash
make -s all
go_peer tuf-go
TUF_GO=build/interop/tuf-go/tuf-go
got() { # CACHE ROOT TARGET WANT: go-tuf's copy of the target
    $TUF_GO read "$W/$1" "$FILES" "$2" "$3" "$W/out"
    [ "$(cat "$W/out")" = "$4" ] || { echo "go-tuf: $3 is not '$4'"; exit 1; }
    echo "ok   go-tuf: $3"
}

workspace ours <<'POLICY'
delegations:
  project:
    holders: [dave]
    threshold: 1
    expiry: 90d
    signing: 30d
    directory: project
    paths: ["project/*"]
    terminating: true
  low:
    holders: [online]
    threshold: 1
    expiry: 90d
    signing: 30d
    directory: low
    path-hash-prefixes: ["0", "1", "2", "3", "4", "5", "6", "7"]
  high:
    holders: [online]
    threshold: 1
    expiry: 90d
    signing: 30d
    directory: high
    path-hash-prefixes: ["8", "9", "a", "b", "c", "d", "e", "f"]
POLICY
holder_key dave
mkdir -p "$W/tuf/project/project" "$W/tuf/low" "$W/tuf/high"
echo delegated >"$W/tuf/project/project/a.txt"
for i in 1 2 3 4; do
    case $(printf %s "n$i.txt" | sha256sum) in
    [0-7]*) half=low ;;
    *) half=high ;;
    esac
    echo "number $i" >"$W/tuf/$half/n$i.txt"
done
publish_first alice bob dave
got old "$W/pinned.root" top.txt top
got old "$W/pinned.root" project/a.txt delegated
for i in 1 2 3 4; do got old "$W/pinned.root" "n$i.txt" "number $i"; done
if $TUF_GO read "$W/old" "$FILES" "$W/pinned.root" project/b.txt "$W/out" 2>"$W/err"; then exit 1; fi
grep -q 'unknown target' "$W/err"
holder_key erin
"$B/tenmint-tuf" holder replace bob erin --dir "$W/tuf" >/dev/null
echo newer >"$W/tuf/targets/top.txt"
ceremony second "erin for bob" alice bob erin
[ -e "$W/tuf/published/2.root.json" ]
got old "$W/pinned.root" top.txt newer
got new "$W/pinned.root" top.txt newer
got new "$W/pinned.root" project/a.txt delegated
"$B/tenmint-tuf" refresh --dir "$W/tuf" --force >/dev/null
got old "$W/pinned.root" n1.txt "number 1"

W=$SCRATCH/theirs
mkdir "$W"
$TUF_GO write "$W/go"
serve_files "$W/go/repository"
cp "$W/go/repository/1.root.json" "$W/pinned.root"
ours() { # CACHE TARGET WANT
    local file
    file=$("$B/tenmint" trust get "$2" --dir "$W/$1" --root "$W/pinned.root" --metadata-url "$FILES") || return
    [ "$(cat "$file")" = "$3" ] || { echo "tenmint: $2 is not '$3'"; exit 1; }
    echo "ok   tenmint: $2"
}
ours old top.txt top
ours old project/a.txt delegated
"$B/tenmint-tuf" verify "$FILES" | grep "good.* 17 delegated roles, 42 targets"
for i in 0 7 19 39; do ours old "bins/$i" "bins/$i"; done
if ours old project/b.txt nothing 2>"$W/err"; then exit 1; fi
grep -q "not among" "$W/err"
$TUF_GO write "$W/go"
[ -e "$W/go/repository/2.root.json" ]
ours old top.txt newer
ours new top.txt newer
ours new bins/39 bins/39
got both "$W/pinned.root" project/a.txt delegated
echo "what tenmint-tuf publishes, go-tuf reads, and the other way round"
