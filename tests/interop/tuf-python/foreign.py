"""Repositories as others write and keep them, for tenmint-tuf init --from.

usage: foreign.py write KIND DIR    the tree in DIR/from, private keys in DIR/keys
       foreign.py keys FOLDER DIR   go-tuf's private keys of FOLDER as PEM, in DIR/keys
       foreign.py check OLD NEW     what was in the tree OLD is in the published tree NEW

python-tuf: metadata/ and targets/, every kind of key, delegations two deep, custom metadata.
on-ci: as tuf-on-ci keeps it in git: no versions in names, root_history/, dates that nobody reads.
rstuf: as RSTUF has it: one online key for all but root, hash bins, target files elsewhere.
keyids: no keyid is the hash of its key; plain.txt, and the same as trusted_root.json.
"""
import glob
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from hashlib import sha256, sha512

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (Encoding, NoEncryption, PrivateFormat,
                                                          load_pem_private_key)
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Key, Signature
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot,
                              SuccinctRoles, TargetFile, Targets, Timestamp)
from tuf.api.serialization.json import JSONSerializer

EXPIRES = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=200)


class Tree:
    def __init__(self, out, targets="from/targets", hashed=True):
        self.out, self.hashed = out, hashed
        self.metadata, self.targets = f"{out}/from/metadata", f"{out}/{targets}"
        for folder in (self.metadata, self.targets, f"{out}/keys"):
            os.makedirs(folder, exist_ok=True)
        self.listed = {}

    def key(self, kind, keyid=None, **members):
        """A signer whose KEY has these members, which its keyid covers unless it is given; the
        private key as PEM."""
        s = getattr(CryptoSigner, f"generate_{kind}")()
        d = s.public_key.to_dict() | members
        keyid = keyid or sha256(encode_canonical(d).encode()).hexdigest()
        own = CryptoSigner(s._private_key, Key.from_dict(keyid, d))
        pem = s._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path = f"{self.out}/keys/{keyid}.key"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(pem)
        return own

    def target(self, path, data, custom=None, more=(), **members):
        hashes = {"sha256": sha256(data).hexdigest()}
        if "sha512" in more:
            hashes["sha512"] = sha512(data).hexdigest()
        folder, _, base = path.rpartition("/")
        os.makedirs(f"{self.targets}/{folder}", exist_ok=True)
        for name in [f"{h}.{base}" for h in hashes.values()] if self.hashed else [base]:
            with open(f"{self.targets}/{folder}/{name}", "wb") as f:
                f.write(data)
        if custom is not None:
            members["custom"] = custom
        return TargetFile(len(data), hashes, path, members)

    def save(self, signed, name, *signers):
        md = Metadata(signed)
        for s in signers:
            md.sign(s, append=True)
        return self.put(md.to_bytes(JSONSerializer(compact=False)), name, signed.version)

    def put(self, data, name, version):
        os.makedirs(os.path.dirname(f"{self.metadata}/{name}"), exist_ok=True)
        with open(f"{self.metadata}/{name}", "wb") as f:
            f.write(data)
        return MetaFile(version, len(data), {"sha256": sha256(data).hexdigest()})

    def finish(self, snapshot, timestamp, snapshot_key, timestamp_key, versioned=True):
        name = f"{snapshot.version}.snapshot.json" if versioned else "snapshot.json"
        timestamp.snapshot_meta = self.save(snapshot, name, snapshot_key)
        self.save(timestamp, "timestamp.json", timestamp_key)


def make_root(version, threshold, **roles):
    root = Root(version=version, expires=EXPIRES)
    for name, signers in roles.items():
        for s in signers:
            root.add_key(s.public_key, name)
    root.roles["root"].threshold = threshold
    return root


