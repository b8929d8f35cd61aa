"""A small HTTP server as a container: it tells what it was given, and can be made to fail in the usual ways.

SIGTERM ends it at once, whatever it is doing: a restart that fails no request is the cluster's own work.
"""

import json
import os
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

blocker = Path(os.environ.get("BLOCKER", "/nonexistent"))
problem = blocker.read_text() if blocker.exists() else ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path == "/readyz" and problem:
            self.answer(503, {"detail": problem}, "application/problem+json")
        elif self.path == "/slow":
            time.sleep(0.3)
            self.answer(200, {"pod": os.environ["POD_NAME"]})
        elif self.path == "/child":
            child = subprocess.Popen(["sleep", "600"])
            self.answer(200, {"pids": [os.getpid(), child.pid]})
        elif self.path == "/exit":
            print("the disk is full", flush=True)
            os._exit(3)
        else:
            self.answer(200, {"pod": os.environ["POD_NAME"], "environment": dict(os.environ), "path": self.path})

    def do_POST(self):
        global problem
        if self.path == "/early":
            self.close_connection = True
            self.answer(408, {"detail": "The request had not come in time."}, "application/problem+json")
            return
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/problem":
            problem = body
        self.answer(200, {"body": body, "host": self.headers["Host"]})

    def answer(self, status, body, content_type="application/json"):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        pass


server = ThreadingHTTPServer((os.environ["HTTP_HOST"], int(os.environ["HTTP_PORT"])), Handler)
server.serve_forever()
