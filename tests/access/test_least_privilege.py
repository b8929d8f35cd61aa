"""The application's grants, compared with what its workloads did: nothing is left over, and every reason is needed."""

from localcloud.authorization import audit
from localcloud.authorization.least_privilege import report
from localcloud.authorization.model import AccessModel
from localcloud.authorization.usage import usage_of
from localcloud.operator.least_privilege import actions_on
from localcloud.testing import RunningCloud

from tests.access import model
from tests.access.__main__ import do_everything
from tests.access.test_minimal import CONSEQUENCES
from tests.access.workloads import EVERYTHING


def test_nothing_is_left_to_take_away(cloud: RunningCloud) -> None:
    """Once every workload has done all that it does, each grant was used; what was not has its reason in the file."""
    trail = cloud.cloud.settings.state / "audit.jsonl"
    before = len(audit.read(trail))
    do_everything(cloud)
    loaded = AccessModel.load(model.FILE)
    found = report(loaded, usage_of(audit.read(trail)[before:]), actions_on)
    assert [(use.workload, use.grant.role, use.excess) for use in found.to_take_away] == []
    assert found.denied == ()
    reasons = {reason for use in found.grants for reason in use.kept.values()}
    assert reasons == set(loaded.unused.values())


def test_everything_is_what_the_grants_are_there_for() -> None:
    """The list of what is done and that of what fails without a grant are the same."""
    assert set(EVERYTHING) == {fails for fails, _says in CONSEQUENCES.values()}