def python_tuf(out):
    t = Tree(out)
    ed, ec, rsa = t.key("ed25519"), t.key("ecdsa", **{"x-note": {"a": [1, None]}}), t.key("rsa")
    new, snap, time, left = t.key("ecdsa"), t.key("ecdsa"), t.key("ed25519"), t.key("ed25519")
    project, web = t.key("ecdsa"), t.key("ed25519")
    root = make_root(1, 2, root=[ed, ec, rsa], targets=[ec, rsa], snapshot=[snap], timestamp=[time])
    t.save(root, "1.root.json", ed, ec)
    root = make_root(2, 2, root=[ed, ec, new], targets=[ec, new], snapshot=[snap], timestamp=[time])
    root.keys[left.public_key.keyid] = left.public_key  # which no role uses
    root.unrecognized_fields["x-line"] = "line\nbreak \u00e9 \\ \""
    root.roles["targets"].unrecognized_fields["x-role"] = True
    t.save(root, "2.root.json", ed, ec, new)
    targets = Targets(version=3, expires=EXPIRES, unrecognized_fields={"x-of-targets": [1, 2]})
    for path, data, custom in (("top.txt", b"top", {"a": [1, {"b": None}]}), ("d/e.txt", b"e", None)):
        targets.targets[path] = t.target(path, data, custom, more=["sha512"], **{"x-entry": path})
    role = DelegatedRole("of-others", [], 1, True, ["project/*", "project/*/*"],
                         unrecognized_fields={"x-delegation": "kept"})
    targets.delegations = Delegations({}, {role.name: role})
    targets.delegations.unrecognized_fields["x-delegations"] = 1
    targets.add_key(project.public_key, role.name)
    below = DelegatedRole("web", [], 1, False, ["project/web/*"])
    middle = Targets(expires=EXPIRES, delegations=Delegations({}, {"web": below}))
    middle.targets["project/a.txt"] = t.target("project/a.txt", b"delegated")
    middle.add_key(web.public_key, "web")
    leaf = Targets(version=5, expires=EXPIRES)
    leaf.targets["project/web/b.txt"] = t.target("project/web/b.txt", b"below")
    snapshot = Snapshot(version=7, expires=EXPIRES, unrecognized_fields={"x-snapshot": "kept"})
    snapshot.meta["targets.json"] = t.save(targets, "3.targets.json", ec)
    snapshot.meta["of-others.json"] = t.save(middle, "1.of-others.json", project)
    snapshot.meta["web.json"] = t.save(leaf, "5.web.json", web)
    t.finish(snapshot, Timestamp(version=9, expires=EXPIRES,
                                 unrecognized_fields={"x-timestamp": "kept"}), snap, time)


def unreadable(t, version, signed, signers, expires):
    """A root whose date has a fraction: signed all the same, as some early ones were."""
    d = signed.to_dict() | {"expires": expires}
    data = encode_canonical(d).encode()
    signatures = [{"keyid": s.public_key.keyid, "sig": s.sign(data).signature} for s in signers]
    t.put(json.dumps({"signed": d, "signatures": signatures}).encode(),
          f"root_history/{version}.root.json", version)


def on_ci(out):
    t = Tree(out, hashed=False)
    old = {"keyid_hash_algorithms": ["sha256", "sha512"]}
    people = [t.key("ecdsa", **old, **{"x-tuf-on-ci-keyowner": f"@{n}"}) for n in ("ann", "ben")]
    people.append(t.key("ecdsa", **{"x-tuf-on-ci-keyowner": "@cleo"}))
    online = t.key("ecdsa", **old, **{"x-tuf-on-ci-online-uri": "gcpkms:projects/x/keys/y"})
    npm = t.key("ecdsa", **{"x-tuf-on-ci-online-uri": "azurekms://vault/keys/npm"})
    for version in range(1, 5):
        root = make_root(version, 2, root=people, targets=people, snapshot=[online],
                         timestamp=[online])
        root.unrecognized_fields.update({"x-tuf-on-ci-expiry-period": 250,
                                         "x-tuf-on-ci-signing-period": 46})
        for name, days in (("timestamp", (7, 6)), ("snapshot", (365, 90))):
            root.roles[name].unrecognized_fields.update(
                {"x-tuf-on-ci-expiry-period": days[0], "x-tuf-on-ci-signing-period": days[1]})
        if version < 3:
            unreadable(t, version, root, people, "2030-01-31T12:00:00.5Z")
        else:
            t.save(root, f"root_history/{version}.root.json", *people)
    t.save(root, "root.json", *people)
    targets = Targets(version=14, expires=EXPIRES, unrecognized_fields={
        "x-tuf-on-ci-expiry-period": 365, "x-tuf-on-ci-signing-period": 31})
    for name, usage in (("ctfe.pub", "CTFE"), ("fulcio.crt.pem", "Fulcio")):
        custom = {"sigstore": {"status": "Active", "usage": usage, "uri": "https://x.example.com"}}
        targets.targets[name] = t.target(name, name.encode(), custom)
    targets.targets["top.txt"] = t.target("top.txt", b"top", {"sigstore": {"usage": "Other"}})
    role = DelegatedRole("registry.npmjs.org", [], 1, True, ["registry.npmjs.org/*"])
    targets.delegations = Delegations({}, {role.name: role})
    targets.add_key(npm.public_key, role.name)
    leaf = Targets(version=8, expires=EXPIRES, unrecognized_fields={
        "x-tuf-on-ci-expiry-period": 182, "x-tuf-on-ci-signing-period": 31})
    leaf.targets["registry.npmjs.org/keys.json"] = t.target("registry.npmjs.org/keys.json", b"{}")
    snapshot = Snapshot(version=165, expires=EXPIRES)
    snapshot.meta["rekor.json"] = MetaFile(3, 797, {"sha256": "9d" * 32})  # long dead
    snapshot.meta["targets.json"] = MetaFile(14)
    snapshot.meta["registry.npmjs.org.json"] = MetaFile(8)
    t.save(targets, "targets.json", *people[:2])
    t.save(leaf, "registry.npmjs.org.json", npm)
    t.finish(snapshot, Timestamp(version=762, expires=EXPIRES), online, online, versioned=False)


