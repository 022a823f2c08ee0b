# Peers written in Go, their modules pinned by go.sum. Sourced; run at the top of the tree.
go_peer() { # NAME: builds tests/interop/NAME into build/interop/NAME/NAME
    local out=$PWD/build/interop/$1/$1
    (cd "tests/interop/$1" && GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' go build -o "$out" .)
}
