#!/usr/bin/env bash
# What README.md and CONTRIBUTING.md name is there: links and their anchors, files, manual pages, targets
# of make, the commands of the programs and their options; and each room of the libraries is in the table.
set -u
cd "$(dirname "$0")/../.." || exit 1
exec python3 - <<'END'
import glob, re, subprocess, sys
ROOTS = "(?:ca|common|config|oidc|testdata|tests|tools|tuf)"
OTHERS = {"config/identity/config.yaml", "tuf/published", "tuf/published/1.root.json", "tuf/events/first.json"}
# Fulcio's file; those of a TUF workspace
bad, seen = [], 0

def want(there, what):
    global seen
    seen += 1
    if not there:
        bad.append(f"{page}: {what}")

def help_of(words):
    return subprocess.run([f"build/{words[0]}", *words[1:], "--help"], capture_output=True, text=True)

make = open("Makefile").read() + open("config/install.mk").read()
for page in ["README.md", "CONTRIBUTING.md"]:
    text = open(page).read()
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.M)}
    for link in re.findall(r"\]\(([^)]*)\)", text):
        want(link[1:] in anchors if link[0] == "#" else glob.glob(link), f"the link {link}")
    for path in set(re.findall(rf"[` ]({ROOTS}/[\w./-]*\w)", text)) - OTHERS:
        if "NAME" in path:
            continue
        want(glob.glob(path) or glob.glob(path + ".*"), f"{path} is not there")
    for name in set(re.findall(r"`man ([\w.-]+)`|([\w.-]+)\([1-8]\)", text)):
        want(glob.glob(f"**/{''.join(name)}.[1-8]", recursive=True), f"no manual page {''.join(name)}")
    for target in set(re.findall(r"(?:`|^    )make ([a-z][a-z_.-]+)", text, re.M)):
        want(re.search(rf"^[^\n:=]*\b{target}\b[^\n:=]*:(?!=)", make, re.M), f"no target {target}")
    for line in re.findall(r"(?:`|^ +)(tenmint[a-z-]* [a-z][^`\n#]*(?:\\\n[^`\n#]*)?)", text, re.M):
        words = re.match(r"\S+(?: [a-z][a-z-]+)+", line)[0].split()
        while help_of(words).returncode != 0 and len(words) > 2:
            words.pop()
        told = help_of(words)
        want(told.returncode == 0, f"no command {' '.join(words)}")
        for option in re.findall(r" (--[a-z0-9-]+)", line):
            want(re.search(rf"^ +{option}\b", told.stdout, re.M), f"{' '.join(words)} has no {option}")
page = "README.md"
rooms = set(re.findall(r"`([a-z]+(?:/[a-z]+)*)`", open(page).read().split("| folder | room |")[1].split("\n\n")[0]))
for folder in glob.glob("ca/*/") + glob.glob("oidc/*/"):
    want(any((room + "/").startswith(folder) for room in rooms), f"{folder} is not in the table of rooms")
print("\n".join(bad) or f"readme: {seen} names are there")
sys.exit(bool(bad) or seen < 150)
END
