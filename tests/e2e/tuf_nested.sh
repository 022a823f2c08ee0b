#!/usr/bin/env bash
# Roles that delegate further: targets -> packages (dave) -> web (erin) -> nightly (an online key), and
# hash bins below mirror, an online role. Each holder signs only what is theirs; who may sign is told by the
# roles above, which travel along and cannot be forged.
set -u
. "$(dirname "$0")/../begin.bash"
. tests/demo_trust.sh
T=$B/tenmint-tuf
get() { # TARGET WANT
    says "client gets $1" 0 "" "$B/tenmint" trust get "$1" --dir "$W/cache" --root "$W/root" \
        --metadata-url "$W/tuf/published" --out "$W/got"
    check "$1 is what was published" "$2" "$(cat "$W/got")"
}
check_ceremony() { # NAME REASON HOLDER...
    ceremony "$@" >"$W/said" 2>&1
    check "ceremony: $2" 0 $?
}
edit() { # FROM TO CODE: an event with its tree `e` changed
    python3 -c "import json; e = json.load(open('$1')); $3; json.dump(e, open('$2', 'w'))"
}
members() { # EVENT PART
    python3 -c "import json; print(*sorted(json.load(open('$1'))['$2']))"
}
policy() { # the delegations, as $W/tuf/policy.yaml has them; each NAME=VALUE replaces a line
    cp "$W/plain.yaml" "$W/tuf/policy.yaml"
    sed "$@" >>"$W/tuf/policy.yaml" <<'POLICY'
delegations:
  packages: {holders: [dave], threshold: 1, expiry: 182d, signing: 31d, directory: packages, paths: ["pkg/*", "pkg/*/*"]}
  mirror: {holders: [online], threshold: 1, expiry: 30d, signing: 7d, directory: mirror, paths: ["mirror/*"]}
  web: {delegated-by: packages, holders: [erin], threshold: 1, expiry: 182d, signing: 31d, directory: web, paths: ["pkg/web/*"]}
  nightly: {delegated-by: web, holders: [online], threshold: 1, expiry: 30d, signing: 7d, directory: nightly, paths: ["pkg/web/nightly-*"]}
bins: {delegated-by: mirror, bits: 2, prefix: part, holders: [online], threshold: 1, expiry: 30d, signing: 7d, directory: parts}
POLICY
}
refused() { # TEXT SED-SCRIPT: a policy that is not taken
    policy -e "$2"
    says "policy: $1" 3 "$1" $T propose --dir "$W/tuf" --name bad --out "$W/bad.json"
}
trust_workspace && holder_key dave && holder_key erin && holder_key frank || exit 1
cp "$W/tuf/policy.yaml" "$W/plain.yaml"

refused "'delegated-by' names 'web', which must stand before it" 's/^  packages: {/&delegated-by: web, /'
refused "cannot be delegated by itself" 's/delegated-by: packages/delegated-by: web/'
refused "did you mean 'packages'" 's/delegated-by: packages/delegated-by: package/'
refused "a server would choose who they are" 's/delegated-by: packages/delegated-by: mirror/;s/^bins:.*//'
refused "exclude each other under one role" 's/^bins: {delegated-by: mirror, /bins: {/'
refused "has a name of the hash bins" 's/prefix: part/prefix: pack/;s/^  packages:/  pack-ages:/;s/delegated-by: packages/delegated-by: pack-ages/'

policy -e ''
mkdir -p "$W"/tuf/{packages/pkg,web/pkg/web,nightly/pkg/web,mirror/mirror,parts/mirror}
echo one >"$W/tuf/packages/pkg/a"
echo two >"$W/tuf/web/pkg/web/b"
echo three >"$W/tuf/nightly/pkg/web/nightly-1"
for i in 1 2 3 4 5 6; do echo "part $i" >"$W/tuf/parts/mirror/p$i"; done
propose first "roles below roles" || { cat "$W/propose.out"; exit 1; }
says "review shows both delegations" 0 "new delegation web" $T review "$W/first.json"
for h in alice bob dave; do sign_as $h first >"$W/out" || { cat "$W/out"; exit 1; }; done
$T merge "$W/first.json" "$W"/first-{alice,bob,dave}.json >/dev/null
says "without erin" 1 "web: signed by 0 of the 1" $T publish --dir "$W/tuf" "$W/first.json"
sign_as erin first >"$W/out" || { cat "$W/out"; exit 1; }
check "erin signs web alone" "web 1" "$(sed -n 's/^signed by erin.*: //p' "$W/out")"
$T merge "$W/first.json" "$W/first-erin.json" >/dev/null
says "publish" 0 "root 1, targets 1" $T publish --dir "$W/tuf" "$W/first.json"
cp "$W/tuf/published/1.root.json" "$W/root"
get pkg/a one
get pkg/web/b two
get pkg/web/nightly-1 three
for i in 1 6; do get "mirror/p$i" "part $i"; done
says "verify" 0 "8 delegated roles" $T verify "$W/tuf"
for r in packages web nightly mirror part-; do says "status names $r" 0 "$r" $T status --dir "$W/tuf" --json; done

