"""What a service said, from the exceptions that the SDKs raise."""

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.cosmos.exceptions import CosmosHttpResponseError
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from frontend.refusals import explain

ENTRA = (
    "Microsoft Entra ID error '(invalid_client) AADSTS700213: No matching federated identity record found for "
    "presented assertion subject 'system:serviceaccount:x:y'. "
    "Trace ID: 0001 Correlation ID: 0002 Timestamp: now'\nContent: {…}"
)


def storage_error() -> HttpResponseError:
    error = HttpResponseError("This request is not authorized.\nRequestId:1\nErrorCode:AuthorizationPermissionMismatch")
    error.error_code = "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    error.status_code = 403
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (storage_error(), "AuthorizationPermissionMismatch: This request is not authorized."),
        (CosmosHttpResponseError(403, "Request blocked by Auth", sub_status=5301), "403/5301: Request blocked by Auth"),
        (
            ServiceBusAuthorizationError(message="Unauthorized access."),
            "ServiceBusAuthorizationError: Unauthorized access.",
        ),
        (ValueError("first\nsecond"), "ValueError: first"),
        (OSError(), "OSError: no text"),
    ],
)
def test_a_refusal_is_the_services_code_and_the_first_line_of_its_text(error: Exception, said: str) -> None:
    """Whatever the SDK, the reader gets the service's own words and nothing of the SDK's wrapping."""
    assert str(explain(error)).startswith(said)


def test_the_same_refusal_of_entra_reads_the_same_each_time() -> None:
    """The AADSTS sentence stays; the ids of one attempt, which would make each log line news, do not."""
    text = explain(ClientAuthenticationError(ENTRA)).text
    assert "AADSTS700213" in text
    assert "0001" not in text


def test_a_text_is_never_longer_than_a_page_can_show() -> None:
    """A service that answers with a novel is cut short."""
    assert len(explain(ValueError("x" * 10_000)).text) == 400
