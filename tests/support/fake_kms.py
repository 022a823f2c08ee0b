#!/usr/bin/env python3
"""Key services as their documentation has them, for tests: AWS KMS with STS, a container's agent and
EC2's metadata; Google Cloud KMS with its token endpoint and metadata; Azure Key Vault with Entra and
its metadata; Vault's Transit with its logins. Each checks the credential (AWS: the SigV4 signature)
as the real one does. The keys are p256, p384, rsa, ed25519; `other` is one that is never asked for.
Those of P-256 have a second version, NAME2: AWS's key of that name, Vault's version 3 (1 is `other`),
Google's 2; it is the newest, and what AWS's alias NAME names, after PUT /_rotate {"name": "aws-NAME"} or azure-, vault-.

    fake_kms.py KEYS-FOLDER [MILLISECONDS]     prints its port; keeps keys; answers so late

PUT /_fault {"kind": K, "count": N}: the next N signatures meet K: 429, 500, 503, throttle (AWS's
400), slow, lost, wrong-signature, wrong-key, junk, denied, huge (10 MB), moved (to another host);
other-key, other-version, other-algorithm: the answer says it is of such a one. Everything, not
signatures alone, meets these: later, answered 503, Retry-After N; all-moved. PUT /_expire: no credential of a login before is taken any more. GET /_secrets: what was taken or given as a credential, one a line. GET /_stats: how often what was done; most: so many
signatures were asked for at once; elsewhere: what reached the other host; tls: the port of the same
by TLS, for 127.0.0.1 and no name, by KEYS-FOLDER/ca.pem."""
import base64
import datetime
import hashlib
import hmac
import ipaddress
import json
import os
import re
import secrets
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.x509.oid import NameOID

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
AWS_SECRETS = {"AKIATEST": ("secret/of+test", None)}
SECRETS = {"secret/of+test", "client secret", "agent-token", "imds-token", "web-identity"}
lock = threading.Lock()
stats, tokens, fault, rotated = {}, set(), {"kind": "none", "count": 0}, set()
tokens.add("static-token")


def count(what):
    with lock:
        stats[what] = stats.get(what, 0) + 1


def load(folder, name, make):
    path = os.path.join(folder, name + ".pem")
    if not os.path.exists(path):
        pem = make().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        with open(path, "wb") as f:
            f.write(pem)
    with open(path, "rb") as f:
        return serialization.load_pem_private_key(f.read(), None)


def newest(service, name):
    return name + "2" if service + "-" + name in rotated else name


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def sign(key, bits, data, pss=False):
    """`data` is a digest, for Ed25519 the message."""
    count("sign")
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    pre = utils.Prehashed(HASHES[bits])
    if isinstance(key, rsa.RSAPrivateKey):
        pad = padding.PSS(padding.MGF1(HASHES[bits]), len(data)) if pss else padding.PKCS1v15()
        return key.sign(data, pad, pre)
    return key.sign(data, ec.ECDSA(pre))


def new_token():
    count("login")
    token = "tok-" + secrets.token_urlsafe(12)
    with lock:
        tokens.add(token)
        SECRETS.add(token)
    return token


def new_aws():
    count("login")
    name, secret, session = "ASIA" + secrets.token_hex(6).upper(), secrets.token_urlsafe(20), \
        "sess-" + secrets.token_urlsafe(24)
    with lock:
        AWS_SECRETS[name] = (secret, session)
        SECRETS.update((secret, session))
    return name, secret, session


def soon():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))


