# 100,000 targets (or BENCH_TARGETS), in 1,024 hash bins and in one targets.json, with a second event
# that carries both versions: how long publishing and a cold fetch of one target take, and what memory
# each step needs for each byte of the largest metadata file.
. tests/demo_trust.sh
TARGETS=${BENCH_TARGETS:-100000}

policy_bins() {
    printf 'bins: {bits: 10, prefix: bin, holders: [online], threshold: 1, expiry: 90d, signing: 30d, directory: bins}\n'
}
spent() { # FIELD of what `spend` wrote last: 1 wall ms, 2 processor ms, 3 peak KiB
    cut -d' ' -f"$1" "$W/spent"
}
step() { # STEP COMMAND...: the manager's command, measured; its peak is kept
    local step=$1
    shift
    "$B/tests/spend" "$W/spent" "$B/tenmint-tuf" "$@" >"$W/step.out" 2>&1 ||
        { cat "$W/step.out"; return 1; }
    spent 3 >"$W/peak.$step"
}
published_event() { # NAME HOLDER...: proposed, reviewed, signed, merged and published; step by step
    local name=$1 digest holder
    shift
    step propose propose --dir "$W/tuf" --name "$name" --reason "$name" --out "$W/$name.json" || return 1
    step review review "$W/$name.json" || return 1
    digest=$(sed -n 's/^Digest *//p' "$W/step.out")
    for holder in "$@"; do
        cp "$W/$name.json" "$W/$name-$holder.json"
        step sign sign "$W/$name-$holder.json" --key "$W/$holder.key" \
            --password-file "$W/$holder.password" --digest "$digest" || return 1
    done
    step merge merge "$W/$name.json" $(for holder in "$@"; do echo "$W/$name-$holder.json"; done) || return 1
    step publish publish --dir "$W/tuf" "$W/$name.json" || return 1
    cp "$W/spent" "$W/spent.publish"
    step verify verify "$W/tuf"
}
kib_of() { # FILE...
    cat "$@" | wc -c | awk '{printf "%.1f", $1 / 1024}'
}
manager_goals() { # LABEL KIB BASE STEP...: each step's memory above BASE.STEP for each byte of so many KiB
    local label=$1 kib=$2 base=$3 s
    shift 3
    for s; do
        at_most "memory of $s for each byte of $label" "$(ratio "$(above "$base" "$s")" "$kib")" 3
    done
}
above() { # BASE STEP: KiB; with BASE none, all that the step had
    echo $(($(cat "$W/peak.$2") - $([ "$1" = none ] && echo 0 || cat "$W/base.$2")))
}
flat_goals() { # EVENT: against targets.json, of which a second event carries both versions
    manager_goals "targets.json ($1 event)" "$(largest_kib)" base propose review sign merge publish verify
}
client() { # WORDS...: the client's words on the repository, measured
    "$B/tests/spend" "$W/spent" "$B/tenmint" trust "$@" --dir "$W/cache" \
        --root "$W/tuf/published/1.root.json" --metadata-url "$FILES" >/dev/null 2>"$W/client.err" ||
        { cat "$W/client.err"; return 1; }
}
cold() { # WORDS...
    rm -rf "$W/cache"
    client "$@"
}
median() { # COMMAND...: milliseconds of wall time, of 11 runs
    for _ in $(seq 11); do "$@" && spent 1; done | sort -n | sed -n 6p
}
largest_kib() { # of the metadata that is published
    find "$W/tuf/published" -maxdepth 1 -name '*.json' -printf '%s\n' | sort -n | tail -n 1 |
        awk '{printf "%.1f", $1 / 1024}'
}
for_each_byte() { # PEAK-KIB BASE-KIB: peak above base, for each KiB of the largest file
    ratio $(($1 - $2)) "$(largest_kib)"
}

trust_workspace
# What clients act on is listed by targets itself: no bin may answer for it.
"$B/tenmint-ca" init "$W/ca" >/dev/null
"$B/tenmint-tuf" trust add-ca --offline --dir "$W/tuf" --url https://ca.example.com --chain "$W/ca/chain.pem" >/dev/null &&
    cp "$W/tuf/targets/signing_config.v0.2.json" "$W/tuf/targets/signing_config.json" || exit 1
echo small >"$W/tuf/targets/small.txt"
cp -r "$W/tuf" "$W/plain"
# 2,000 small files: no event carries the content of more, however many targets it lists.
for i in $(seq 2000); do echo "$i" >"$W/tuf/targets/small-$i"; done
published_event small alice bob || exit 1
for f in "$W"/peak.*; do mv "$f" "$W/base.${f##*.}"; done
serve_dir() { # DIR
    python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$1" >"$W/files.out" 2>/dev/null &
    PIDS="${PIDS:-} $!"
    wait_for "$W/files.out" "http://"
    FILES=$(sed -n 's/.*(\(http:[^)]*[0-9]\)\/*).*/\1/p' "$W/files.out" | head -n 1)
}
serve_dir "$W/tuf/published"
cold get small.txt
base_client=$(spent 3)
rm -rf "$W/tuf"

# In bins.
cp -r "$W/plain" "$W/tuf"
policy_bins >>"$W/tuf/policy.yaml"
mkdir "$W/tuf/bins"
awk -v n="$TARGETS" -v d="$W/tuf/bins" 'BEGIN {
    for (i = 0; i < n; i++) { f = sprintf("%s/target-%06d.tar.gz", d, i); print i >f; close(f) } }'
published_event bins alice bob || exit 1
at_most "$TARGETS targets in 1,024 bins: publish, s" "$(awk '{print $1 / 1e3}' "$W/spent.publish")" 30
echo "  of it processor time, s: $(awk '{print $2 / 1e3}' "$W/spent.publish")"
manager_goals "all bins together" "$(kib_of "$W"/tuf/published/*.bin-*.json)" none \
    propose review sign merge publish verify
serve_dir "$W/tuf/published"
at_most "one target from cold, ms" "$(median cold get target-031337.tar.gz)" 100
echo "  of it processor time, ms: $(spent 2)"
at_most "client's memory for each byte of all bins together" "$(ratio "$(spent 3)" "$(kib_of "$W"/tuf/published/*.bin-*.json)")" 3
mv "$W/tuf/bins" "$W/many"
rm -rf "$W/tuf"

# In one file.
cp -r "$W/plain" "$W/tuf"
mv "$W/many"/* "$W/tuf/targets/" 2>/dev/null || find "$W/many" -type f -exec mv -t "$W/tuf/targets" {} +
published_event flat alice bob || exit 1
echo "$TARGETS targets in one targets.json of $(largest_kib) KiB: publish, s: $(awk '{print $1 / 1e3}' "$W/spent.publish")"
flat_goals flat
serve_dir "$W/tuf/published"
cold get target-031337.tar.gz
echo "  one target from cold, ms: $(spent 1), of it processor time: $(spent 2)"
at_most "client's memory for each byte of the file, cold" "$(for_each_byte "$(spent 3)" "$base_client")" 3
client refresh
at_most "client's memory for each byte of the file, warm" "$(for_each_byte "$(spent 3)" "$base_client")" 3

# A second event holds both versions of targets.
echo more >"$W/tuf/targets/more.txt"
published_event second alice bob || exit 1
flat_goals second
client refresh
at_most "client's memory for each byte, a second version" "$(for_each_byte "$(spent 3)" "$base_client")" 3
