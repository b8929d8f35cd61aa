"""Faults of the identity path: keys are rotated, a projected token has expired, clocks differ."""

import os
import signal

import pytest

from tests.e2e.waiting import until
from tests.faults.case import Case


@pytest.mark.parametrize("issuer", ["issuer", "entra"])
def test_a_rotated_key_stops_nothing(case: Case, issuer: str) -> None:
    """The cluster's issuer, or Entra, signs with a new key: running pods go on, and new pods get their tokens."""
    case.injected("a new signing key")
    with case.customers() as customers:
        customers.place_more(5)
        with case.application.control() as control:
            control.post(f"/{issuer}/rotate")
        for workload in ("frontend", "backend"):
            case.application.restart(workload)
        case.recovers()
        customers.place_more(5)
    assert customers.failures == []
    case.settle()


@pytest.mark.quick
def test_an_expired_projected_token_stops_a_new_process_until_it_is_renewed(case: Case) -> None:
    """A worker that starts with a token that has run out says so on `/readyz`, with Entra's code; with the kubelet's
    next token it works."""
    application = case.application
    case.injected("expired token")
    with case.customers() as customers:
        customers.place_more(5)
        (file,) = application.token_files("backend")
        good = file.read_text()
        file.write_text(application.projected_token("backend", lifetime=60, not_before=-3600))
        os.kill(application.worker(), signal.SIGKILL)
        until(lambda: application.pod("backend")["reason"], lambda reason: "AADSTS700024" in reason, timeout=60)
        file.write_text(good)
        case.recovers()
        customers.place_more(5)
    case.settle()


@pytest.mark.parametrize("ahead", [240, -3])
def test_clocks_that_differ_cost_nothing(case: Case, ahead: float) -> None:
    """Azure's clock is four minutes ahead of the pods', or behind by less than a message's lock holds."""
    case.injected(f"Azure's clock {ahead:+} s")
    with case.application.clock_ahead(ahead), case.customers() as customers:
        for workload in ("frontend", "backend"):
            case.application.restart(workload)  # so that tokens are issued by one clock and read by another
        customers.place_more(10)
        case.recovers()
    assert customers.failures == []
    case.settle()
