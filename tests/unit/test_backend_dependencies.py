"""What the worker tells of a service's refusal: the code first, since that is what one searches for."""

from types import SimpleNamespace
from typing import cast

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ODataV4Format, ServiceRequestError
from azure.core.rest import HttpResponse
from backend.dependencies import Unavailable, calling, retry_after, sentence


def refused(message: str, code: str, inner: str | None = None) -> HttpResponseError:
    """A refusal as the SDKs raise it, its answer's body read."""
    error = HttpResponseError(message)
    body: dict[str, object] = {"code": code, "message": message}
    if inner:
        body["innererror"] = {"code": inner}
    error.error = ODataV4Format({"error": body})
    return error


def test_key_vaults_innermost_code_comes_first() -> None:
    """However long the text, `ForbiddenByRbac` is said."""
    said = sentence(refused("Caller is not authorized.\r\n" + "x" * 900, "Forbidden", inner="ForbiddenByRbac"))
    assert said.startswith("ForbiddenByRbac: Caller is not authorized. xxx")
    assert len(said) < 600
    assert "\n" not in said


def test_a_code_that_the_text_names_is_not_said_twice() -> None:
    """A text that holds its code already stands as it is."""
    error = refused("(SecretNotFound) A secret was not found.", "SecretNotFound", inner="SecretNotFound")
    assert sentence(error) == "(SecretNotFound) A secret was not found."


def test_an_error_without_an_answer_is_its_own_text() -> None:
    """Where no service answered, the SDK's own sentence is all there is."""
    assert sentence(ServiceRequestError("Connection refused")) == "Connection refused"


def test_an_error_without_words_is_named() -> None:
    """A time-out has nothing to say: its name is better than nothing."""
    assert sentence(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "Wed, 25 Nov 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
async def test_when_a_service_asks_us_to_come_back_is_known(headers: dict[str, str], seconds: float | None) -> None:
    """In seconds, or in milliseconds as Cosmos DB says it; a refusal that says nothing says nothing."""
    error = HttpResponseError("Too many requests")
    error.response = cast(HttpResponse, SimpleNamespace(headers=headers))
    error.status_code = 429
    with pytest.raises(Unavailable) as unavailable:
        async with calling("Cosmos DB"):
            raise error
    assert retry_after(unavailable.value) == retry_after(error) == seconds


def test_the_same_refusal_by_entra_reads_the_same() -> None:
    """The ids and the time that end Entra's sentence are left out: who watches sees one line, not one an attempt."""
    said = [
        sentence(
            ClientAuthenticationError(f"AADSTS700016: Application not found. Trace ID: {trace} Timestamp: {trace}")
        )
        for trace in ("a", "b")
    ]
    assert said == ["AADSTS700016: Application not found."] * 2
