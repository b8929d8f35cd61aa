"""The suite proves itself: a build with one step swapped, or with one check removed, makes a named case fail."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.faults.builds import Edit, build

DELIVERY = "backend/src/backend/delivery.py"
PROCESS = "backend/src/backend/process.py"
ORDERS = "frontend/src/frontend/orders.py"
TOKENS = "localcloud/src/localcloud/authorization/tokens.py"
GUARD = "localcloud/src/localcloud/authorization/guard.py"

UNSIGNED = (
    '__import__("json").loads(__import__("joserfc.jws", fromlist=["jws"]).extract_compact(token.encode()).payload)'
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """An edit that takes a promise away, and the cases of which at least one must fail then."""

    edit: Edit
    cases: str


FLAWS = {
    "a message is settled before its order is written": Flaw(
        Edit(
            DELIVERY,
            "await self._settle(receiver, message, await self._outcome(message))",
            "await receiver.complete_message(message); await self._outcome(message)",
        ),
        "tests/unit/test_backend_delivery.py",
    ),
    "no document is created": Flaw(
        Edit(
            PROCESS, "await self._documents.create(_document(receipt, message.receipt_name))", "_document(receipt, '')"
        ),
        "tests/unit/test_backend_process.py",
    ),
    "a reused key is not noticed": Flaw(
        Edit(PROCESS, "if document.digest != message.order.digest():", "if False:"),
        "tests/unit/test_backend_process.py",
    ),
    "an order is accepted that is not sent": Flaw(
        Edit(ORDERS, "services().sender.send(message)", "pass"),
        "tests/unit/test_frontend_orders.py",
    ),
    "any signature is good": Flaw(
        Edit(TOKENS, 'jwt.decode(token, self._key, algorithms=["RS256"]).claims', UNSIGNED),
        "localcloud/tests/test_attacks.py::test_no_forged_token_opens_a_secret",
    ),
    "nothing is denied": Flaw(
        Edit(GUARD, "        if not allowed:\n", "        if False:\n"),
        "localcloud/tests/test_keyvault_access.py",
    ),
}


def run(cases: str, python_path: str) -> subprocess.CompletedProcess[str]:
    """The cases in a process of their own, until the first that fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", cases]
    environment = {**os.environ, "PYTHONPATH": python_path, "PYTEST_ADDOPTS": ""}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", FLAWS)
def test_a_build_with_a_flaw_fails_its_case(tmp_path: Path, name: str) -> None:
    """The cases ran, and one of them failed."""
    flaw = FLAWS[name]
    ran = run(flaw.cases, build(tmp_path, flaw.edit))
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout + ran.stderr
    assert "1 failed" in ran.stdout


def test_a_build_without_a_flaw_fails_none(tmp_path: Path) -> None:
    """So it is the flaw that was noticed, and not that the build is a copy."""
    same = "services().sender.send(message)"
    ran = run("tests/unit/test_frontend_orders.py", build(tmp_path, Edit(ORDERS, same, same)))
    assert ran.returncode == pytest.ExitCode.OK, ran.stdout + ran.stderr
