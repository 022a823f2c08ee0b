"""Clients of a cluster under load: each asks for certificates, and asks again as a CI job does, with a new
token, when it is told to wait or its connection breaks. Some tokens are shown twice, at once and later.

clients.py CA-URL TLS-CA ISSUER-URL KEY PROOF SECONDS THREADS
Prints one JSON object: how many were asked, lost, tried again and why, tokens used twice, and the serial
numbers (decimal) of the certificates that came.
"""
import base64, collections, http.client, json, ssl, sys, threading, time, urllib.parse, urllib.request, uuid

AGAIN = {429, 502, 503, 504}
GIVE_UP_S = 60
CA, TLS, ISSUER, KEY, PROOF = sys.argv[1:6]
SECONDS, THREADS = float(sys.argv[6]), int(sys.argv[7])
host = urllib.parse.urlparse(CA).netloc
context = ssl.create_default_context(cafile=TLS)
lock = threading.Lock()
count, why, serials, lost, twice = collections.Counter(), collections.Counter(), [], [], []
slowest = 0.0


def mint():
    """Like no other: a CI system gives each token an id."""
    with urllib.request.urlopen(ISSUER + "/token", data=json.dumps({"jti": str(uuid.uuid4())}).encode(), timeout=10) as r:
        return r.read().decode()


def post(token):
    """The status and the answer; 0 when the connection broke."""
    body = json.dumps({"credentials": {"oidcIdentityToken": token},
                       "publicKeyRequest": {"publicKey": {"content": open(KEY).read()},
                                            "proofOfPossession": open(PROOF).read()}})
    c = http.client.HTTPSConnection(host, timeout=25, context=context)
    try:
        c.request("POST", "/api/v2/signingCert", body, {"Content-Type": "application/json"})
        r = c.getresponse()
        return r.status, r.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        c.close()


def serial(answer):
    """Of the first certificate: the first INTEGER behind the version of its TBSCertificate."""
    chain = json.loads(answer)
    pem = next(iter(chain.values()))["chain"]["certificates"][0]
    der = base64.b64decode("".join(pem.splitlines()[1:-1]))

    def head(at):
        n = der[at + 1]
        return (at + 2, n) if n < 128 else (at + 2 + (n & 127), int.from_bytes(der[at + 2:at + 2 + (n & 127)], "big"))
    at, _ = head(head(0)[0])
    at, n = head(at)
    at, n = head(at + n)
    return int.from_bytes(der[at:at + n], "big")


def certificate():
    """Asks until it has one, or for too long; returns the token that was taken."""
    global slowest
    begun = time.monotonic()
    while time.monotonic() - begun < GIVE_UP_S:
        token = mint()
        status, answer = post(token)
        if status in (200, 201):
            with lock:
                count["answered"] += 1
                serials.append(str(serial(answer)))
                slowest = max(slowest, time.monotonic() - begun)
            return token
        with lock:
            why[str(status)] += 1
        if status not in AGAIN | {0}:
            break
        time.sleep(0.3)
    with lock:
        lost.append("%d %s" % (status, answer[:200].decode(errors="replace")))
    return None


def at_once(token):
    """One token, two requests at the same moment; both taken is a fault."""
    got = []
    both = [threading.Thread(target=lambda: got.append(post(token))) for _ in range(2)]
    for t in both:
        t.start()
    for t in both:
        t.join()
    taken = [a for s, a in got if s in (200, 201)]
    with lock:
        count["at once"] += 1
        serials.extend(str(serial(a)) for a in taken)
        if len(taken) > 1:
            twice.append("at once")


def client(until):
    n, old = 0, []
    while time.monotonic() < until:
        with lock:
            count["asked"] += 1
        token = certificate()
        n += 1
        if token is not None:
            old.append(token)
        if n % 4 == 0:
            at_once(mint())
        if n % 4 == 2 and old:
            status, _ = post(old.pop(0))
            with lock:
                count["shown again"] += 1
                if status in (200, 201):
                    twice.append("later")


until = time.monotonic() + SECONDS
threads = [threading.Thread(target=client, args=(until,)) for _ in range(THREADS)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps({"counts": count, "again": why, "slowest_s": round(slowest, 1), "lost": lost, "twice": twice,
                  "serials": serials}))
