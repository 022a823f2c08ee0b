"""Members that the commands print with --json, taken from the sources, against tenmint-json(7).

Prints a FAULT line for each member that the page lacks, each that no command prints, and each whose
name is not of the one style. Every file that takes --json is read, and those that print for it.
"""
import glob
import re
import sys

PAGE = "tools/shared/tenmint-json.7"
ALSO = """tools/tenmint-ca/check/check_said.c tools/shared/cli.c tools/shared/rehearsed.c tools/tenmint/verify_output.c tools/tenmint/trust_report.c
tools/tenmint/show_certificate.c tools/tenmint/show_files.c tools/tenmint-log/print.c
tools/tenmint-ca/key_show.c tools/tenmint-tuf/talk.c tuf/manager/report/status.c""".split()
# Tables that name members: (file, how a row names its own).
TABLES = [("ca/api/freeze.c", r'(?:\.name = |JSONMAP_[A-Z]+\([^,]+,\s*)"([^"]+)"'), ("ca/audit/event.h", r"^    X\(([a-z]+), "),
          ("ca/audit/event.c", r'put_text\(out, "([^"]+)"|\\"(\w+)\\":%'), ("tools/tenmint-ca/rotate/log_rotate.c", r'\{"([a-z_]+)",|\\"(\w+)\\":%s'),
          ("tools/tenmint-ca/audit/audit.c", r'\\"(\w+)\\":\\"')]
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def call(text, at):
    """The arguments of the call whose parenthesis was opened just before `at`."""
    depth, i = 1, at
    while depth:
        if text[i] == '"':
            i = STRING.match(text, i).end()
            continue
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        i += 1
    return text[at:i]


def packed(text):
    """Names given to json_pack: its texts but the format, and but the values of a condition."""
    for m in re.finditer(r"json_pack\(", text):
        words = call(text, m.end())
        for n, w in enumerate(STRING.finditer(words)):
            if n > 0 and words[:w.start()].rstrip()[-1] not in "?:":
                yield w.group(1)


def label(text):
    """As key_of of tools/tenmint/facts.c."""
    return re.sub(r"[^a-z0-9_]", "", re.sub(r"[ -]", "_", text.lower()))


def members(path):
    text = open(path).read()
    found = set(packed(text))
    found |= set(re.findall(r'(?:json_object_set(?:_new)?|set_text|set_time)\(\s*[^,()]+,\s*"([^"]+)"', text))
    for line in re.findall(r'printf\(\s*((?:"(?:[^"\\]|\\.)*"|\s|PRI\w+)+)', text):
        found |= set(re.findall(r'\\"(\w+)\\":', line)) if r'\"' in line else set()
    labels = re.findall(r'facts_\w+\(f, "([^"]+)"', text)
    for table in re.findall(r"labels\[\w*\] = \{(.*?)\}", text, re.S):
        labels += STRING.findall(table)
    found |= {label(s) for s in labels}
    return found


def main():
    files = [f for f in glob.glob("tools/*/**/*.c", recursive=True) if re.search(r"CLI_JSON(_LINES)?\(", open(f).read())]
    printed = {label("SHA-256")}  # chosen by a condition
    for path in sorted(set(files + ALSO)):
        printed |= members(path)
    for path, row in TABLES:
        for m in re.findall(row, open(path).read(), re.M):
            printed |= {w for w in ([m] if isinstance(m, str) else m) if w}
    said = re.findall(r"^\.It Ic (\S+)$", open(PAGE).read(), re.M)
    faults = [f"{PAGE} lacks the member {n}" for n in sorted(printed - set(said))]
    faults += [f"{PAGE} has {n}, which no command prints" for n in sorted(set(said) - printed)]
    faults += [f"{PAGE} has {n} twice" for n in sorted({n for n in said if said.count(n) > 1})]
    faults += [f"the member {n} is not of the one style" for n in sorted(printed) if not re.fullmatch("[a-z][a-z0-9_]*", n)]
    if len(printed) < 120:
        faults.append(f"only {len(printed)} members were found in the sources")
    for fault in faults:
        print("FAULT", fault)
    if not faults:
        print(f"json: {len(said)} members in one page")
    return bool(faults)


sys.exit(main())
