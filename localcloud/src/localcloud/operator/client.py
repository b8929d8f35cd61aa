"""The client of the control socket."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SOCKET = "control.sock"


class ControlError(Exception):
    """The control plane can't be reached, or it has refused. The message is a sentence for the terminal."""


@contextmanager
def connect(folder: Path) -> Iterator[httpx.Client]:
    """Connect to the cloud that keeps its state in this folder. Raises `ControlError`."""
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
