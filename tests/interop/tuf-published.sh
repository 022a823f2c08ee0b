#!/usr/bin/env bash
# python-tuf and tuf-js read what tenmint-tuf publishes: plain targets, a delegation by paths, hash
# bins, roles three deep and bins below a role; from the first root, and from an old state through a root rotation.
set -euo pipefail
B=build
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
make -s all
install_peers
fetch_all() { # CACHE-SUFFIX TARGET WANT: the target by all three clients
    mkdir -p "$W/python$1"
    $PYTHON_TUF tests/interop/tuf-python/client.py "$W/python$1" "$FILES/" "$W/pinned.root" \
        "$2" "$FILES/targets/" "$W/out.python"
    node $TUF_JS "$W/js$1" "$FILES" "$W/pinned.root" "$2" "$FILES/targets" "$W/out.js"
    "$B/tenmint" trust get "$2" --dir "$W/ours$1" --root "$W/pinned.root" \
        --metadata-url "$FILES" --out "$W/out.ours" >/dev/null
    local client
    for client in python js ours; do
        [ "$(cat "$W/out.$client")" = "$3" ] || { echo "$client: $2 is not '$3'"; exit 1; }
        rm "$W/out.$client"
    done
    echo "ok   $2 by python-tuf, tuf-js and tenmint"
}

workspace paths <<'POLICY'
delegations:
  project:
    holders: [dave]
    threshold: 1
    expiry: 90d
    signing: 30d
    directory: project
    paths: ["project/*"]
    terminating: true
POLICY
holder_key dave
mkdir -p "$W/tuf/project/project"
echo delegated >"$W/tuf/project/project/a.txt"
publish_first alice bob dave
fetch_all 1 top.txt top
fetch_all 1 project/a.txt delegated
holder_key erin
"$B/tenmint-tuf" holder replace bob erin --dir "$W/tuf" >/dev/null
echo newer >"$W/tuf/targets/top.txt"
ceremony second "erin for bob" alice bob erin
[ -e "$W/tuf/published/2.root.json" ]
fetch_all 1 top.txt newer
fetch_all 2 project/a.txt delegated
# Taken away and added again: the same caches follow, which know version 2 of it.
echo "delegated twice" >"$W/tuf/project/project/a.txt"
ceremony third "another content" dave
fetch_all 1 project/a.txt "delegated twice"
cp "$W/tuf/policy.yaml" "$W/with" && sed '/^delegations:/,$d' "$W/with" >"$W/tuf/policy.yaml"
ceremony fourth "no project" alice erin
fetch_all 1 top.txt newer
cp "$W/with" "$W/tuf/policy.yaml"
ceremony fifth "project again" alice erin dave
fetch_all 1 project/a.txt "delegated twice"
[ "$(ls "$W/tuf/published" | grep -c '^[123].project.json$')" = 3 ]

workspace bins <<'POLICY'
bins:
  bits: 4
  prefix: bin
  holders: [online]
  threshold: 1
  expiry: 90d
  signing: 30d
  directory: bins
POLICY
mkdir "$W/tuf/bins"
for i in $(seq 20); do echo "number $i" >"$W/tuf/bins/n$i.txt"; done
publish_first alice bob
for i in 1 7 20; do fetch_all 1 "n$i.txt" "number $i"; done
workspace nested <<'POLICY'
delegations:
  packages: {holders: [dave], threshold: 1, expiry: 90d, signing: 30d, directory: packages, paths: ["pkg/*", "pkg/*/*"]}
  mirror: {holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: mirror, paths: ["mirror/*"]}
  web: {delegated-by: packages, holders: [erin], threshold: 1, expiry: 90d, signing: 30d, directory: web, paths: ["pkg/web/*"]}
  nightly: {delegated-by: web, holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: nightly, paths: ["pkg/web/nightly-*"]}
bins: {delegated-by: mirror, bits: 3, prefix: part, holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: parts}
POLICY
holder_key dave
holder_key erin
mkdir -p "$W"/tuf/{packages/pkg,web/pkg/web,nightly/pkg/web,mirror/mirror,parts/mirror}
echo one >"$W/tuf/packages/pkg/a"
echo two >"$W/tuf/web/pkg/web/b"
echo three >"$W/tuf/nightly/pkg/web/nightly-1"
for i in $(seq 20); do echo "part $i" >"$W/tuf/parts/mirror/p$i"; done
publish_first alice bob dave erin
fetch_all 1 pkg/a one
fetch_all 1 pkg/web/b two
fetch_all 1 pkg/web/nightly-1 three
fetch_all 1 mirror/p7 "part 7"
echo two-two >"$W/tuf/web/pkg/web/b"
ceremony second "a new b" erin
fetch_all 1 pkg/web/b two-two
fetch_all 2 pkg/web/nightly-1 three
echo "what tenmint-tuf publishes, three clients read"
