"""The suite is tested too: in a build of the application with one step swapped or one check removed, a case fails.

Each build is a copy of a package in which one place reads otherwise. The case that is named is run against it, in a
process of its own, and must fail over what the swap breaks, and not over anything else.
"""

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.stack import ROOT
from tests.faults.builds import Edit, build

BACKEND, FRONTEND, LOCALCLOUD = "backend/src/backend", "frontend/src/frontend", "localcloud/src/localcloud"
FAULTS, ATTACKS = "tests/faults", "localcloud/tests/test_attacks.py"


@dataclass(frozen=True, slots=True)
class Swap:
    """An edit, the case that fails with it, and what that case then says."""

    edit: Edit
    case: str
    says: str


SWAPS = {
    "a message is settled before its order is done": Swap(
        Edit(
            f"{BACKEND}/queue/delivery.py",
            "await self._settle(receiver, message, await self._outcome(message))",
            "await _settled(receiver.complete_message(message)); await self._outcome(message)",
        ),
        f"{FAULTS}/test_outages.py::test_a_worker_that_is_killed_during_an_outage_loses_nothing[cosmos]",
        "accepted orders are lost",
    ),
    "the document is created before the receipt is added": Swap(
        Edit(
            f"{BACKEND}/orders/handler.py",
            "receipt = read_receipt(await self._receipts.add(message.receipt_name, signed))",
            "await self._documents.create(_document(read_receipt(signed), message.receipt_name))\n"
            "            receipt = read_receipt(await self._receipts.add(message.receipt_name, signed))",
        ),
        f"{FAULTS}/test_outages.py::test_no_document_is_there_before_its_receipt",
        "there is a document without its receipt",
    ),
    "another body under the same order id is not refused": Swap(
        Edit(f"{BACKEND}/orders/handler.py", "if document.digest != message.order.digest():", "if False:"),
        f"{FAULTS}/test_two_workers.py::test_two_bodies_under_one_order_id_are_one_order_and_a_dead_letter",
        "IdempotencyKeyReused",
    ),
    "a message that is no order is completed": Swap(
        Edit(
            f"{BACKEND}/queue/delivery.py",
            "receiver.dead_letter_message(message, reason, description)",
            "receiver.complete_message(message)",
        ),
        f"{FAULTS}/test_poison.py::test_a_message_of_another_version_is_set_aside",
        "there is no dead letter of it",
    ),
    "a message's lock is not renewed": Swap(
        Edit(f"{BACKEND}/queue/receiver.py", "auto_lock_renewer=renewer", "auto_lock_renewer=None"),
        f"{FAULTS}/test_outages.py::test_an_order_that_takes_longer_than_its_lock_is_done_once",
        "a lock has run out",
    ),
    "Retry-After is not looked at": Swap(
        Edit(f"{BACKEND}/queue/delivery.py", "if asked is None else asked", "if True else 0.0"),
        f"{FAULTS}/test_outages.py::test_the_worker_comes_back_when_it_is_asked_to",
        "longer than it was asked for",
    ),
    "the frontend answers before Service Bus has the message": Swap(
        Edit(
            f"{FRONTEND}/orders/placing.py",
            "parts().sender.send(message)",
            "__import__('threading').Thread(target=parts().sender.send, args=(message,)).start()",
        ),
        f"{FAULTS}/test_outages.py::test_nothing_is_accepted_that_service_bus_does_not_have[down]",
        "an order was accepted",
    ),
    "an order's id is not made of its key": Swap(
        Edit(f"{FRONTEND}/orders/order_input.py", 'f"{customer}:{key}".encode()', "__import__('os').urandom(32)"),
        f"{FAULTS}/test_outages.py::test_an_order_whose_answer_was_lost_is_one_order",
        "documents or receipts too many",
    ),
    "a reference's signature is not verified": Swap(
        Edit(
            f"{FRONTEND}/orders/references.py",
            "self._keys.verified(_PURPOSE, text)",
            '__import__("itsdangerous").URLSafeSerializer("any key").loads_unsafe(text)[1]',
        ),
        f"{FAULTS}/test_forged_requests.py::test_a_forged_reference_leads_nowhere",
        "404",
    ),
    "a form's CSRF token is not looked at": Swap(
        Edit(f"{FRONTEND}/orders/placing.py", "        csrf.protect()", "        pass"),
        f"{FAULTS}/test_forged_requests.py::test_another_sites_page_places_no_order",
        "{False, True}",
    ),
    "a receipt's signature is not verified": Swap(
        Edit(
            f"{FRONTEND}/orders/receipt_reader.py",
            "verified = jws.deserialize_compact(token, self._key(kid), algorithms=[RECEIPT_ALGORITHM])",
            "verified = (self._key(kid), jws.extract_compact(token.encode()))[1]",
        ),
        "tests/unit/frontend/test_receipts.py::test_a_receipt_signed_with_another_key_is_refused_loudly",
        "502",
    ),
    "a token is logged": Swap(
        Edit(
            "workload/src/workload/tokens.py",
            '_log.info("token.acquired", **',
            '_log.info("token.acquired", token=token, **',
        ),
        f"{FAULTS}/test_secrets.py::test_no_token_and_no_secret_is_told",
        "a token is told in ",
    ),
    "an access token's signature is not verified": Swap(
        Edit(
            f"{LOCALCLOUD}/authorization/tokens.py",
            'claims = jwt.decode(token, self._key, algorithms=["RS256"]).claims',
            'claims = __import__("json").loads(__import__("joserfc.jws").jws.extract_compact(token.encode()).payload)',
        ),
        f"{ATTACKS}::test_no_forged_token_opens_a_secret",
        "401",
    ),
    "a role is not looked at": Swap(
        Edit(
            f"{LOCALCLOUD}/authorization/guard.py",
            "allowed = self._model().allows(claims.oid, action, scope)",
            "allowed = True",
        ),
        "tests/access/test_exact.py::test_exactly_what_is_granted_succeeds[keyVault/receipt-signing-key-frontend]",
        "succeeded == granted",
    ),
}


QUICK = {
    "a message is settled before its order is done",
    "the document is created before the receipt is added",
    "the frontend answers before Service Bus has the message",
    "an access token's signature is not verified",
}


@pytest.mark.counted
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.quick] if name in QUICK else []) for name in SWAPS]
)
def test_a_swapped_step_makes_its_case_fail(tmp_path: Path, name: str) -> None:
    """The named case fails with this build, and says why."""
    swap = SWAPS[name]
    (outcome,) = tried(swap, tmp_path)
    assert outcome.tag == "failure", f"{swap.case}: {ET.tostring(outcome, encoding='unicode')[:2000]}"
    assert swap.says in (outcome.get("message") or "") + (outcome.text or "")


@pytest.mark.counted
def test_a_build_with_nothing_swapped_fails_no_case(tmp_path: Path) -> None:
    """A case notices the swap, and not that the build is a copy."""
    same = "parts().sender.send(message)"
    case = f"{FAULTS}/test_outages.py::test_nothing_is_accepted_that_service_bus_does_not_have[down]"
    assert list(tried(Swap(Edit(f"{FRONTEND}/orders/placing.py", same, same), case, ""), tmp_path)) == []


def tried(swap: Swap, folder: Path) -> ET.Element:
    """Runs the case with the build; returns it as the JUnit report has it, with a child for its failure alone."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", swap.case]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"PYTHONPATH": build(folder, swap.edit)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert report.exists(), run.stdout + run.stderr
    (case,) = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest has just written it
    for properties in case.findall("properties"):
        case.remove(properties)
    return case
