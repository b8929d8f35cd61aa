"""What the worker tells of a service's refusal: the code first, since that is what one searches for."""

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ODataV4Format, ServiceRequestError
from backend.dependencies import sentence


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


def test_the_same_refusal_by_entra_reads_the_same() -> None:
    """The ids and the time that end Entra's sentence are left out: who watches sees one line, not one an attempt."""
    said = [
        sentence(
            ClientAuthenticationError(f"AADSTS700016: Application not found. Trace ID: {trace} Timestamp: {trace}")
        )
        for trace in ("a", "b")
    ]
    assert said == ["AADSTS700016: Application not found."] * 2
