"""usage: client.py CACHE METADATA-URL ROOT [TARGET TARGETS-URL FILE]

Refreshes; with a target, downloads it to FILE.
"""
import sys

from tuf.ngclient import Updater

cache, url, root, *rest = sys.argv[1:]
with open(root, "rb") as f:
    updater = Updater(cache, url, bootstrap=f.read())
updater.refresh()
if rest:
    target, base, file = rest
    info = updater.get_targetinfo(target)
    if info is None:
        sys.exit(f"no target {target}")
    updater.download_target(info, file, base)
