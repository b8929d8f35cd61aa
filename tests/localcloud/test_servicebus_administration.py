"""The queue's counts over HTTPS, as KEDA and the real administration client read them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.localcloud.servicebus import RunningBroker

QUEUES: dict[str, dict[str, Any]] = {
    "Orders": {
        "lockDuration": "PT45S",
        "maxDeliveryCount": 7,
        "defaultMessageTimeToLive": "P14D",
        "duplicateDetectionHistoryTimeWindow": "PT10M",
    },
    "plain": {"deadLetteringOnMessageExpiration": True},
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    running = RunningBroker(tmp_path_factory.mktemp("administration"), QUEUES)
    yield running
    running.close()
