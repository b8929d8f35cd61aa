"""The client of the control socket."""

import json
from collections.abc import Callable, Iterator, Sequence
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


def run_job(client: httpx.Client, cron_job: str, args: Sequence[str], say: Callable[[str], None]) -> int:
    """Run a Job of the CronJob, say each line that it prints as it is printed, and return its exit code.

    Raises `ControlError` if its pod is not admitted. There is no time limit: the Job has its own.
    """
    body = {"args": list(args)} if args else {}
    with client.stream("POST", f"/cronjobs/{cron_job}/jobs", json=body, timeout=None) as response:
        if response.is_error:
            response.read()
            response.raise_for_status()
        for text in response.iter_lines():
            match json.loads(text):
                case {"line": str(line)}:
                    say(line)
                case {"exitCode": int(code)}:
                    return code
                case {"error": str(error)}:
                    raise ControlError(error)
    raise ControlError(f"the local cloud ended before the job {cron_job} did")


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return f"the local cloud answered {response.status_code}"
