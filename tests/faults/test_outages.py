"""A service of Azure fails, in each of the ways in which one does: what was accepted is receipted all the same."""

import os
import signal

import pytest

from tests.e2e.waiting import until
from tests.faults.case import Case

KINDS = ("down", "silent", "resetting", "slow", "throttling", "failing")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", ["keyvault", "cosmos", "blob", "servicebus"])
def test_an_outage_loses_nothing(case: Case, service: str, kind: str) -> None:
    """Orders placed before, during and after it are receipted, once each, soon after the service works again."""
    with case.customers() as customers:
        customers.place_more(5)
        with case.fault(service, kind, seconds=2):
            until(lambda: case.application.met(service), lambda met: met >= 3)
        customers.place_more(5)
    case.settle()


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_starts_during_an_outage_of_entra_waits(case: Case, kind: str) -> None:
    """A process that has no token yet gets one when Entra answers again, and until then says on `/readyz` what is
    missing."""
    with case.customers() as customers:
        customers.place_more(5)
        with case.fault("entra", kind, seconds=2):
            os.kill(case.application.worker(), signal.SIGKILL)
            until(lambda: case.application.met("entra"), lambda met: met >= 3)
        customers.place_more(5)
    case.settle()
