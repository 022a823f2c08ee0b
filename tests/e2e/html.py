"""Strict checks of the pages that common/html writes: html.py [--site] FILE...

Each file is read by an XML parser (the writer makes well-formed XML), and may hold no script, no
handler, no inline style, nothing from elsewhere and no link that leaves the folder. Its policy
names exactly its own style. With --site they are pages of a server: links and forms stay on it.
Prints the text of all pages, for the caller's own questions.
"""

import base64
import hashlib
import os
import re
import sys
import xml.etree.ElementTree as ET

MARKUP = {"html", "head", "meta", "title", "style", "body", "header", "footer", "nav", "main", "section", "h1",
          "h2", "h3", "p", "a", "strong", "span", "code", "pre", "time", "ul", "li", "dl", "dt", "dd", "div",
          "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "line", "text", "details", "summary",
          "form", "label", "input", "button", "wbr"}
SITE = "--site" in sys.argv
FORMS = "'self'" if SITE else "'none'"


def links(page, tree, faults):
    for a in tree.iter("a"):
        to = a.get("href", "")
        name, _, fragment = to.partition("#")
        if SITE:
            if not re.fullmatch(r"/([a-z0-9-]+(/[A-Za-z0-9._-]+)*)?(\?[A-Za-z0-9._~%=&-]+)?", to):
                faults.append(f"{page}: the link {to!r} leaves the site")
        elif not re.fullmatch(r"[a-z0-9-]+\.html(#.+)?", to):
            faults.append(f"{page}: the link {to!r} leaves the folder")
        elif not os.path.exists(os.path.join(os.path.dirname(page), name)):
            faults.append(f"{page}: the link {to!r} goes nowhere")
        elif fragment:
            ids = {e.get("id") for e in ET.parse(os.path.join(os.path.dirname(page), name)).iter()}
            if fragment not in ids:
                faults.append(f"{page}: {to!r} names no element")


def policy(page, tree, faults):
    said = [m.get("content") for m in tree.iter("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    style = [s.text for s in tree.iter("style")]
    if len(said) != 1 or len(style) != 1:
        faults.append(f"{page}: {len(said)} policies and {len(style)} styles")
        return
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    want = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action {FORMS}"
    if said[0] != want:
        faults.append(f"{page}: its policy is {said[0]!r}, not {want!r}")
    if re.search(r"url\(|@import|expression", style[0]):
        faults.append(f"{page}: its style fetches")


def glue(e):
    before = None
    for c in list(e):
        if c.tag != "wbr":
            before = c
        elif before is None:
            e.text = (e.text or "") + (c.tail or "")
        else:
            before.tail = (before.tail or "") + (c.tail or "")
        if c.tag == "wbr":
            e.remove(c)


def check(page, faults):
    try:
        tree = ET.parse(page).getroot()
    except ET.ParseError as e:
        faults.append(f"{page}: {e}")
        return ""
    for e in tree.iter():
        if e.tag not in MARKUP:
            faults.append(f"{page}: an element <{e.tag}>")
        for name in e.attrib:
            if SITE and name == "action" and re.fullmatch(r"/[a-z]+", e.get(name)):
                continue
            if name.startswith("on") or name in ("style", "src", "action", "formaction"):
                faults.append(f"{page}: an attribute {name} of <{e.tag}>")
    ids = [e.get("id") for e in tree.iter() if e.get("id")]
    if len(ids) != len(set(ids)):
        faults.append(f"{page}: an id twice")
    if len(list(tree.iter("h1"))) != 1:
        faults.append(f"{page}: not one <h1>")
    links(page, tree, faults)
    policy(page, tree, faults)
    for e in list(tree.iter()):  # where a word may be broken, it goes on
        glue(e)
    return " ".join(" ".join(t.split()) for e in [tree.find("body")] for t in e.itertext() if t.strip())


def main():
    faults = []
    for page in [a for a in sys.argv[1:] if a != "--site"]:
        print(os.path.basename(page), check(page, faults))
    for f in faults:
        print("FAULT", f, file=sys.stderr)
    sys.exit(1 if faults or len(sys.argv) < 2 else 0)


main()
