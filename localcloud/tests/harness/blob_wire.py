"""Blob Storage as seen by a client that has no SDK: it sends what a test wants sent."""

import json
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from io import BufferedReader
from typing import Any
from urllib.parse import urlencode

from localcloud.authorization.model import TENANT_ID, client_id
from localcloud.testing import RunningCloud

Headers = Iterable[tuple[str, str]]
VERSION = ("x-ms-version", "2026-10-06")


@dataclass(frozen=True)
class Sent:
    """A request as it is written: nothing is added to it but, if there is a body, its length."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None = None

    def octets(self) -> bytes:
        length = [("content-length", str(len(self.body)))] if self.body is not None else []
        fields = "".join(f"{name}: {value}\r\n" for name, value in (*self.headers, *length))
        return f"{self.method} {self.target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1") + (self.body or b"")


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code, empty if there is none."""
        return self.headers.get("x-ms-error-code", "")


class BlobWire:
    """A kept connection to a cloud's account, as one of its workloads."""

    def __init__(self, cloud: RunningCloud, workload: str) -> None:
        self.host = ("host", cloud.cloud.settings.blob_host)
        self.authorization = ("authorization", f"Bearer {access_token(cloud, workload)}")
        self._socket = connect(cloud, cloud.cloud.settings.blob_host)
        self._answers = _Answers(self._socket.makefile("rb"))

    def send(self, method: str, target: str, headers: Headers = (), body: bytes | None = None) -> Answer:
        """Sends the target and headers as they are, and with them the workload's token and the service's version."""
        return self.send_all([self.request(method, target, headers, body)])[0]

    def request(self, method: str, target: str, headers: Headers = (), body: bytes | None = None) -> Sent:
        return Sent(method, target, (self.host, self.authorization, VERSION, *headers), body)

    def send_all(self, requests: Sequence[Sent]) -> list[Answer]:
        """Sends many requests, each before the one before it is answered."""
        self._socket.sendall(b"".join(request.octets() for request in requests))
        return [self._answers.next(request.method) for request in requests]

    def close(self) -> None:
        self._socket.close()


class _Answers:
    """The answers on a connection, in their order; each is read by the standard library's reader of one."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file

    def next(self, method: str) -> Answer:
        response = HTTPResponse(self, method=method)  # type: ignore[arg-type] - it takes of a socket its file alone
        response.begin()
        body = response.read()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)

    def makefile(self, *_mode: object) -> "_Answers":
        return self

    def close(self) -> None:
        """Is asked for after every answer; the next one comes from the same file."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def connect(cloud: RunningCloud, host: str) -> ssl.SSLSocket:
    """A connection to one of the cloud's names, without the proxy that leads there."""
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    plain = socket.create_connection((cloud.cloud.settings.host, cloud.cloud.https_port), 30)
    return tls.wrap_socket(plain, server_hostname=host)


def access_token(cloud: RunningCloud, workload: str, resource: str = "https://storage.azure.com") -> str:
    """A workload's access token for a resource, from the cloud's Entra."""
    host = "login.microsoftonline.com"
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id(workload),
        "scope": f"{resource}/.default",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": cloud.token_file(workload).read_text(),
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    with closing(HTTPConnection(host)) as entra:
        entra.sock = connect(cloud, host)
        entra.request("POST", f"/{TENANT_ID}/oauth2/v2.0/token", urlencode(form), headers)
        answer: dict[str, Any] = json.load(entra.getresponse())
    return str(answer["access_token"])
