"""The access model is sufficient and minimal: for each grant there is a thing that works with it and fails without it.

The list of consequences is compared with `infra/access.yaml`, so no grant comes in without a thing that needs it.
"""

from collections.abc import Callable

import pytest
from localcloud.blob import actions as blob
from localcloud.cosmos import actions as cosmos
from localcloud.servicebus import actions as servicebus
from localcloud.testing import RunningCloud

from tests.access import model, workloads
from tests.access.model import Part

SECRETS = "Key Vault Secrets User"
SENDER, RECEIVER = "Azure Service Bus Data Sender", "Azure Service Bus Data Receiver"
ORDER_READER, ORDER_WRITER = "Keyless Order Reader", "Keyless Order Writer"
RECEIPT_READER, RECEIPT_WRITER = "Storage Blob Data Reader", "Keyless Receipt Writer"
COUNTS = "Keyless Queue Reader"

KEY_VAULT_SAYS = "ForbiddenByRbac"
SEND_SAYS = "Unauthorized access. 'Send' claim(s) are required to perform this operation."
LISTEN_SAYS = "Unauthorized access. 'Listen' claim(s) are required to perform this operation."
COUNTS_SAYS = "Manage,EntityRead claims required for this operation."
BLOB_SAYS = "AuthorizationPermissionMismatch"


def cosmos_says(action: str) -> str:
    return f"does not have required RBAC permissions to perform action [{action}]"


# What is taken out: what then fails, and with which error (on a page the frontend shows its code alone).
CONSEQUENCES: dict[Part, tuple[Callable[[RunningCloud], None], str]] = {
    Part("frontend", SECRETS, "keyVault/frontend-signing-key"): (workloads.becomes_ready, KEY_VAULT_SAYS),
    Part("frontend", SECRETS, "keyVault/receipt-public-key"): (workloads.shows_a_receipt, KEY_VAULT_SAYS),
    Part("frontend", SENDER, "serviceBus/orders"): (workloads.places_an_order, "ServiceBusAuthorizationError"),
    **{
        Part("frontend", ORDER_READER, "cosmos/orders", action): (fails, "Forbidden/5301")
        for action, fails in (
            (None, workloads.lists_orders),
            (cosmos.READ_METADATA, workloads.lists_orders),
            (cosmos.READ, workloads.shows_an_order),
            (cosmos.EXECUTE_QUERY, workloads.lists_orders),
        )
    },
    Part("frontend", RECEIPT_READER, "blob/receipts"): (workloads.shows_a_receipt, BLOB_SAYS),
    Part("backend", SECRETS, "keyVault/receipt-signing-key"): (workloads.reads_its_key, KEY_VAULT_SAYS),
    Part("backend", RECEIVER, "serviceBus/orders"): (workloads.receives, LISTEN_SAYS),
    **{
        Part("backend", ORDER_WRITER, "cosmos/orders", action): (
            workloads.processes_an_order,
            cosmos_says(action or cosmos.READ_METADATA),
        )
        for action in (None, cosmos.READ_METADATA, cosmos.READ, cosmos.CREATE)
    },
    Part("backend", RECEIPT_WRITER, "blob/receipts"): (workloads.processes_an_order, BLOB_SAYS),
    Part("backend", RECEIPT_WRITER, "blob/receipts", blob.ADD): (workloads.processes_an_order, BLOB_SAYS),
    Part("backend", RECEIPT_WRITER, "blob/receipts", blob.READ): (workloads.processes_an_order_again, BLOB_SAYS),
    Part("redrive", RECEIVER, "serviceBus/orders"): (workloads.lists_dead_letters, LISTEN_SAYS),
    Part("redrive", SENDER, "serviceBus/orders"): (workloads.resends_a_dead_letter, SEND_SAYS),
    Part("repair", SECRETS, "keyVault/receipt-signing-key"): (workloads.mends_a_receipt, KEY_VAULT_SAYS),
    **{
        Part("repair", ORDER_READER, "cosmos/orders", action): (
            workloads.mends_a_receipt,
            cosmos_says(action or cosmos.READ_METADATA),
        )
        for action in (None, cosmos.READ_METADATA, cosmos.READ, cosmos.EXECUTE_QUERY)
    },
    Part("repair", RECEIPT_WRITER, "blob/receipts"): (workloads.mends_a_receipt, BLOB_SAYS),
    Part("repair", RECEIPT_WRITER, "blob/receipts", blob.ADD): (workloads.mends_a_receipt, BLOB_SAYS),
    Part("repair", RECEIPT_WRITER, "blob/receipts", blob.READ): (workloads.mends_a_receipt, BLOB_SAYS),
    Part("keda", COUNTS, "serviceBus/orders"): (workloads.reads_the_queues_length, COUNTS_SAYS),
    Part("keda", COUNTS, "serviceBus/orders", servicebus.READ_QUEUE): (workloads.reads_the_queues_length, COUNTS_SAYS),
}


@pytest.mark.parametrize("part", model.parts(), ids=str)
def test_each_part_of_the_model_is_needed(cloud: RunningCloud, part: Part) -> None:
    """Without the part, the named thing fails with the service's own error, for no other reason; with it, it works."""
    assert part in CONSEQUENCES, "name what fails without this part of the access model, or take it out"
    fails, says = CONSEQUENCES[part]
    without = cloud.revoke(part.workload, part.role, part.scope, part.action)
    with without, cloud.expects_denials() as denials, pytest.raises(Exception) as failure:  # noqa: PT011 - see below
        fails(cloud)
    assert says in words(failure.value)
    assert {access.workload for access in denials.accesses} == {part.workload}
    if part.action:
        assert {access.action for access in denials.accesses} == {part.action}
    fails(cloud)


def test_nothing_is_named_that_is_not_granted() -> None:
    """The table has no consequence whose grant is gone."""
    assert CONSEQUENCES.keys() == set(model.parts())


def words(error: BaseException | None) -> str:
    """What an error says, and what those say that it came from."""
    return f"{error}\n{words(error.__cause__)}" if error else ""