def rstuf(out):
    t = Tree(out, "artifacts", hashed=False)
    people = [t.key("ed25519", **{"x-rstuf-key-name": n}) for n in ("Jan", "Kim", "Lou")]
    online = t.key("ecdsa", **{"x-rstuf-online-key-uri": "fn:online.key"})
    root = make_root(1, 2, root=people, targets=[online], snapshot=[online], timestamp=[online])
    t.save(root, "1.root.json", *people[:2])
    succinct = SuccinctRoles([], 1, 4, "bins")
    targets = Targets(expires=EXPIRES, delegations=Delegations({}, succinct_roles=succinct))
    targets.add_key(online.public_key)
    snapshot = Snapshot(version=4, expires=EXPIRES)
    snapshot.meta["targets.json"] = t.save(targets, "1.targets.json", online)
    filled = {name: Targets(version=2, expires=EXPIRES) for name in succinct.get_roles()}
    for i in range(30):
        path = f"v{i}/file{i}.tar.gz"
        filled[succinct.get_role_for_target(path)].targets[path] = t.target(
            path, f"artifact {i}".encode(), {"build": {"number": i}})
    for name, role in filled.items():
        snapshot.meta[f"{name}.json"] = t.save(role, f"2.{name}.json", online)
    t.finish(snapshot, Timestamp(version=4, expires=EXPIRES), online, online)


def go_tuf_keys(folder, out):
    os.makedirs(f"{out}/keys", exist_ok=True)
    for path in glob.glob(f"{folder}/*.json"):
        with open(path, "rb") as f:
            keys = json.load(f)["data"]
        for i, key in enumerate(keys):
            private = key["keyval"]["private"]
            loaded = (Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private)[:32])
                      if key["keytype"] == "ed25519" else
                      load_pem_private_key(private.encode(), None))
            pem = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            with open(f"{out}/keys/{os.path.basename(path)}-{i}.key", "wb") as f:
                f.write(pem)


def keyids(out):
    t = Tree(out)
    root, top, snap, time = (t.key("ed25519", sha256(name).hexdigest())
                             for name in (b"root", b"targets", b"snapshot", b"timestamp"))
    t.save(make_root(1, 1, root=[root], targets=[top], snapshot=[snap], timestamp=[time]),
           "1.root.json", root)
    targets = Targets(expires=EXPIRES, targets={
        name: t.target(name, b"content") for name in ("plain.txt", "trusted_root.json")})
    meta = {"targets.json": t.save(targets, "1.targets.json", top)}
    t.finish(Snapshot(expires=EXPIRES, meta=meta), Timestamp(expires=EXPIRES), snap, time)


def signed_parts(tree):
    """The newest version of each role, by its name in files."""
    newest = {}
    for path in glob.glob(f"{tree}/**/*.json", recursive=True):
        name = os.path.basename(path)
        head, _, rest = name.partition(".")
        role = rest if head.isdigit() else name
        with open(path, "rb") as f:
            d = json.load(f)
        if "signed" in d and (role not in newest or newest[role]["version"] < d["signed"]["version"]):
            newest[role] = d["signed"]
    return newest


def missing(old, new, path, out):
    """Members of old that new has not, or has otherwise."""
    if isinstance(old, dict) and isinstance(new, dict):
        for k, v in old.items():
            if k not in new:
                out.append(f"{path}/{k}")
            else:
                missing(v, new[k], f"{path}/{k}", out)
    elif old != new:
        out.append(path)


def check(old_tree, new_tree):
    old, new = signed_parts(old_tree), signed_parts(new_tree)
    for role, signed in old.items():
        lost = []
        missing(signed, new.get(role, {}), role, lost)
        for line in lost:
            if line.rsplit("/", 1)[-1] not in ("version", "expires"):
                print(line)


if sys.argv[1] == "check":
    check(*sys.argv[2:])
elif sys.argv[1] == "keys":
    go_tuf_keys(*sys.argv[2:])
else:
    {"python-tuf": python_tuf, "on-ci": on_ci, "rstuf": rstuf, "keyids": keyids}[sys.argv[2]](sys.argv[3])
