#!/usr/bin/env bash
# Each kind of rotation, rehearsed: nothing of the workspace changes but the record, and a policy
# under which a stolen key could not be replaced is found out.
set -u
. "$(dirname "$0")/../begin.bash"
T=$PWD/$B/tenmint-tuf
. tests/e2e/report_case.bash
report_workspace || exit 1
state() { (cd "$W/tuf" && find . -type f ! -name rehearsals.jsonl -exec sha256sum {} + | sort); }

says "no kind" 2 "" "$T" rehearse --dir "$W/tuf"
says "no such kind" 2 "scheduled, emergency, holder or online" "$T" rehearse sometime --dir "$W/tuf"
says "status says never" 5 "rehearsed: scheduled never, emergency never, holder never, online never" "$T" status "$W/tuf"
before=$(state)
for kind in scheduled emergency holder online; do
    says "$kind" 0 "rehearsal '$kind' passed" "$T" rehearse $kind --dir "$W/tuf"
    for step in 'a damaged signature is refused' 'what a retired key signed is refused' \
        'a target that nobody signed is refused' 'a target with other content is refused' \
        'a client from before follows, and gets the new target'; do
        grep -qxF "ok    $step" "$W/said" || { echo "FAIL $kind: no '$step'"; fails=$((fails + 1)); }
    done
    grep -q 'signed by 1 of the 2 keys needed\|signed by 0 of the 1 keys needed' "$W/said" ||
        { echo "FAIL $kind: why a retired key is refused is not said"; fails=$((fails + 1)); }
done
check "nothing else changed, and nothing is left" "$before" "$(state)"
says "status says when" 5 "rehearsed: scheduled " "$T" status "$W/tuf"
check "never is no more" 0 "$(grep -c 'rehearsed:.*never' "$W/said")"
"$T" status "$W/tuf" --json >"$W/said"
check "the record, read by others" "scheduled emergency holder online: passed, 11 steps each at least, by $(id -un)" \
    "$(python3 - "$W/tuf/rehearsals.jsonl" "$W/said" <<'PY'
import json, sys
lines = [json.loads(l) for l in open(sys.argv[1])]
last = json.load(open(sys.argv[2]))["rehearsed"]
assert all(last[l["kind"]] == {"time": l["time"], "passed": True, "skipped": 0} for l in lines), last
assert all(s["ok"] for l in lines for s in l["steps"])
assert min(len(l["steps"]) for l in lines) >= 11
print(*[l["kind"] for l in lines], end=": ")
print(*{l["result"] for l in lines}, end=", 11 steps each at least, by ")
print(*{l["by"].split("@")[0] for l in lines})
PY
)"

# Two holders who must both sign: a stolen key cannot be replaced, and the rehearsal shows it.
"$T" init "$W/two" --holders alice,bob --threshold 2 >/dev/null || exit 1
says "two of two: an emergency ends" 1 "FAIL  a holder's key is replaced without its signature" "$T" rehearse emergency --dir "$W/two"
says "two of two: a leaver who still signs" 0 "passed" "$T" rehearse holder --dir "$W/two"
cp "$W/two/rehearsals.jsonl" "$W/tuf/"
"$T" status "$W/tuf" >"$W/said"
check "status tells of the one that failed" 1 "$(grep -c 'rehearsed:.*emergency [^,]*(FAILED), holder [^(]*, online never' "$W/said")"

# The online key is at a service: the copy signs with a file of its own, and never asks there.
sed 's|{file: online.key}|{key-uri: "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"}|' \
    "$W/two/policy.yaml" >"$W/policy" && cp "$W/policy" "$W/two/policy.yaml"
check "a key at a service" 1 "$(grep -c key-uri "$W/two/policy.yaml")"
says "is rehearsed" 0 "rehearsal 'online' passed" "$T" rehearse online --dir "$W/two"

echo 'no json' >>"$W/tuf/rehearsals.jsonl"
says "a damaged record is said" 1 "rehearsals.jsonl' line 3" "$T" status "$W/tuf"
says "no workspace" 1 "No such file" "$T" rehearse holder --dir "$W/none"
(ulimit -f 1 && trap '' XFSZ && "$T" rehearse holder --dir "$W/two") >"$W/said" 2>&1
check "a full disk" 1 $?
# A client that cannot write its cache has refused nothing; without sanitizers, which want to be
# loaded first.
make -s all && cc -shared -fPIC -O1 -o "$W/shim.so" tests/e2e/fault_shim.c -ldl || exit 1
LD_PRELOAD=$W/shim.so FAULT_LOG=$W/calls build/tenmint-tuf rehearse holder --dir "$W/two" >/dev/null
clients=$(grep -o '/client-[0-9]*$' "$W/calls" | sort -u)
check "the clients that must refuse are found" 4 "$(wc -w <<<"$clients")"
for client in $clients; do
    LD_PRELOAD=$W/shim.so FAULT_ON=$client build/tenmint-tuf rehearse holder --dir "$W/two" >"$W/said" 2>&1
    check "a disk that is full for $client" "1 1" "$? $(grep -c '^      a client failed for another reason.*No space left' "$W/said")"
done
check "no copy is left" 0 "$(find "$W/tuf" "$W/two" -maxdepth 1 -name '.rehearsal.*' | wc -l)"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
echo "ok   four kinds of rotation, rehearsed"
