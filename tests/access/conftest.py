"""The application's Azure: a local cloud with the application's access model and its keys."""

from collections.abc import Callable, Iterator

import pytest
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from infra.signing_keys import (
    FRONTEND_SIGNING_KEY,
    KID_TAG,
    RECEIPT_PUBLIC_KEY,
    RECEIPT_SIGNING_KEY,
    receipt_key_pair,
    session_key,
)
from tests.access import model


@pytest.fixture(scope="package")
def application(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    running, pair = start_cloud(model.FILE, name="keyless"), receipt_key_pair()
    kid = running.set_secret(RECEIPT_PUBLIC_KEY, pair.public)
    running.set_secret(RECEIPT_SIGNING_KEY, pair.private, {KID_TAG: kid})
    running.set_secret(FRONTEND_SIGNING_KEY, session_key())
    with reached_as_from_a_pod(running):
        yield running


@pytest.fixture
def cloud(application: RunningCloud) -> Iterator[RunningCloud]:
    """The same, for a test that changes the access model or expects denials: any other denial fails it."""
    with application.watched():
        yield application
