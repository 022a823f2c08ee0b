#!/usr/bin/env bash
# tenmint trust and tenmint-tuf verify against trees served over loopback: mirrors in turn, targets
# elsewhere, stale and tampered mirrors, offline, and the clock: warning before expiry, then freeze.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
. tests/interop/tuf-peers.bash
fail() { echo "FAIL $1"; sed 's/^/     /' "$W/said"; fails=$((fails + 1)); }
says() { # NAME CODE PATTERN words...: the exit code, and what is said
    local name=$1 code=$2 pattern=$3 rc
    shift 3
    "$@" >"$W/said" 2>&1 </dev/null
    rc=$?
    if [ $rc -ne "$code" ]; then fail "$name: exit $rc, want $code"; return; fi
    if grep -qE -- "$pattern" "$W/said"; then echo "ok   $name"; else fail "$name: no '$pattern'"; fi
}
trust() { "$B/tenmint" trust "$1" --dir "$W/cache" "${@:2}"; }
serve() { # DIR: sets FILES
    : >"$W/files.out"
    serve_files "$1" || exit 1
}
[ -x build/tenmint ] || make -s all || exit 1

trust_workspace || exit 1
echo one >"$W/tuf/targets/one.txt"
ceremony first "the first root" alice bob >/dev/null || exit 1
P=$W/tuf/published
cp "$P/1.root.json" "$W/pinned.root"
cp -r "$P" "$W/stale"
mkdir "$W/bare" && cp "$P"/*.json "$W/bare"
mkdir "$W/empty"
serve "$P"; GOOD=$FILES
serve "$W/stale"; STALE=$FILES
serve "$W/bare"; BARE=$FILES
serve "$W/empty"; EMPTY=$FILES
NOBODY=http://127.0.0.1:1

# tenmint-tuf verify URL
says "verify URL" 0 "$GOOD: good\. 1 root, .* 1 target" "$B/tenmint-tuf" verify "$GOOD"
says "verify URL with a slash" 0 "good" "$B/tenmint-tuf" verify "$GOOD/"
says "verify: nothing there" 1 "root" "$B/tenmint-tuf" verify "$EMPTY"
says "verify: nobody listens" 6 "127.0.0.1:1" "$B/tenmint-tuf" verify "$NOBODY"
cp -r "$P" "$W/bad"
sed -i 's/"expires": "20/"expires": "21/' "$W/bad/timestamp.json"
serve "$W/bad"; BAD=$FILES
says "verify: tampered" 1 "timestamp" "$B/tenmint-tuf" verify "$BAD"
says "verify: tampered directory" 1 "timestamp" "$B/tenmint-tuf" verify "$W/bad"

# init, and mirrors noted for later runs; a target from elsewhere
says "no cache yet" 3 "tenmint trust init --root FILE" trust refresh --metadata-url "$GOOD"
says "a file that is no root" 1 "is no root to trust" trust init --root "$P/timestamp.json"
says "init" 0 "root.json" trust init --root "$W/pinned.root" --metadata-url "$BARE" --targets-url "$GOOD/targets"
says "refresh from the noted mirror" 0 "timestamp +version 1 " trust refresh
says "targets from the noted mirror" 0 "/one" trust get one.txt --out "$W/one"
grep -qx one "$W/one" || fail "the target"
says "no targets there" 6 "HTTP status 404" trust get one.txt --metadata-url "$BARE" --out "$W/none"
[ ! -e "$W/none" ] || fail "a target that was not found"
says "targets elsewhere" 0 "one.txt" trust get one.txt --metadata-url "$BARE" --targets-url "$EMPTY" --targets-url "$GOOD/targets" --out-dir "$W"

# mirrors in turn
ceremony_done() { "$B/tenmint-tuf" refresh --dir "$W/tuf" --force >/dev/null; }
ceremony_done || exit 1
says "nobody, then nothing, then all" 0 "timestamp +version 2 " trust refresh --metadata-url "$NOBODY" --metadata-url "$EMPTY" --metadata-url "$GOOD"
says "a stale mirror first" 0 "timestamp +version 2 " trust refresh --metadata-url "$STALE" --metadata-url "$GOOD"
says "only a stale one" 4 "rollback: .*older files than were seen before" trust refresh --metadata-url "$STALE"
says "a tampered mirror first" 0 "timestamp +version 2 " trust refresh --metadata-url "$BAD" --metadata-url "$GOOD"
says "all mirrors fail" 6 "status 404; .*127.0.0.1:1/" trust refresh --metadata-url "$NOBODY" --metadata-url "$EMPTY"
says "a directory" 0 "timestamp +version 2 " trust refresh --metadata-url "$P"
says "a directory as a file URL" 0 "timestamp +version 2 " trust refresh --metadata-url "file://$P/"
says "a file URL of elsewhere" 1 "absolute path of a directory here" trust refresh --metadata-url "file://tuf.example.com/$P"

# offline, and the clock
says "a client's configuration without its targets" 1 "trusted_root.json" trust get --client-trust-config --metadata-url "$GOOD"
says "neither a target nor a configuration" 2 "name the targets" trust get --metadata-url "$GOOD"
says "a target into the cache" 0 "one.txt" trust get one.txt --metadata-url "$GOOD"
says "offline" 0 "timestamp +version 2 " trust refresh --offline
says "a target offline" 0 "one.txt" trust get one.txt --offline
says "show sends nothing" 0 "timestamp +version 2 " trust show --metadata-url "$NOBODY"
says "offline without a cache" 6 "run once without --offline" "$B/tenmint" trust refresh --dir "$W/other" --root "$W/pinned.root" --offline
says "plain http beyond loopback" 1 "https" trust refresh --metadata-url http://tuf.example.com
B=build # faketime and ASan do not go together
at() { faketime -f "+$1" build/tenmint trust "$2" --dir "$W/cache" "${@:3}"; }
says "no warning while there is time" 0 "timestamp" at 3d show
grep -q warning "$W/said" && fail "a warning too early"
says "a warning before expiry" 0 "warning: timestamp expires in [34] hours .*its renewal is late" at 164h show
says "the warning as JSON" 0 '"timestamp expires in [34] hours' at 164h show --json
says "offline after expiry" 1 "timestamp.json: freeze: .*compare this machine's clock" at 8d refresh --offline
says "a mirror that nobody renewed" 1 "timestamp.json: freeze: expired" at 8d refresh --metadata-url "$GOOD"
says "a clock that is behind" 0 "timestamp +version 2 " faketime -f -1d build/tenmint trust refresh --dir "$W/cache" --metadata-url "$GOOD"
ceremony_done || exit 1
says "heals" 0 "timestamp +version 3 " trust refresh --metadata-url "$GOOD"

# A newer root in the cache, an older one given, and a mirror that hides what lies between.
B=build
for event in second third; do
    propose $event "renewed" --renew root || exit 1
    for h in alice bob; do sign_as $h $event >"$W/out" || exit 1; done
    "$B/tenmint-tuf" merge "$W/$event.json" "$W/$event-alice.json" "$W/$event-bob.json" >"$W/out" || exit 1
    "$B/tenmint-tuf" publish --dir "$W/tuf" "$W/$event.json" >"$W/out" || exit 1
done
cp -r "$P" "$W/hiding" && rm "$W/hiding/2.root.json"
newer() { build/tenmint trust "$1" --dir "$W/newer" "${@:2}"; }
says "a cache that begins with root 3" 0 "root.json" newer init --root "$P/3.root.json"
says "root 1 given, root 2 hidden" 4 "rollback: from the given root .*version 3 already .*trust init" newer refresh --root "$W/pinned.root" --metadata-url "$W/hiding"
says "root 1 given, root 2 there" 0 "root +version 3 " newer refresh --root "$W/pinned.root" --metadata-url "$P"
says "beginning anew is said" 0 "warning: the cache trusted root version 3 before" newer init --root "$W/pinned.root"
says "and done" 0 "root +version 1 " newer refresh --metadata-url "$W/hiding"
mkdir "$W/newer/snapshot.json.d" && mv "$W/newer/snapshot.json" "$W/newer/snapshot.json.d" && mkdir "$W/newer/snapshot.json"
says "a cache that cannot be read" 6 "without which a rollback would go unseen: .*is a directory" newer refresh --metadata-url "$P"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
