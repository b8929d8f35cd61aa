"""Chooses what the conformance tests run against: `CONFORMANCE` is `localcloud`, `emulators` or `azure`."""

import os
from collections.abc import Iterator

import pytest
from azure.servicebus import ServiceBusReceiver, ServiceBusSender
from conformance.targets import Namespace, Target
from conformance.targets.azure import Azure
from conformance.targets.emulators import Emulators
from conformance.targets.localcloud import LocalCloud


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """The services under test. The local cloud is started only if they are its own."""
    match os.environ.get("CONFORMANCE", "localcloud"):
        case "localcloud":
            return LocalCloud(request.getfixturevalue)
        case "emulators":
            return Emulators()
        case "azure":
            return Azure()
        case other:
            pytest.exit(f"CONFORMANCE is localcloud, emulators or azure, not {other}", 2)


@pytest.fixture(scope="module")
def namespace(target: Target) -> Iterator[Namespace]:
    """A queue for each test of a module."""
    with target.namespace({f"q{number}": {"maxDeliveryCount": 3} for number in range(24)}) as namespace:
        yield namespace


@pytest.fixture(scope="module")
def unused(namespace: Namespace) -> Iterator[str]:
    return iter(namespace.queues)


@pytest.fixture
def queue(namespace: Namespace, unused: Iterator[str]) -> Iterator[str]:
    """A queue that no other test uses."""
    yield next(unused)
    namespace.release()


@pytest.fixture
def sender(namespace: Namespace, queue: str) -> ServiceBusSender:
    return namespace.sender(queue)


@pytest.fixture
def receiver(namespace: Namespace, queue: str) -> ServiceBusReceiver:
    return namespace.receiver(queue)


@pytest.fixture
def dead_letters(namespace: Namespace, queue: str) -> ServiceBusReceiver:
    return namespace.dead_letters(queue)
