# python-tuf and tuf-js, pinned, below build/interop. Sourced; run at the top of the tree.
PYTHON_TUF=build/interop/tuf-python/bin/python
TUF_JS=build/interop/tuf-js/client.js
install_peers() {
    local ready=build/interop/tuf-python/ready
    if [ ! -e $ready ] || [ tests/interop/tuf-python/requirements.txt -nt $ready ]; then
        python3 -m venv build/interop/tuf-python
        build/interop/tuf-python/bin/pip install -q -r tests/interop/tuf-python/requirements.txt
        touch $ready
    fi
    mkdir -p build/interop/tuf-js
    cp -r tests/interop/tuf-js/. build/interop/tuf-js/
    (cd build/interop/tuf-js && npm ci --no-progress >/dev/null)
}
serve_files() { # DIR: sets FILES to its URL; the process joins PIDS
    : >"$W/files.out"
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$1" >"$W/files.out" 2>/dev/null &
    PIDS="${PIDS:-} $!"
    wait_for "$W/files.out" "http://" || return 1
    FILES=$(sed -n 's/.*(\(http:[^)]*[0-9]\)\/*).*/\1/p' "$W/files.out" | head -n 1)
}
# What tenmint-tuf publishes, by the functions of demo_trust.sh; SCRATCH is a scratch directory.
workspace() { # DIR: a workspace with every kind of key, its policy's further lines from stdin
    W=$SCRATCH/$1
    mkdir "$W"
    trust_workspace ed25519 rsa p384
    cat >>"$W/tuf/policy.yaml"
}
publish_first() { # HOLDER...
    echo top >"$W/tuf/targets/top.txt"
    ceremony first "the first root" "$@"
    cp "$W/tuf/published/1.root.json" "$W/pinned.root"
    serve_files "$W/tuf/published"
}
trust() { build/tenmint trust "$1" --dir "$W/cache" --metadata-url "$FILES" "${@:2}"; }
read_like_others() { # the repository in $W/repo, served, by our client, python-tuf and tuf-js
    build/tenmint trust init --dir "$W/cache" --root "$W/repo/1.root.json"
    trust refresh
    [ "$(trust get top.txt | xargs cat)" = top ]
    [ "$(trust get project/a.txt | xargs cat)" = delegated ]
    for i in 0 7 19 39; do
        [ "$(trust get bins/$i | xargs cat)" = "bins/$i" ]
    done
    build/tenmint-tuf verify "$FILES" | grep -q "good.* 18 delegated roles, 42 targets"
    build/tenmint-tuf verify "$W/repo" | grep -q "good.* 18 delegated roles, 42 targets"
    if trust get project/b.txt 2>"$W/err"; then return 1; fi
    grep -q "not among" "$W/err" || return
    mkdir "$W/python"
    $PYTHON_TUF tests/interop/tuf-python/client.py "$W/python" "$FILES/" "$W/repo/1.root.json" \
        project/a.txt "$FILES/targets/" "$W/a.python"
    node $TUF_JS "$W/js" "$FILES" "$W/repo/1.root.json" project/a.txt "$FILES/targets" "$W/a.js"
    [ "$(cat "$W/a.python" "$W/a.js")" = delegateddelegated ]
    echo "one repository, three clients, the same target"
}