def b64u(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()


class Answer(Exception):
    def __init__(self, status, body, kind="application/json", headers=()):
        super().__init__(status)
        self.status, self.kind, self.headers = status, kind, headers
        self.body = body if isinstance(body, bytes) else (
            body if isinstance(body, str) else json.dumps(body)).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do(self):
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.url = urlsplit(self.path)
        try:
            self.route()
            raise Answer(404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "?"},
                               "errors": ["no such path"]})
        except Answer as a:
            self.send_response(a.status)
            self.send_header("Content-Type", a.kind)
            self.send_header("Content-Length", str(len(a.body)))
            for k, v in a.headers:
                self.send_header(k, v)
            self.end_headers()
            try:
                self.wfile.write(a.body)
            except OSError:  # whom it is too long
                self.close_connection = True
        except ConnectionResetError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do

    def route(self):
        path = self.url.path
        if self.server is metadata:
            count("elsewhere")
        if path == "/_stats":
            raise Answer(200, stats)
        if path == "/_fault":
            fault.update(json.loads(self.content))
            raise Answer(200, {})
        if path == "/_secrets":
            raise Answer(200, "\n".join(sorted(SECRETS | tokens)), "text/plain")
        if path == "/_rotate":
            rotated.add(json.loads(self.content)["name"])
            open(os.path.join(folder, json.loads(self.content)["name"] + ".rotated"), "wb").close()
            raise Answer(200, {})
        if fault["kind"] == "later" and path[:2] != "/_":
            count("later")
            raise Answer(503, {"errors": ["later"]}, headers=[("Retry-After", str(fault["count"]))])
        if fault["kind"] == "all-moved" and fault["count"] > 0 and path[:2] != "/_":
            raise self.moved()
        if path == "/_expire":
            with lock:
                tokens.clear()
                tokens.add("static-token")
                for k in [k for k in AWS_SECRETS if k.startswith("ASIA")]:
                    del AWS_SECRETS[k]
            raise Answer(200, {})
        if "X-Amz-Target" in self.headers:
            self.aws()
        if path == "/" and self.content.startswith(b"Action="):
            self.sts()
        for begin, to in (("/latest/", self.imds), ("/container", self.container),
                          ("/v1/projects/", self.gcp), ("/google/", self.google_login),
                          ("/computeMetadata/", self.google_metadata), ("/keys/", self.azure),
                          ("/tenant/", self.entra), ("/metadata/", self.azure_metadata),
                          ("/v1/", self.vault)):
            if path.startswith(begin):
                to(path)

    # ---- faults ----

    def meet(self, busy, denied):
        """A fault of the next signature, if one was asked for; the key to sign with else."""
        with lock:
            stats["now"] = stats.get("now", 0) + 1
            stats["most"] = max(stats.get("most", 0), stats["now"])
        time.sleep(LATENCY)
        with lock:
            stats["now"] -= 1
            kind = fault["kind"] if fault["count"] > 0 and fault["kind"] != "later" else "none"
            fault["count"] -= kind != "none"
        if kind != "none":
            count("fault")
        if kind in ("429", "500", "503"):
            raise Answer(int(kind), busy, headers=[("Retry-After", "1")] if kind == "429" else [])
        if kind == "throttle":
            raise Answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
        if kind == "denied":
            raise denied
        if kind == "junk":
            raise Answer(200, "{\"Signature\":")
        if kind == "huge":
            raise Answer(200, b"{\"x\":\"" + bytes(10 << 20) + b"\"}")
        if kind == "moved":
            raise self.moved()
        if kind == "lost":
            self.connection.close()
            raise ConnectionResetError
        if kind == "slow":
            time.sleep(20)
        return kind

    def moved(self):
        return Answer(307, "", headers=[("Location", f"http://127.0.0.2:{self.server.server_port}{self.path}")])

    def made(self, kind, key, bits, data, pss=False):
        sig = sign(KEYS["other"] if kind == "wrong-key" else key, bits, data, pss) \
            if kind != "wrong-key" or isinstance(key, ec.EllipticCurvePrivateKey) else bytes(64)
        return bytes([sig[0]]) + sig[1:-1] + bytes([sig[-1] ^ 1]) if kind == "wrong-signature" else sig

    # ---- AWS ----

    def aws_denied(self, code, words):
        return Answer(400, {"__type": "com.amazonaws.kms#" + code, "message": words})

    def check_sigv4(self):
        m = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
                     r"SignedHeaders=([^,]+), Signature=([0-9a-f]+)$",
                     self.headers.get("Authorization", ""))
        if not m:
            raise self.aws_denied("IncompleteSignature", "no SigV4")
        who, day, region, service, names, given = m.groups()
        if who not in AWS_SECRETS:
            raise self.aws_denied("UnrecognizedClientException", "The security token is invalid")
        secret, session = AWS_SECRETS[who]
        if session is not None and self.headers.get("X-Amz-Security-Token") != session:
            raise self.aws_denied("UnrecognizedClientException", "session")
        listed = names.split(";")
        for needed in ("host", "x-amz-date", "x-amz-target") + (
                ("x-amz-security-token",) if session else ()):
            if needed not in listed:
                raise self.aws_denied("IncompleteSignature", needed + " is not signed")
        head = "".join(f"{n}:{' '.join(self.headers[n].split())}\n" for n in listed)
        body = hashlib.sha256(self.content).hexdigest()
        canonical = "\n".join([self.command, self.url.path, self.url.query, head, names, body])
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers["X-Amz-Date"], scope,
                          hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + secret).encode()
        for part in (day, region, service, "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() != given:
            raise self.aws_denied("InvalidSignatureException", "it does not match")
        if region != "eu-test-1" or service != "kms":
            raise self.aws_denied("InvalidSignatureException", "another scope")

    def aws(self):
        self.check_sigv4()
        q = json.loads(self.content)
        name = q["KeyId"].split("/")[-1]
        name = newest("aws", name) if q["KeyId"].startswith("alias/") else name
        if name not in KEYS:
            raise self.aws_denied("NotFoundException", "Alias is not found")
        key = KEYS[name]
        if self.headers["X-Amz-Target"] == "TrentService.GetPublicKey":
            der = key.public_key().public_bytes(serialization.Encoding.DER,
                                                serialization.PublicFormat.SubjectPublicKeyInfo)
            raise Answer(200, {"KeyId": self.arn(name), "KeyUsage": "SIGN_VERIFY",
                               "PublicKey": base64.b64encode(der).decode()})
        kind = self.meet({"__type": "KMSInternalException", "message": "oops"},
                         self.aws_denied("AccessDeniedException", "not authorized"))
        data = base64.b64decode(q["Message"], validate=True)
        algorithm = q["SigningAlgorithm"]
        whole = algorithm == "ED25519_SHA_512"
        if (q["MessageType"] == "RAW") != whole or (whole and len(data) > 4096):
            raise self.aws_denied("ValidationException", "Digest is invalid length")
        bits = "512" if whole else algorithm[-3:]
        if not whole and len(data) != HASHES[bits].digest_size:
            raise self.aws_denied("ValidationException", "Digest is invalid length")
        sig = self.made(kind, key, bits, data, "PSS" in algorithm)
        raise Answer(200, {"KeyId": self.arn("other" if kind == "other-key" else name),
                           "Signature": base64.b64encode(sig).decode(), "SigningAlgorithm":
                           "ECDSA_SHA_512" if kind == "other-algorithm" else algorithm})

    @staticmethod
    def arn(name):
        return f"arn:aws:kms:eu-test-1:111122223333:key/{name}"

    def sts(self):
        q = parse_qs(self.content.decode())
        if q["WebIdentityToken"] != ["web-identity"] or not q["RoleArn"][0].startswith("arn:aws:iam"):
            raise Answer(400, "<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error>"
                              "</ErrorResponse>", "text/xml")
        name, secret, session = new_aws()
        raise Answer(200, "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult>"
                          f"<Credentials><AccessKeyId>{name}</AccessKeyId><SecretAccessKey>{secret}"
                          f"</SecretAccessKey><SessionToken>{session}</SessionToken>"
                          f"<Expiration>{soon()}</Expiration></Credentials>"
                          "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
                     "text/xml")

    def aws_json(self):
        name, secret, session = new_aws()
        raise Answer(200, {"Code": "Success", "AccessKeyId": name, "SecretAccessKey": secret,
                           "Token": session, "Expiration": soon()})

    def imds(self, path):
        if path == "/latest/api/token" and self.command == "PUT":
            raise Answer(200, "imds-token", "text/plain")
        if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
            raise Answer(401, "")
        if path.endswith("/security-credentials/"):
            raise Answer(200, "the-role", "text/plain")
        if path.endswith("/the-role"):
            self.aws_json()

    def container(self, _):
        if self.headers.get("Authorization") != "agent-token":
            raise Answer(403, {})
        self.aws_json()

    # ---- bearers ----

    def bearer(self, words):
        token = self.headers.get("Authorization", "")
        if not token.startswith("Bearer ") or token[7:] not in tokens:
            raise Answer(401, words)

    def oauth(self):
        raise Answer(200, {"access_token": new_token(), "expires_in": 3599, "token_type": "Bearer"})

    # ---- Google ----

    def gcp(self, path):
        self.bearer({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "no"}})
        m = re.match(r"/v1/(projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/([^/]+)/"
                     r"cryptoKeyVersions/([12]))(/publicKey|:asymmetricSign)$", path)
        name = m and m[2] + ("2" if m[3] == "2" else "")
        if name not in GCP:
            raise Answer(404, {"error": {"code": 404, "status": "NOT_FOUND", "message": "no key"}})
        algorithm, key = GCP[name]
        if m[4] == "/publicKey":
            raise Answer(200, {"pem": public_pem(key), "algorithm": algorithm, "name": m[1],
                               "protectionLevel": "HSM"})
        busy = {"error": {"code": 503, "status": "UNAVAILABLE", "message": "try again"}}
        kind = self.meet(busy, Answer(403, {"error": {
            "code": 403, "status": "PERMISSION_DENIED", "message": "denied on resource"}}))
        q = json.loads(self.content)
        if "data" in q:
            sig = self.made(kind, key, "512", base64.b64decode(q["data"]))
        else:
            (name, text), = q["digest"].items()
            sig = self.made(kind, key, name[3:], base64.b64decode(text), "_PSS_" in algorithm)
        said = m[1].replace("/" + m[2] + "/", "/other/") if kind == "other-key" else m[1]
        said = said[:-1] + "7" if kind == "other-version" else said
        raise Answer(200, {"signature": base64.b64encode(sig).decode(), "name": said,
                           "signatureCrc32c": "1"})

    def google_login(self, path):
        if path == "/google/impersonate":
            self.bearer({})
            raise Answer(200, {"accessToken": new_token(), "expireTime": soon()})
        if path == "/google/subject":
            raise Answer(200, {"id_token": "subject"})
        q = parse_qs(self.content.decode())
        grant = q["grant_type"][0]
        bad = Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT"})
        if grant.endswith("jwt-bearer"):
            head, body, sig = q["assertion"][0].split(".")
            pad = lambda t: base64.urlsafe_b64decode(t + "=" * (-len(t) % 4))
            claims = json.loads(pad(body))
            try:
                KEYS["rsa"].public_key().verify(pad(sig), f"{head}.{body}".encode(),
                                                padding.PKCS1v15(), hashes.SHA256())
            except Exception:
                raise bad from None
            if claims["iss"] != "ca@project" or not claims["scope"].endswith("/cloudkms") or \
               not claims["aud"].endswith(path) or claims["exp"] - claims["iat"] > 3600:
                raise bad
        elif grant == "refresh_token":
            if q["refresh_token"] != ["refresh"] or q["client_secret"] != ["client secret"]:
                raise bad
        elif grant.endswith("token-exchange"):
            if q["subject_token"] != ["subject"] or "workloadIdentityPools" not in q["audience"][0]:
                raise bad
        else:
            raise bad
        self.oauth()

    def google_metadata(self, _):
        if self.headers.get("Metadata-Flavor") != "Google":
            raise Answer(403, "")
        self.oauth()

    # ---- Azure ----

    def azure(self, path):
        self.bearer({"error": {"code": "Unauthorized", "message": "AKV10000"}})
        m = re.match(r"/keys/([a-z0-9]+)(?:/([0-9a-f]{32}))?(/sign)?$", path)
        if not m or m[1] not in KEYS or self.url.query != "api-version=7.4":
            raise Answer(404, {"error": {"code": "KeyNotFound", "message": "no key"}})
        versions = {hashlib.md5(n.encode()).hexdigest(): n for n in (m[1], m[1] + "2") if n in KEYS}
        version = m[2] or hashlib.md5(newest("azure", m[1]).encode()).hexdigest()
        if version not in versions:
            raise Answer(404, {"error": {"code": "KeyNotFound", "message": "no version"}})
        key = KEYS[versions[version]]
        kid = f"https://{self.headers['Host']}/keys/{m[1]}/{version}"
        if not m[3]:
            n = key.public_key().public_numbers()
            size = (getattr(key, "key_size") + 7) // 8
            number = lambda v, w: b64u(v.to_bytes(w, "big"))
            jwk = {"kid": kid, "key_ops": ["sign"]}
            if isinstance(key, rsa.RSAPrivateKey):
                jwk.update(kty="RSA-HSM", n=number(n.n, size), e="AQAB")
            else:
                jwk.update(kty="EC", crv=f"P-{key.key_size}", x=number(n.x, size),
                           y=number(n.y, size))
            raise Answer(200, {"key": jwk, "attributes": {"enabled": True}})
        kind = self.meet({"error": {"code": "Throttled", "message": "slow down"}},
                         Answer(403, {"error": {"code": "Forbidden", "message": "no keys/sign"}}))
        q = json.loads(self.content)
        data = base64.urlsafe_b64decode(q["value"] + "=" * (-len(q["value"]) % 4))
        sig = self.made(kind, key, q["alg"][2:], data, q["alg"].startswith("PS"))
        if q["alg"].startswith("ES"):
            r, s = utils.decode_dss_signature(sig)
            size = (key.key_size + 7) // 8
            sig = r.to_bytes(size, "big") + s.to_bytes(size, "big")
        said = kid.replace("/" + m[1] + "/", "/other/") if kind == "other-key" else kid
        said = said[:-32] + "0" * 32 if kind == "other-version" else said
        raise Answer(200, {"kid": said, "value": b64u(sig)})

    def entra(self, _):
        q = parse_qs(self.content.decode())
        if q["scope"] != ["https://vault.azure.net/.default"] or q["client_id"] != ["client"] or \
           not (q.get("client_secret") == ["client secret"]
                or q.get("client_assertion") == ["federated"]):
            raise Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})
        self.oauth()

    def azure_metadata(self, _):
        q = parse_qs(self.url.query)
        if self.headers.get("Metadata") != "true" or q["resource"] != ["https://vault.azure.net"]:
            raise Answer(400, {"error": "invalid_request"})
        raise Answer(200, {"access_token": new_token(), "expires_in": "3599", "resource": "x"})

    # ---- Vault ----

    def vault(self, path):
        if path.startswith("/v1/auth/"):
            q = json.loads(self.content)
            good = {"kubernetes": {"jwt": "federated", "role": "ca"},
                    "jwt": {"jwt": "federated", "role": "ca"},
                    "approle": {"role_id": "role", "secret_id": "secret"}}.get(path.split("/")[3])
            if q != good:
                raise Answer(400, {"errors": ["invalid role or secret ID"]})
            raise Answer(200, {"auth": {"client_token": new_token(), "lease_duration": 3600,
                                        "renewable": True}})
        denied = Answer(403, {"errors": ["permission denied"]})
        if self.headers.get("X-Vault-Token") not in tokens or \
           self.headers.get("X-Vault-Namespace") not in (None, "team"):
            raise denied
        m = re.match(r"/v1/transit/(keys|sign)/([a-z0-9]+)$", path)
        if not m or m[2] not in KEYS:
            raise Answer(404, {"errors": []})
        key = KEYS[m[2]]
        if m[1] == "keys":
            one = public_pem(KEYS["other"])
            two = public_pem(key) if m[2] != "ed25519" else base64.b64encode(
                key.public_key().public_bytes(serialization.Encoding.Raw,
                                              serialization.PublicFormat.Raw)).decode()
            kind = {"p256": "ecdsa-p256", "p384": "ecdsa-p384", "rsa": "rsa-2048"}.get(m[2], m[2])
            versions = {"1": {"public_key": one}, "2": {"public_key": two}}
            if newest("vault", m[2]) != m[2]:
                versions["3"] = {"public_key": public_pem(KEYS[m[2] + "2"])}
            raise Answer(200, {"request_id": "x", "data": {
                "type": kind, "latest_version": len(versions), "name": m[2], "keys": versions}})
        kind = self.meet({"errors": ["Vault is sealed"]}, denied)
        q = json.loads(self.content)
        number = q["key_version"]
        if number not in ([2, 3] if newest("vault", m[2]) != m[2] else [2]) or q["prehashed"] == (m[2] == "ed25519"):
            raise Answer(400, {"errors": ["bad request"]})
        key = KEYS[m[2] + "2"] if number == 3 else key
        sig = self.made(kind, key, q.get("hash_algorithm", "sha2-512")[5:],
                        base64.b64decode(q["input"]), q.get("signature_algorithm") == "pss")
        said = "vault:v1:" if kind == "other-version" else f"vault:v{number}:"
        raise Answer(200, {"data": {"signature": said + base64.b64encode(sig).decode(),
                                    "key_version": number}})


