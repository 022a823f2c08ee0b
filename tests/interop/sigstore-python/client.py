# client.py CA-URL LOG-KEY-PEM < token: sigstore-python's own signer gets a certificate by CSR and
# checks the SCT embedded in it against the log's key.
import base64
import hashlib
import json
import sys
import tempfile

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import SubjectAlternativeName, UniformResourceIdentifier
from sigstore._internal.fulcio.client import FulcioClient, FulcioClientError
from sigstore._internal.rekor.client import RekorClient
from sigstore.errors import VerificationError
from sigstore.models import TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import Signer, SigningContext


def trusted_root(key):
    spki = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    text = json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [],
            "certificateAuthorities": [],
            "ctlogs": [
                {
                    "baseUrl": "https://log.example",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": {
                        "rawBytes": base64.b64encode(spki).decode(),
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "validFor": {"start": "2020-01-01T00:00:00Z"},
                    },
                    "logId": {"keyId": base64.b64encode(hashlib.sha256(spki).digest()).decode()},
                }
            ],
        }
    )
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(text)
        f.flush()
        return TrustedRoot.from_file(f.name)


def signer(ca, token, key):
    ctx = SigningContext(
        fulcio=FulcioClient(ca), rekor=RekorClient(ca), trusted_root=trusted_root(key)
    )
    return Signer(IdentityToken(token), ctx)


def main():
    ca = sys.argv[1]
    with open(sys.argv[2], "rb") as f:
        log_key = serialization.load_pem_public_key(f.read())
    token = sys.stdin.read().strip()

    cert = signer(ca, token, log_key)._signing_cert()
    san = cert.extensions.get_extension_for_class(SubjectAlternativeName).value
    names = san.get_values_for_type(UniformResourceIdentifier)
    assert len(names) == 1 and "acme/widget" in names[0], names
    bundle = FulcioClient(ca).trust_bundle.get().trust_bundle
    assert len(bundle) == 1
    cert.verify_directly_issued_by(bundle[0][0])
    print("sigstore-python accepted", names[0])

    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    try:
        signer(ca, token, other)
    except VerificationError as e:
        print("and refuses the SCT of a log it does not know:", e)
    else:
        raise SystemExit("an SCT of an unknown log was accepted")

    head, body, signature = token.split(".")
    forged = base64.urlsafe_b64encode(
        base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).replace(b"acme", b"evil")
    )
    try:
        signer(ca, ".".join([head, forged.decode().rstrip("="), signature]), log_key)
    except FulcioClientError as e:
        print("and hears that a forged token is refused:", e.__cause__)
    else:
        raise SystemExit("a forged token was accepted")


main()
