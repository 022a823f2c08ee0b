"""A Rekor of our own: enters the signature of a bundle into a tree of two leaves.

usage: rekor.py key KEY-FILE PUBLIC-FILE
       rekor.py enter KEY-FILE < BUNDLE > BUNDLE
"""
import base64
import hashlib
import json
import sys
import time

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ORIGIN = "rekor.example.com - 1"


def b64(data):
    return base64.b64encode(data).decode()


def sha256(data):
    return hashlib.sha256(data).digest()


def make_key(key_file, public_file):
    key = ec.generate_private_key(ec.SECP256R1())
    with open(key_file, "wb") as f:
        f.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    with open(public_file, "wb") as f:
        f.write(
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


def hashedrekord(bundle):
    signature = bundle["messageSignature"]
    der = base64.b64decode(bundle["verificationMaterial"]["certificate"]["rawBytes"])
    pem = x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)
    digest = base64.b64decode(signature["messageDigest"]["digest"])
    return rfc8785.dumps(
        {
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {"algorithm": "sha256", "value": digest.hex()}},
                "signature": {
                    "content": signature["signature"],
                    "publicKey": {"content": b64(pem)},
                },
            },
        }
    )


def enter(key, bundle):
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    log_id = sha256(spki)

    def sign(data):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))

    body = hashedrekord(bundle)
    neighbour = sha256(b"\0an entry of somebody else")
    root = sha256(b"\1" + neighbour + sha256(b"\0" + body))
    note = f"{ORIGIN}\n2\n{b64(root)}\n"
    line = f"\u2014 {ORIGIN.split()[0]} {b64(log_id[:4] + sign(note.encode()))}\n"
    now = int(time.time())
    promise = {"body": b64(body), "integratedTime": now, "logID": log_id.hex(), "logIndex": 1}
    bundle["verificationMaterial"]["tlogEntries"] = [
        {
            "logIndex": "1",
            "logId": {"keyId": b64(log_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
            "integratedTime": str(now),
            "inclusionPromise": {"signedEntryTimestamp": b64(sign(rfc8785.dumps(promise)))},
            "inclusionProof": {
                "logIndex": "1",
                "rootHash": b64(root),
                "treeSize": "2",
                "hashes": [b64(neighbour)],
                "checkpoint": {"envelope": f"{note}\n{line}"},
            },
            "canonicalizedBody": b64(body),
        }
    ]
    return bundle


def main():
    command, key_file, *rest = sys.argv[1:]
    if command == "key":
        return make_key(key_file, *rest)
    with open(key_file, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    json.dump(enter(key, json.load(sys.stdin)), sys.stdout)


main()
