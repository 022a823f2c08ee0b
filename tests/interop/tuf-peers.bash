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
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$1" >"$W/files.out" 2>/dev/null &
    PIDS="${PIDS:-} $!"
    wait_for "$W/files.out" "http://" || return 1
    FILES=$(sed -n 's/.*(\(http:[^)]*[0-9]\)\/*).*/\1/p' "$W/files.out" | head -n 1)
}