# What lies outside of the paths is told before anybody signs.
mkdir -p "$W/tuf/web/elsewhere"
echo lost >"$W/tuf/web/elsewhere/lost"
echo lost >"$W/tuf/web/pkg/x"
propose lost "lost files" || { cat "$W/propose.out"; exit 1; }
says "review tells of lost targets" 0 "web: 2 of its targets are outside the paths" $T review "$W/lost.json"
rm -r "$W/tuf/web/elsewhere" "$W/tuf/web/pkg/x"

# A role below others changes alone; those above travel along and stay as they are.
echo two-two >"$W/tuf/web/pkg/web/b"
propose second "a new b" || { cat "$W/propose.out"; exit 1; }
check "web alone is proposed" "web" "$(members "$W/second.json" proposed)"
check "packages travels along" "packages targets web" "$(members "$W/second.json" base)"
sign_as dave second >"$W/said" 2>&1
check "dave may sign nothing" 1 "$(grep -c 'may sign nothing' "$W/said")"

# A forged delegator: frank would sign web, by a packages of his own.
sign_as frank second >"$W/said" 2>&1
check "frank may sign nothing" 1 "$(grep -c 'may sign nothing' "$W/said")"
edit "$W/second.json" "$W/forged.json" "e['base']['packages']['signed']['delegations']['roles'][0]['threshold'] = 2"
says "a delegator whose signature is broken" 1 "packages" $T review "$W/forged.json"
edit "$W/second.json" "$W/forged.json" "del e['base']['packages']"
says "a delegator that is left out" 1 "no role delegates to it" $T review "$W/forged.json"
edit "$W/second.json" "$W/forged.json" "e['base']['packages'] = e['base']['targets']"
says "another role in the delegator's place" 1 "web" $T review "$W/forged.json"

sign_as erin second >"$W/out" || { cat "$W/out"; exit 1; }
says "publish" 0 "1 delegated role" $T publish --dir "$W/tuf" "$W/second-erin.json"
get pkg/web/b two-two
get pkg/web/nightly-1 three

# An event that was signed by keys which the delegator has replaced meanwhile.
echo two-three >"$W/tuf/web/pkg/web/b"
propose third "b by erin" || exit 1
sign_as erin third >/dev/null || exit 1
policy -e 's/holders: \[erin\]/holders: [frank]/'
check_ceremony fourth "web is frank's" dave frank
says "what erin signed is stale" 1 "web" $T publish --dir "$W/tuf" "$W/third-erin.json"
get pkg/web/b two-three
check "packages names frank" 1 "$(grep -c '"frank"' "$W"/tuf/published/2.packages.json)"

# Online roles below are renewed without anybody; the roles of people are not touched.
(cd "$W/tuf/published" && sha256sum ./*.packages.json ./*.web.json) >"$W/before"
echo three-three >"$W/tuf/nightly/pkg/web/nightly-1"
echo "part 7" >"$W/tuf/parts/mirror/p7"
says "publish what is online" 0 "" $T publish --dir "$W/tuf"
get pkg/web/nightly-1 three-three
get mirror/p7 "part 7"
check "people's roles are as they were" "" "$(cd "$W/tuf/published" && sha256sum --quiet -c "$W/before" 2>&1)"

# Two roles delegate to nightly: what web's paths do not lead to is found by way of packages.
echo four >"$W/tuf/nightly/pkg/night-2"
policy -e 's/^  nightly: {/&also-delegated-by: [packages], /;s/"pkg.web.nightly-\*"/&, "pkg\/night-*"/;s/\[erin\]/[frank]/'
check_ceremony two "nightly by web and packages" dave frank
get pkg/night-2 four
get pkg/web/nightly-1 three-three
says "verify with two delegators" 0 "good" $T verify "$W/tuf"

# A role that leaves the policy leaves the roles above it.
policy -e '/^  nightly:/d;/^  web:/d'
check_ceremony fifth "no web" dave
says "it is gone" 1 "" "$B/tenmint" trust get pkg/web/b --dir "$W/cache" --root "$W/root" \
    --metadata-url "$W/tuf/published" --out "$W/got"
get pkg/a one
says "verify at the end" 0 "unbroken" $T verify "$W/tuf"
[ $fails -eq 0 ] || { echo "$fails checks failed"; exit 1; }