def certify(folder):
    """A certificate for 127.0.0.1 by itself: ca.pem, with its key in tls.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, False)
            .sign(key, hashes.SHA256())).public_bytes(serialization.Encoding.PEM)
    with open(os.path.join(folder, "ca.pem"), "wb") as f:
        f.write(cert)
    with open(os.path.join(folder, "tls.pem"), "wb") as f:
        f.write(cert + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "tls.pem"))
    return context


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


folder = sys.argv[1]
rotated.update(name[:-8] for name in os.listdir(folder) if name.endswith(".rotated"))
LATENCY = int(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0
KEYS = {name: load(folder, name, make) for name, make in {
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "other": lambda: ec.generate_private_key(ec.SECP256R1()),
}.items()}
for name in ("p256", "log", "siglog", "tsa", "audit", "holder", "online"):
    for version in (name, name + "2"):
        KEYS[version] = load(folder, version, lambda: ec.generate_private_key(ec.SECP256R1()))
GCP = {name: ("EC_SIGN_P256_SHA256", key) for name, key in KEYS.items()}
GCP.update(p384=("EC_SIGN_P384_SHA384", KEYS["p384"]), ed25519=("EC_SIGN_ED25519", KEYS["ed25519"]),
           rsa=("RSA_SIGN_PKCS1_2048_SHA256", KEYS["rsa"]),
           pss=("RSA_SIGN_PSS_2048_SHA256", KEYS["rsa"]))
server = Server(("127.0.0.1", int(os.environ.get("FAKE_KMS_PORT", "0"))), Handler)
# the machine's metadata, where no rule for the own machine keeps a proxy away
metadata = Server(("127.0.0.2", server.server_address[1]), Handler)
threading.Thread(target=metadata.serve_forever, daemon=True).start()
secure = Server(("127.0.0.1", 0), Handler)
secure.socket = certify(folder).wrap_socket(secure.socket, server_side=True)
stats["tls"] = secure.server_address[1]
threading.Thread(target=secure.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
