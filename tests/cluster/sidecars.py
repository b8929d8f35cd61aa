"""Another mutating webhook, which adds a container to every pod, as a service mesh does."""

import base64
import contextlib
import copy
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import trustme

from tests.cluster.api_server import ApiServer

NAME = "sidecars.example.com"  # after azure-wi-webhook-…: the API server calls webhooks by their names' order


class _AddsASidecar(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        containers = asked["object"]["spec"]["containers"]
        patch = []
        if "sidecar" not in {container["name"] for container in containers}:
            sidecar = copy.deepcopy(containers[0]) | {"name": "sidecar", "env": [], "volumeMounts": [], "ports": []}
            patch = [{"op": "add", "path": "/spec/containers/-", "value": sidecar}]
        encoded = base64.b64encode(json.dumps(patch).encode()).decode()
        response = {"uid": asked["uid"], "allowed": True, "patchType": "JSONPatch", "patch": encoded}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """The test's output has no use for a line for each request."""


@contextlib.contextmanager
def adding_sidecars(api: ApiServer) -> Iterator[None]:
    """Serve the webhook and keep it registered until the block ends."""
    ca, server = trustme.CA(), HTTPServer(("127.0.0.1", 0), _AddsASidecar)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(tls)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    bundle = base64.b64encode(ca.cert_pem.bytes()).decode()
    webhook = {
        "name": NAME,
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/", "caBundle": bundle},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "sideEffects": "None",
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            made = api.apply([kind | {"metadata": {"name": NAME}, "webhooks": [webhook]}])
            assert made.returncode == 0, made.stderr
            yield
        finally:
            api.kubectl("delete", "mutatingwebhookconfiguration", NAME)
            server.shutdown()
