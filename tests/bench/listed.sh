# One targets.json of 100,000 entries (or BENCH_TARGETS; `make bench-long`: a million) as python-tuf
# writes it: a cold refresh by our client, python-tuf's and go-tuf v2's, each stopped after
# BENCH_PEER_SECONDS. Processor time, and memory above that of a small repository for each byte.
. tests/interop/tuf-peers.bash
. tests/interop/go-peer.bash
install_peers
go_peer tuf-go2
TARGETS=${BENCH_TARGETS:-100000}
BOUND=${BENCH_PEER_SECONDS:-120}

publish() { # ENTRIES: a repository, served; sets FILES and ROOT
    $PYTHON_TUF tests/interop/tuf-python/publish.py "$W/repo-$1" 2 "$1"
    serve_files "$W/repo-$1"
    ROOT=$W/repo-$1/1.root.json
}
refresh() { # CLIENT: cold; leaves "wall-ms processor-ms peak-KiB" in $W/spent.CLIENT, or says why not
    local cache=$W/cache-$1 words rc=0
    rm -rf "$cache" && mkdir "$cache"
    case $1 in
    ours) words=("$B/tenmint" trust refresh --dir "$cache" --root "$ROOT" --metadata-url "$FILES") ;;
    tuf-python) words=("$PYTHON_TUF" tests/interop/tuf-python/client.py "$cache" "$FILES/" "$ROOT") ;;
    *) words=(build/interop/tuf-go2/tuf-go2 refresh "$cache" "$FILES" "$ROOT") ;;
    esac
    timeout "$BOUND" "$B/tests/spend" "$W/spent.$1" "${words[@]}" >/dev/null 2>"$W/refresh.err" || rc=$?
    [ $rc = 0 ] && return
    [ $rc = 124 ] && echo "$1, $TARGETS entries: stopped after $BOUND s" || cat "$W/refresh.err"
    return 1
}
field() { cut -d' ' -f"$2" "$W/spent.$1"; } # CLIENT NUMBER

publish 0
for client in ours tuf-python go-tuf-v2; do
    refresh $client && field $client 3 >"$W/base.$client"
done
publish "$TARGETS"
kib=$(wc -c <"$W/repo-$TARGETS/1.targets.json" | awk '{printf "%.1f", $1 / 1024}')
figure "$TARGETS entries in one targets.json" "$kib KiB"
for client in ours tuf-python go-tuf-v2; do
    refresh $client || continue
    grew=$(ratio $(($(field $client 3) - $(cat "$W/base.$client"))) "$kib")
    figure "  cold refresh by $client" "$(field $client 2) ms of processor time, $(field $client 3) KiB"
    if [ $client = ours ]; then
        at_most "  ours: memory for each byte of it" "$grew" 3
    else
        figure "  $client: memory for each byte of it" "$grew"
        at_least "  times less processor time than $client" "$(ratio "$(field $client 2)" "$(field ours 2)")" 1
    fi
done
