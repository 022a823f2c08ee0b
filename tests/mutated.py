"""A published TUF tree with one thing changed, again and again: no change may be taken for the tree.

Usage: mutated.py TENMINT TREE SCRATCH
Each file of metadata and each target is changed in one place at a time: a member or item of JSON gets
another value, another type, or goes; a member comes twice; a byte is flipped; the file is cut, longer,
empty, or another of the tree's files. A client that begins from 1.root.json then refreshes and fetches
each target. It may refuse, or take what holders have signed: a wrong accept is exit code 0 with a
`signed` part or a target's bytes that are not the published ones.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys

TENMINT, TREE, SCRATCH = sys.argv[1:]
FLIPS, CUTS = 250, 60
random.seed(20)


def files(below):
    for folder, _, names in os.walk(below):
        yield from (os.path.relpath(os.path.join(folder, n), below) for n in sorted(names))


def places(value, path=()):
    """The paths of all members and items below `value`."""
    kids = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, kid in kids:
        yield path + (key,)
        yield from places(kid, path + (key,))


def others(value):
    """What may stand in the place of `value`: other content, other types."""
    if isinstance(value, bool):
        return [not value, None, 0]
    if isinstance(value, int):
        return [value + 1, value - 1, -value, 2**63, str(value), None, value + 0.5]
    if isinstance(value, str):
        return [value + "x", value[:-1], value[::-1] + "y", "", None, 1]
    if isinstance(value, list):
        return [value + value, value[1:], {}, None, value + [None]]
    return [{}, [], None, dict(value, more=1)]


def changed_json(text):
    doc = json.loads(text)
    for path in list(places(doc)):
        for new in [*others(at(doc, path)), KeyError]:
            copy = json.loads(text)
            holder = at(copy, path[:-1])
            if new is KeyError:
                del holder[path[-1]]
            else:
                holder[path[-1]] = new
            yield json.dumps(copy).encode()
    for name in doc:
        yield text.replace(b'{', b'{"%s":null,' % name.encode(), 1)


def at(doc, path):
    for key in path:
        doc = doc[key]
    return doc


def changed_bytes(data, rest):
    for _ in range(min(FLIPS, len(data))):
        i = random.randrange(len(data))
        yield data[:i] + bytes([data[i] ^ (1 << random.randrange(8))]) + data[i + 1:]
    for _ in range(CUTS):
        yield data[:random.randrange(len(data))] if data else b"x"
    yield from (b"", data + b"x", data + data, b"\0" + data)
    yield from rest


def signed(data):
    try:
        return json.dumps(json.loads(data)["signed"], sort_keys=True)
    except (ValueError, KeyError, TypeError):
        return None


def refresh(tree, out):
    """Exit code of a client that has only the first root, with all targets in `out`."""
    shutil.rmtree(os.path.join(SCRATCH, "cache"), ignore_errors=True)
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    return subprocess.run(
        [TENMINT, "trust", "get", *TARGETS, "--dir", os.path.join(SCRATCH, "cache"), "--root", ROOT,
         "--metadata-url", tree, "--out-dir", out], timeout=60, capture_output=True).returncode


def is_read(name, data):
    """Whether a client looks at the file at all: without it, it would refuse."""
    os.unlink(os.path.join(bad, name))
    rc = refresh(bad, OUT)
    with open(os.path.join(bad, name), "wb") as f:
        f.write(data)
    return rc != 0


ROOT = os.path.join(SCRATCH, "1.root.json")
OUT = os.path.join(SCRATCH, "out")
shutil.copy(os.path.join(TREE, "1.root.json"), ROOT)
good = {f: open(os.path.join(TREE, f), "rb").read() for f in files(TREE)}
TARGETS = sorted({re.sub(r"[0-9a-f]{64}\.", "", f[len("targets/"):]) for f in good if f.startswith("targets/")})
assert refresh(TREE, OUT) == 0, "the tree as it was published is refused"
content = {f: open(os.path.join(OUT, f), "rb").read() for f in files(OUT)}
bad = os.path.join(SCRATCH, "tree")
shutil.copytree(TREE, bad)
tried = wrong = taken = 0
for name, data in good.items():
    read = is_read(name, data)
    rest = [d for f, d in good.items() if f != name]
    if not read and "/" in name:
        continue  # a target of before
    for new in [*(changed_json(data) if read and "/" not in name else ()), *changed_bytes(data, rest)]:
        if new == data:
            continue
        with open(os.path.join(bad, name), "wb") as f:
            f.write(new)
        rc = refresh(bad, OUT)
        tried += 1
        taken += rc == 0
        same = rc != 0 or (
            all(open(os.path.join(OUT, n), "rb").read() == d for n, d in content.items()) and
            (not read or "/" in name or signed(new) == signed(data)))
        if not 0 <= rc <= 7 or not same:
            wrong += 1
            print(f"FAIL {name}: exit code {rc} for {new[:300]!r}")
    with open(os.path.join(bad, name), "wb") as f:
        f.write(data)
print(f"{tried} changed trees: {taken} taken for what they were, {tried - taken} refused, {wrong} wrong")
sys.exit(wrong != 0 or tried < 3000)
