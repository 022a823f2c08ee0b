#!/usr/bin/env python3
"""Stands before an HTTP service on this machine and gets in its way.

    fault_proxy.py PORT     of the service on 127.0.0.1; prints its own

PUT /_fault {"kind": K, "count": N}: the next N requests meet K: 429, 503, slow (20 s), lost (the
connection is closed). GET /_stats: requests, bytes to and from the service, its milliseconds."""
import http.client
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

lock = threading.Lock()
fault = {"kind": "none", "count": 0}
stats = {"requests": 0, "sent": 0, "received": 0, "ms": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_stats":
            return self.answer(200, [], json.dumps(stats).encode())
        if self.path == "/_fault":
            with lock:
                fault.update(json.loads(body))
            return self.answer(200, [], b"")
        with lock:
            kind = fault["kind"] if fault["count"] > 0 else "none"
            fault["count"] -= kind != "none"
        if kind in ("429", "503"):
            return self.answer(int(kind), [("Retry-After", "1")], b"{}")
        if kind == "slow":
            time.sleep(20)
        if kind in ("slow", "lost"):
            self.close_connection = True
            return self.connection.close()
        return self.forward(body)

    def forward(self, body):
        begun = time.monotonic()
        try:
            up = http.client.HTTPConnection("127.0.0.1", SERVICE, timeout=30)
            up.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                up.putheader(name, value)
            up.endheaders(body)
            reply = up.getresponse()
            text = reply.read()
            up.close()
        except OSError:
            self.close_connection = True
            return self.connection.close()
        with lock:
            stats["requests"] += 1
            stats["sent"] += len(body) + sum(len(n) + len(v) + 4 for n, v in self.headers.items())
            stats["received"] += len(text)
            stats["ms"] += (time.monotonic() - begun) * 1000
        return self.answer(reply.status, reply.getheaders(), text)

    do_GET = do_POST = do_PUT = do


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


SERVICE = int(sys.argv[1])
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
