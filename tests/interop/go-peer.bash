# Peers written in Go, their modules pinned by go.sum, and in Rust, pinned by Cargo.lock. Sourced; run
# at the top of the tree. What takes minutes to build is built by `make interop` alone (PEERS=all).
did() { # PROGRAM VERSION WHAT: a line of the table of `make interop`
    echo "ok   $1 $2: $3"
    [ -z "${INTEROP_TABLE:-}" ] || echo "$1|$2|$3" >>"$INTEROP_TABLE"
}
go_is_new() { go version | grep -qE 'go1\.(2[5-9]|[3-9][0-9])'; } # what sigstore's modules need
go_peer() { # NAME: builds tests/interop/NAME into build/interop/NAME/NAME
    local out=$PWD/build/interop/$1/$1
    (cd "tests/interop/$1" && GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' go build -o "$out" .)
}
COSIGN=build/interop/bin/cosign
cosign_peer() { # as tough_peer
    if [ "${PEERS:-}" = all ] && [ ! -x $COSIGN ]; then
        GOTOOLCHAIN=local GOBIN=$PWD/build/interop/bin go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
    fi
    [ -x $COSIGN ] || { echo "note: cosign is left out; it needs Go 1.25 and minutes: make interop" && return 1; }
}
TUF_TOUGH=build/interop/tuf-tough/target/debug/tuf-tough
tough_peer() { # builds it where it is asked for; 1 where it is not there
    if [ "${PEERS:-}" = all ]; then
        cargo build -q --locked --manifest-path tests/interop/tuf-tough/Cargo.toml --target-dir build/interop/tuf-tough/target
    fi
    [ -x $TUF_TOUGH ] || { echo "note: tough is left out; it needs cargo and minutes: make interop" && return 1; }
}
