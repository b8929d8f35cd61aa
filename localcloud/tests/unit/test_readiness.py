"""What the terminal says of pods that are not ready: what they lack, once, and that they are ready again."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from unittest.mock import Mock

import pytest
from localcloud.operator import readiness
from localcloud.operator.notices import Notices


@dataclass
class Pod:
    reason: str
    name: str = "api-0"
    workload: str = "api"

    @property
    def ready(self) -> bool:
        return not self.reason


REFUSED = "the vault refuses it (Trace ID: {}, within {} s)"
CASES = {
    "ready in time": ([(0, "starting"), (7, "no access"), (8, "")], []),
    "slow, and then it says what it lacks": (
        [(0, "starting"), (20, "starting"), (21, "no access"), (22, "")],
        ["✗ api-0 is not ready: no access", "✓ api-0 is ready"],
    ),
    "slower": ([(0, "starting"), (31, "starting"), (32, "")], ["✗ api-0 is not ready: starting", "✓ api-0 is ready"]),
    "the same with another tracking id": (
        [(0, "starting"), (9, REFUSED.format("1a", 3)), (10, REFUSED.format("2b", 2)), (11, REFUSED.format("3c", 1))],
        ["✗ api-0 is not ready: " + REFUSED.format("1a", 3)],
    ),
    "another reason": (
        [(0, "starting"), (9, "no access"), (10, "no secret")],
        ["✗ api-0 is not ready: no access", "✗ api-0 is not ready: no secret"],
    ),
}


@pytest.mark.parametrize(("looks", "said"), CASES.values(), ids=CASES.keys())
async def test_a_pod_that_is_not_ready_is_told_once(
    looks: list[tuple[float, str]], said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each look has a time and the pod's reason. What differs in a tracking id alone is no second line."""
    monkeypatch.setattr(readiness, "_LOOK", 0)
    now = 0.0

    def script() -> Iterator[list[Pod]]:
        nonlocal now
        for moment, reason in looks:
            now = moment
            yield [Pod(reason)]
        raise asyncio.CancelledError

    steps = script()
    advice = Mock(on_pod=lambda _reason, _workload: None)
    with pytest.raises(asyncio.CancelledError):
        await readiness.watch(lambda: next(steps), Notices(lambda: now), advice, lambda: now)
    assert capsys.readouterr().out.splitlines() == said
