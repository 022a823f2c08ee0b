# sigstore-python and sigstore-js, pinned, below build/interop. Sourced; run at the top of the tree.
SIGSTORE_PYTHON=build/interop/sigstore-python/bin
SIGSTORE_JS=build/interop/sigstore-verify
install_sigstore_python() {
    local venv=build/interop/sigstore-python wanted=tests/interop/sigstore-python/requirements.txt
    cmp -s $wanted $venv/installed && return
    rm -rf $venv
    python3 -m venv $venv
    $venv/bin/pip install -q --no-deps --disable-pip-version-check -r $wanted
    cp $wanted $venv/installed
}
install_sigstore_js() {
    mkdir -p $SIGSTORE_JS
    cp -r tests/interop/sigstore-verify/. $SIGSTORE_JS/
    (cd $SIGSTORE_JS && npm ci --no-progress)
}
