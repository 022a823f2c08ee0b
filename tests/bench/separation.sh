# What it costs that the CA is several processes: a certificate's CPU against that of the last commit
# whose server was one process, built here once. BENCH_AGAINST=DIR: another build to compare with.
BEFORE=15a8de2
against=${BENCH_AGAINST:-$B/before}
if [ -z "${BENCH_AGAINST:-}" ] && [ ! -x "$against/build/tenmint-ca" ] && git cat-file -e "$BEFORE^{commit}" 2>/dev/null; then
    mkdir -p "$against"
    git archive "$BEFORE" | tar -x -C "$against"
    make -s -C "$against" build/tenmint-ca >"$W/before.out" 2>&1 || tail -n 3 "$W/before.out"
fi
[ -n "${BENCH_AGAINST:-}" ] || against=$against/build
if [ -x "$against/tenmint-ca" ]; then
    start_issuer
    now=$B
    B=$against
    bench_ca 1
    base=$(bench_target "one process" 8)
    B=$now
    bench_ca 1
    mint | "$B/tests/bench" against 12000 "$base" "$(bench_target "a process for each duty" 8)"
else
    echo "no build of $BEFORE: a clone with all commits has it, or BENCH_AGAINST names one"
    at_most "CPU per certificate, the latter by the former" "" 1.10
fi
