#!/usr/bin/env bash
# What a comment names is there: each word with the prefix of a library, or with one that functions had
# before they got it (buf_free), is in the code, too.
set -u
cd "$(dirname "$0")/../.." || exit 1
exec python3 - <<'END'
import glob, re, sys
TOKEN = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|/\*.*?\*/|//[^\n]*'
NAME = r"(?<![\w/.-])(?:(?:tm|ca|oidc|tuf|buf|http|json|jsonmap|key|log)_\w*[a-z0-9])\b"
there, named = set(), []
for path in (p for top in "common oidc ca tuf tools tests".split() for p in glob.glob(top + "/**/*.[ch]", recursive=True)):
    text, code = open(path).read(), ""
    for token in re.finditer(TOKEN + r"|[^\"'/]+|.", text, re.S):
        if not token[0].startswith(("/*", "//")):
            code += token[0]
            continue
        for word in re.finditer(NAME, token[0]):
            named.append((path, text.count("\n", 0, token.start() + word.start()) + 1, word[0]))
    there.update(re.findall(r"\w+", code))
gone = [f"FAULT {path}:{line}: {word} is not in the code" for path, line, word in named if word not in there]
print("\n".join(gone) or f"comments: {len(named)} names are there")
sys.exit(bool(gone) or len(named) < 300)
END
