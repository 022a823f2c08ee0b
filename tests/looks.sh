#!/usr/bin/env bash
# Every kind of page that the programs write, in a browser: `make looks`, pictures in build/looks.
# Needs chromium, which `make check` does not: apt-get install chromium.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo "looks: no chromium here: apt-get install chromium"; exit 1; }
T=$PWD/$B/tenmint-tuf
. tests/e2e/report_case.bash
report_workspace && "$T" report "$W/tuf" --html "$W/pages" >/dev/null || exit 1
python3 tests/looks/looks.py "$CHROMIUM" build/looks "$W"/pages/*.html || exit 1
mkdir "$W/site" && SAVE=$W/site bash tests/e2e/pages.sh >"$W/said" || { tail -n 5 "$W/said"; exit 1; }
SAVE=$W/site bash tests/e2e/evidence.sh >"$W/said" || { tail -n 5 "$W/said"; exit 1; }
python3 tests/looks/looks.py "$CHROMIUM" build/looks "$W"/site/{state,found,an-entry,a-signature,report,evidence}.html || exit 1

# What the test can find: a page with a script, an inline style, a wide word and pale text.
mkdir "$W/bad"
sed 's|<main>|<main><script>document.title = 1</script><p style="color:red">x</p>|; s|<h2>|<h2 style="color:#eee">|;
    s|overflow-wrap: *anywhere|x:y|g; s|<p>|<p>'"$(printf 'w%.0s' $(seq 400))"'|' "$W/pages/index.html" >"$W/bad/index.html"
sed 's|<meta http-equiv[^>]*>||; s|<h1>|<h1 style="color:#ddd">|' "$W/pages/index.html" >"$W/bad/pale.html"
found=$(python3 tests/looks/looks.py "$CHROMIUM" "$W/bad" "$W"/bad/*.html)
for want in 'px wide' 'scripts' 'the browser says:' 'has a contrast of'; do
    grep -qF -- "$want" <<<"$found" || { echo "FAULT a bad page passes: no '$want' in: $found"; exit 1; }
done
echo "looks: what is wrong is found"
