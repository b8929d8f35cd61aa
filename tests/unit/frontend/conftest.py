"""A customer of the frontend over the fakes."""

import pytest
from flask.testing import FlaskClient

from tests.unit.frontend.fakes import FakeAzure


@pytest.fixture
def azure() -> FakeAzure:
    return FakeAzure()


@pytest.fixture
def client(azure: FakeAzure) -> FlaskClient:
    """A customer's browser or program: it keeps its cookies."""
    return azure.app().test_client()
