# Sigstore's clients, pinned, below build/interop. Sourced; run at the top of the tree.
SIGSTORE_PYTHON=build/interop/sigstore-python/bin
MODEL_SIGNING=build/interop/model-signing/bin
SIGSTORE_JS=build/interop/sigstore-verify
SIGSTORE_JS4=build/interop/sigstore-js4
SIGSTORE_JAVA=build/interop/sigstore-java
install_from_pypi() { # NAME: tests/interop/NAME/requirements.txt names everything
    local venv=build/interop/$1 wanted=tests/interop/$1/requirements.txt
    cmp -s "$wanted" "$venv/installed" && return
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install -q --no-deps --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$venv/installed"
}
install_from_npm() { # NAME: tests/interop/NAME has a lock file
    mkdir -p "build/interop/$1"
    cp -r "tests/interop/$1/." "build/interop/$1/"
    (cd "build/interop/$1" && npm ci --no-progress)
}
install_sigstore_python() { install_from_pypi sigstore-python; }
install_sigstore_js() { install_from_npm sigstore-verify; }
install_sigstore_java() { # with the classes of tests/interop/sigstore-java
    mkdir -p $SIGSTORE_JAVA/lib
    mvn -q -B -f tests/interop/sigstore-java/pom.xml dependency:copy-dependencies -DoutputDirectory="$PWD/$SIGSTORE_JAVA/lib"
    javac -cp "$SIGSTORE_JAVA/lib/*" -d $SIGSTORE_JAVA tests/interop/sigstore-java/*.java
}
