"""The application moves from federated credentials to identity bindings and back while orders flow."""

from collections.abc import Iterator

import pytest

from tests.faults.application import Application
from tests.faults.conftest import running
from tests.faults.customers import Customers

BINDING_ISSUER = "https://ib.oic.prod-aks.azure.com/"


@pytest.fixture(scope="module")
def application() -> Iterator[Application]:
    """An application of its own: its manifests are edited."""
    yield from running()


def ways(application: Application, pods: set[str]) -> set[bool]:
    """Whether the tokens of these pods came by a binding, for all of their exchanges so far."""
    return {
        entry["issuer"].startswith(BINDING_ISSUER)
        for entry in application.trail()
        if entry["kind"] == "exchange" and entry["pod"] in pods
    }


def names(application: Application) -> set[str]:
    return {pod["name"] for workload in ("frontend", "backend") for pod in application.pods(workload)}


@pytest.mark.counted
@pytest.mark.quick
def test_no_request_fails_while_pods_move_to_the_other_way_and_back(application: Application) -> None:
    """Both ways work while pods are replaced. Every order has its receipt, and no exchange is ever refused."""
    with Customers(application.url) as customers:
        customers.place_more(5)
        assert ways(application, names(application)) == {False}

        application.federate("both")
        application.edit("identity-bindings")
        application.federate("bindings")
        customers.place_more(5)
        assert ways(application, names(application)) == {True}
        application.restart("frontend")  # its new pod has only the new way
        customers.place_more(5)

        application.federate("both")
        application.edit()
        application.federate("credentials")
        customers.place_more(5)
        assert ways(application, names(application)) == {False}
        application.restart("backend")
        customers.place_more(5)
    assert customers.failures == []
    assert len(customers.receipts()) == customers.placed
    assert {entry["result"] for entry in application.trail() if entry["kind"] == "exchange"} == {"ok"}
