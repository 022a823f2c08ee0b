# TUF client refresh from cold and warm against python-tuf, tuf-js and go-tuf v2, also over 100 roots:
# processor time of whole processes, on the same repository in the same run.
. tests/interop/tuf-peers.bash
. tests/interop/go-peer.bash
install_peers
go_peer tuf-go2
TUF_RUNS=20

publish() { # ROOTS: a repository, served; sets FILES and ROOT
    $PYTHON_TUF tests/interop/tuf-python/publish.py "$W/repo-$1" "$1"
    serve_files "$W/repo-$1"
    ROOT=$W/repo-$1/1.root.json
}
refresh_ours() { "$B/tenmint" trust refresh --dir "$1" --root "$ROOT" --metadata-url "$FILES"; }
refresh_python() { $PYTHON_TUF tests/interop/tuf-python/client.py "$1" "$FILES/" "$ROOT"; }
refresh_js() { node $TUF_JS "$1" "$FILES" "$ROOT"; }
refresh_go() { build/interop/tuf-go2/tuf-go2 refresh "$1" "$FILES" "$ROOT"; }

cpu_ms() { # CLIENT cold|warm: mean processor time of a refresh, milliseconds; empty: it fails
    local cache=$W/cache-$1 spent=$W/spent TIMEFORMAT='%U %S'
    rm -rf "$cache" && mkdir "$cache"
    "refresh_$1" "$cache" >/dev/null 2>"$W/refresh.err" || { cat "$W/refresh.err" >&2; return; }
    : >"$spent"
    for _ in $(seq $TUF_RUNS); do
        [ "$2" = warm ] || { rm -rf "$cache" && mkdir "$cache"; }
        { time "refresh_$1" "$cache" >/dev/null 2>&1; } 2>>"$spent"
    done
    awk '{t += $1 + $2} END {printf "%.2f", 1000 * t / NR}' "$spent"
}
against() { # PEER NAME GOAL STATE WHAT OURS: times less processor time
    local theirs
    theirs=$(cpu_ms "$1" "$4")
    figure "TUF $4 refresh$5: ours, $2" "$6 ms, $theirs ms of processor time"
    at_least "TUF $4 refresh$5: times less than $2" "$(ratio "$theirs" "$6")" "$3"
}

publish 2
for state in cold warm; do
    ours=$(cpu_ms ours $state)
    against python tuf-python 10 $state "" "$ours"
    against js tuf-js 10 $state "" "$ours"
    against go "go-tuf v2" 1 $state "" "$ours"
done
publish 100
for state in cold warm; do
    against go "go-tuf v2" 1 $state ", 100 roots" "$(cpu_ms ours $state)"
done
