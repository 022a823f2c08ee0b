"""Services as trust add-* meets them, for trust_add.sh.

shapes FOLDER KEY CHAIN: writes what a Rekor v1, an RFC 6962 log and a Fulcio without v2 answer.
serve FOLDER BEHIND: GET answers with PATH.get, POST with the status in PATH.post. A file that holds
"BEHIND /path" is what the server at that address answers. /html, /huge, /redirect, /silent, /busy,
/gateway and /garbage answer so whatever is asked. Prints its port.
"""
import base64
import hashlib
import http.server
import json
import os
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request


def put(folder, path, body):
    os.makedirs(os.path.dirname(folder + path), exist_ok=True)
    with open(folder + path + ("" if path.endswith(".post") else ".get"), "wb") as f:
        f.write(body)


def sign(key, data):
    return subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=data, capture_output=True, check=True).stdout


def shapes(folder, key, chain):
    root = hashlib.sha256(b"").digest()
    spki = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
    pem = subprocess.run(["openssl", "pkey", "-in", key, "-pubout"], capture_output=True, check=True).stdout
    text = "rekor.example.com - 42\n7\n%s\n" % base64.b64encode(root).decode()
    line = base64.b64encode(hashlib.sha256(spki).digest()[:4] + sign(key, text.encode())).decode()
    head = "%s\n\u2014 rekor.example.com %s\n" % (text, line)
    put(folder, "/rekor1/api/v1/log", json.dumps({"treeSize": 7, "signedTreeHead": head, "treeID": "42", "inactiveShards": []}).encode())
    put(folder, "/rekor1/api/v1/log/publicKey", pem)
    put(folder, "/rekor1/api/v1/log/entries.post", b"400")

    now, signed = int(time.time() * 1000), b""
    signed = sign(key, b"\0\1" + struct.pack(">QQ", now, 0) + root)
    put(folder, "/rfc6962/ct/v1/get-sth", json.dumps({
        "tree_size": 0, "timestamp": now, "sha256_root_hash": base64.b64encode(root).decode(),
        "tree_head_signature": base64.b64encode(b"\4\3" + struct.pack(">H", len(signed)) + signed).decode()}).encode())
    put(folder, "/rfc6962/ct/v1/get-roots", b'{"certificates": []}')
    with open(chain, "rb") as f:
        put(folder, "/fulcio1/api/v1/rootCert", f.read())


class Fake(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, status, body, kind="application/json", **more):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def odd(self):
        kind = self.path.split("/")[1]
        if kind == "silent":
            time.sleep(5)
        answers = {"html": (200, b"<html>Welcome</html>", "text/html; charset=utf-8"), "huge": (200, b" " * (2 << 20)),
                   "busy": (503, b""), "gateway": (502, b"<html>", "text/html"), "silent": (200, b""), "garbage": (200, b"{\"chains\":[{\"certificates\":[\"x\"]}]}")}
        if kind == "redirect":
            self.reply(302, b"", Location="http://localhost:1" + self.path)
        elif kind in answers:
            self.reply(*answers[kind])
        return kind == "redirect" or kind in answers

    def behind(self, path, body):
        request = urllib.request.Request(BEHIND + path, body, {"Content-Type": self.headers.get("Content-Type", "")})
        with urllib.request.urlopen(request, timeout=10) as r:
            self.reply(r.status, r.read(), r.headers["Content-Type"])

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # who asks has hung up

    def do_GET(self):
        if os.path.isfile(FOLDER + self.path + ".get"):
            with open(FOLDER + self.path + ".get", "rb") as f:
                body = f.read()
            return self.behind(body.split()[1].decode(), None) if body.startswith(b"BEHIND ") else self.reply(200, body)
        return self.odd() or self.reply(404, b"")

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if os.path.isfile(FOLDER + self.path + ".post"):
            with open(FOLDER + self.path + ".post") as f:
                words = f.read().split()
            return self.behind(words[1], sent) if words[0] == "BEHIND" else self.reply(int(words[0]), b"{}")
        return self.odd() or self.reply(404, b"")


if sys.argv[1] == "shapes":
    shapes(*sys.argv[2:])
else:
    FOLDER, BEHIND = sys.argv[2:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    print(server.server_address[1], flush=True)
    server.serve_forever()
