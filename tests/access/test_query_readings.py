"""What a query needs by Azure's documents, and what it needs by the SDK's maintainers: the application has both.

The documents name `executeQuery` and `readChangeFeed`
(https://learn.microsoft.com/azure/cosmos-db/nosql/reference-data-plane-security), the maintainers the first alone
(https://github.com/Azure/azure-cosmos-dotnet-v3/issues/2927), and so does the local cloud.
"""

import pytest
from localcloud.cosmos import actions
from localcloud.testing import RunningCloud

from tests.access import model, workloads

READER = ("frontend", "Keyless Order Reader", "cosmos/orders")


@pytest.mark.parametrize("needed", [actions.EXECUTE_QUERY, actions.READ_CHANGE_FEED])
def test_the_order_list_works_under_both_readings(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch, needed: str
) -> None:
    """If a query is checked for either action, the orders are listed, and not without that action."""
    monkeypatch.setattr(actions, "EXECUTE_QUERY", needed)
    workloads.lists_orders(cloud)
    with cloud.revoke(*READER, needed), cloud.expects_denials() as denials, pytest.raises(Exception, match="5301"):
        workloads.lists_orders(cloud)
    assert {access.action for access in denials.accesses} == {needed}


def test_each_role_that_queries_has_both_actions() -> None:
    """No role of the model has the one without the other."""
    roles = [model.patterns(name) for name in model.MODEL["roles"]]
    assert all((actions.EXECUTE_QUERY in held) == (actions.READ_CHANGE_FEED in held) for held in roles)
    assert any(actions.READ_CHANGE_FEED in held for held in roles)
