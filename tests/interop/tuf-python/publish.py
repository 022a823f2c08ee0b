"""Writes a repository with python-tuf: every kind of key, delegations, succinct hash bins.

usage: publish.py DIR [ROOTS [ENTRIES]]: so many more, of files that are nowhere
"""
import os
import sys
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot,
                              SuccinctRoles, TargetFile, Targets, Timestamp)
from tuf.api.serialization.json import JSONSerializer

out = sys.argv[1]
os.makedirs(f"{out}/targets/bins", exist_ok=True)
expires = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=30)


def save(signed, name, *signers):
    md = Metadata(signed)
    for s in signers:
        md.sign(s, append=True)
    data = md.to_bytes(JSONSerializer(compact=False))
    with open(f"{out}/{name}", "wb") as f:
        f.write(data)
    return MetaFile(signed.version, len(data), {"sha256": sha256(data).hexdigest()})


def target(path, data):
    digest = sha256(data).hexdigest()
    folder, _, base = path.rpartition("/")
    folder = f"{out}/targets/{folder}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{digest}.{base}", "wb") as f:
        f.write(data)
    return TargetFile(len(data), {"sha256": digest}, path)


ed, ec, rsa = (CryptoSigner.generate_ed25519(), CryptoSigner.generate_ecdsa(),
               CryptoSigner.generate_rsa())
online = CryptoSigner.generate_ecdsa()

root = Root(expires=expires)
root.roles["root"].threshold = 3
for s in (ed, ec, rsa):
    root.add_key(s.public_key, "root")
root.add_key(rsa.public_key, "targets")
root.add_key(online.public_key, "timestamp")
root.add_key(online.public_key, "snapshot")
save(root, "1.root.json", ed, ec, rsa)
root.version = 2
root.unrecognized_fields["x-note"] = "line\nbreak \u00e9 \\ \""
save(root, "2.root.json", ed, ec, rsa)
for version in range(3, int(sys.argv[2]) + 1 if len(sys.argv) > 2 else 0):
    root.version = version
    save(root, f"{version}.root.json", ed, ec, rsa)

targets = Targets(expires=expires)
targets.targets["top.txt"] = target("top.txt", b"top")
for i in range(int(sys.argv[3]) if len(sys.argv) > 3 else 0):
    path = f"target-{i:07}.tar.gz"
    targets.targets[path] = TargetFile(i, {"sha256": sha256(path.encode()).hexdigest()}, path)
project = DelegatedRole("project", [], 1, True, ["project/*.txt"])
bins = DelegatedRole("bins", [], 1, False, ["bins/*"])
targets.delegations = Delegations({}, {"project": project, "bins": bins})
targets.add_key(ec.public_key, "project")
targets.add_key(ed.public_key, "bins")
snapshot = Snapshot(expires=expires)

delegated = Targets(expires=expires)
delegated.targets["project/a.txt"] = target("project/a.txt", b"delegated")
snapshot.meta["project.json"] = save(delegated, "1.project.json", ec)

succinct = SuccinctRoles([], 1, 4, "bin")
hub = Targets(expires=expires, delegations=Delegations({}, succinct_roles=succinct))
hub.add_key(rsa.public_key)
snapshot.meta["bins.json"] = save(hub, "1.bins.json", ed)
filled = {name: Targets(expires=expires) for name in succinct.get_roles()}
for i in range(40):
    path = f"bins/{i}"
    filled[succinct.get_role_for_target(path)].targets[path] = target(path, path.encode())
for name, role in filled.items():
    snapshot.meta[f"{name}.json"] = save(role, f"1.{name}.json", rsa)

snapshot.meta["targets.json"] = save(targets, "1.targets.json", rsa)
timestamp = Timestamp(expires=expires)
timestamp.snapshot_meta = save(snapshot, "1.snapshot.json", online)
save(timestamp, "timestamp.json", online)
