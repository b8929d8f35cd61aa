"""A role that is given or taken counts as late as Azure notices it, by a clock."""

import pytest
from localcloud.authorization.model import AccessModel, principal_id
from localcloud.authorization.propagation import Propagation
from localcloud.authorization.workload import Grant
from localcloud.testing.changes import granted, revoked

ROLE, SCOPE, ACTION = "Key Vault Secrets User", "keyVault/mine", "Microsoft.KeyVault/vaults/secrets/getSecret/action"
GRANT = Grant(role=ROLE, scope=SCOPE)
BARE = AccessModel.model_validate(
    {
        "entities": {"keyVault": {"mine": {}}},
        "workloads": {"web": {"namespace": "shop", "serviceAccount": "web"}},
    }
)
WITH = granted("web", ROLE, SCOPE)(BARE)


class Azure:
    """A model and a clock that a test moves."""

    def __init__(self, model: AccessModel) -> None:
        self.model, self.now = model, 1000.0
        self.propagation = Propagation(lambda: self.model, lambda: self.now)

    @property
    def allowed(self) -> bool:
        return self.propagation().allows(principal_id("web"), ACTION, SCOPE)

    @property
    def pending(self) -> list[tuple[str, Grant, float]]:
        return [(each.what, each.grant, each.until) for each in self.propagation.pending("web")]


@pytest.mark.parametrize(("before", "after", "what"), [(BARE, WITH, "given"), (WITH, BARE, "taken")])
def test_a_change_counts_when_its_time_has_passed(before: AccessModel, after: AccessModel, what: str) -> None:
    """Until then the old roles hold, and the change is named with the moment from which it will count."""
    azure = Azure(before)
    azure.propagation.seconds = 600
    azure.model = after
    assert (azure.allowed, azure.pending) == (before is WITH, [(what, GRANT, 1600.0)])
    azure.now = 1599.9
    assert azure.allowed is (before is WITH)
    azure.now = 1600.0
    assert (azure.allowed, azure.pending) == (after is WITH, [])


def test_without_a_delay_a_change_counts_at_once() -> None:
    """That is how a local cloud begins, and nothing is pending then."""
    azure = Azure(BARE)
    azure.model = WITH
    assert (azure.allowed, azure.pending) == (True, [])


def test_ending_the_delay_puts_all_changes_in_force() -> None:
    """Also those that were on their way, and one that nothing had noticed yet."""
    azure = Azure(BARE)
    azure.propagation.seconds = 600
    azure.model = WITH
    azure.propagation.seconds = 0
    assert (azure.allowed, azure.pending) == (True, [])


def test_two_changes_count_one_after_the_other() -> None:
    """A role that is given and taken again before anything notices is in force for the time between."""
    azure = Azure(BARE)
    azure.propagation.seconds = 600
    azure.model = WITH
    assert azure.allowed is False
    azure.now, azure.model = 1100.0, revoked("web", ROLE, None, None)(WITH)
    assert azure.allowed is False
    azure.now = 1600.0
    assert azure.allowed is True
    azure.now = 1700.0
    assert azure.allowed is False


def test_what_is_no_role_counts_at_once() -> None:
    """A workload that is deleted has no roles any more, and one that is new has its identity, and no role yet."""
    azure = Azure(WITH)
    azure.propagation.seconds = 600
    two = {"web": WITH.workloads["web"], "new": WITH.workloads["web"].model_copy(update={"serviceAccount": "new"})}
    azure.model = WITH.model_copy(update={"workloads": two})
    assert azure.propagation().workloads["new"].grants == ()
    azure.model = WITH.model_copy(update={"workloads": {"new": two["new"]}})
    assert (azure.allowed, azure.pending) == (False, [])
