"""The operator's side of the control socket: a client for the local cloud whose state is in a given folder."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SOCKET = "control.sock"


class ControlError(Exception):
    """The control plane can't be reached, or it refused; the message is for the person at the terminal."""


@contextmanager
def connect(folder: Path) -> Iterator[httpx.Client]:
    """A client of the cloud whose state is in this folder; raises `ControlError`."""
    path = folder.absolute() / SOCKET
    try:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=str(path)), base_url="http://control", timeout=120
        ) as client:
            yield client
    except httpx.HTTPStatusError as error:
        raise ControlError(_message(error.response)) from error
    except httpx.TransportError as error:
        raise ControlError(f"no local cloud answers at {path}: is it running?") from error


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"the local cloud answered {response.status_code}"
