"""No token and no secret is in a log, on the terminal, in an answer or in the arguments of a process."""

import contextlib
import os
import re
import signal
import sqlite3

import httpx
import pytest

from infra.signing_keys import FRONTEND_SIGNING_KEY, RECEIPT_PUBLIC_KEY, RECEIPT_SIGNING_KEY
from tests.e2e.waiting import until
from tests.faults import processes
from tests.faults.application import Application
from tests.faults.case import Case

JWT = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}")  # a projected token, an access token or a receipt
SERVICES = ("entra", "keyvault", "cosmos", "blob", "servicebus")
PATHS, KINDS = ("/healthz", "/readyz"), ("text/html", "application/json")


@pytest.mark.quick
def test_no_token_and_no_secret_is_told(case: Case) -> None:
    """After orders, refusals and failures of every service: none in the pods' logs, in the audit trail, in what was
    said on the terminal, in the arguments of any process, or in an answer of the health endpoints."""
    application = case.application
    with case.customers() as customers:
        customers.place_more(3)
        for service in SERVICES:
            application.begin_fault(service, "failing")
        os.kill(application.worker(), signal.SIGKILL)
        until(lambda: application.pod("backend"), lambda pod: not pod["ready"] and "Key Vault" in pod["reason"])
        said = probes(application)
        for service in SERVICES:
            application.end_fault(service)
        with application.without("backend", "keyVault/receipt-signing-key"):
            until(lambda: application.pod("backend"), lambda pod: "Forbidden" in pod["reason"], timeout=60)
            said += probes(application)
        case.recovers()
    case.settle()
    said += [httpx.get(f"{application.url}/identity", headers={"Accept": kind}, trust_env=False).text for kind in KINDS]
    commands = processes.family(application.stack.pid).values()
    told = {
        **application.logs(),
        "the audit trail": "\n".join(path.read_text() for path in application.state.glob("audit*.jsonl*")),
        "the terminal": application.terminal.read_text(),
        "answers": "\n".join(said),
        "arguments": "\n".join(commands),
    }
    hidden = hidden_by(application)
    for place, text in told.items():
        assert JWT.search(text) is None, f"a token is told in {place}"
        assert [name for name, value in hidden.items() if value in text] == [], f"a secret is told in {place}"


def probes(application: Application) -> list[str]:
    """What the services' health endpoints answer, as a port-forward shows it."""
    ports = [application.pod(workload)["ports"]["8080"] for workload in ("frontend", "backend")]
    return [httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).text for port in ports for path in PATHS]


def hidden_by(application: Application) -> dict[str, str]:
    """The secret values, by name: the application's secrets, the issuer's and Entra's keys, and Azurite's.

    Of a key in PEM form, the first line of its content.
    """
    with contextlib.closing(sqlite3.connect(application.state / "keyvault.sqlite")) as vault:
        values = dict(vault.execute("SELECT name, value FROM versions").fetchall())
    keys = {path.name: path.read_text() for path in application.state.glob("*-key.pem")}
    found = {name: text.splitlines()[1] if "-----BEGIN" in text else text for name, text in (values | keys).items()}
    del found[RECEIPT_PUBLIC_KEY]
    assert {FRONTEND_SIGNING_KEY, RECEIPT_SIGNING_KEY, "issuer-key.pem", "entra-key.pem"} <= found.keys()
    return found
