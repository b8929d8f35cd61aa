"""A failed call: the worker waits for the dependency, or the request itself is wrong."""

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError, ServiceRequestError

from backend.dependencies.dependency import Unavailable, dependency


def answered(status: int, error: type[HttpResponseError] = HttpResponseError) -> HttpResponseError:
    raised = error("said")
    raised.status_code = status
    return raised


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (answered(401), True),
        (answered(403), True),
        (answered(404), True),
        (answered(400, ClientAuthenticationError), True),
        (answered(429), False),
        (answered(503), False),
        (ServiceRequestError("Connection refused"), False),
        (TimeoutError(), False),
        (ConnectionResetError(), False),
    ],
    ids=repr,
)
async def test_a_failure_makes_the_dependency_unavailable(error: Exception, refused: bool) -> None:
    """A refusal is told from an outage. Entra may refuse with any status."""
    with pytest.raises(Unavailable) as unavailable:
        async with dependency("Cosmos DB"):
            raise error
    assert (unavailable.value.dependency, unavailable.value.refused) == ("Cosmos DB", refused)


@pytest.mark.parametrize("status", [400, 409, 412, 413])
async def test_what_a_service_says_of_the_request_is_raised_as_it_came(status: int) -> None:
    """A repeat would not help."""
    with pytest.raises(AzureError, match="said"):
        async with dependency("Cosmos DB"):
            raise answered(status)
