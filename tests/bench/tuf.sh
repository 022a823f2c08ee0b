# TUF client refresh from cold and warm against python-tuf and tuf-js: processor time of whole
# processes, on the same repository in the same run.
. tests/interop/tuf-peers.bash
install_peers
$PYTHON_TUF tests/interop/tuf-python/publish.py "$W/repo"
serve_files "$W/repo"
ROOT=$W/repo/1.root.json
TUF_RUNS=20

refresh_ours() { "$B/tenmint" trust refresh --dir "$1" --root "$ROOT" --metadata-url "$FILES"; }
refresh_python() { $PYTHON_TUF tests/interop/tuf-python/client.py "$1" "$FILES/" "$ROOT"; }
refresh_js() { node $TUF_JS "$1" "$FILES" "$ROOT"; }

cpu_ms() { # CLIENT cold|warm: mean processor time of a refresh, milliseconds
    local cache=$W/cache-$1 spent=$W/spent TIMEFORMAT='%U %S'
    rm -rf "$cache" && mkdir "$cache"
    [ "$2" = cold ] || "refresh_$1" "$cache" >/dev/null 2>&1
    : >"$spent"
    for _ in $(seq $TUF_RUNS); do
        [ "$2" = warm ] || { rm -rf "$cache" && mkdir "$cache"; }
        { time "refresh_$1" "$cache" >/dev/null 2>&1; } 2>>"$spent"
    done
    awk '{t += $1 + $2} END {printf "%.2f", 1000 * t / NR}' "$spent"
}

for state in cold warm; do
    ours=$(cpu_ms ours $state)
    for peer in python js; do
        theirs=$(cpu_ms $peer $state)
        figure "TUF $state refresh: ours, tuf-$peer" "$ours ms, $theirs ms of processor time"
        at_least "TUF $state refresh: times less than tuf-$peer" "$(ratio "$theirs" "$ours")" 10
    done
done
