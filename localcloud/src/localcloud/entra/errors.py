"""Entra's refusals: code, text and status.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes. Microsoft may change them: people read
them, and no client should branch on them. The texts are those of public reports.
"""

import time
import uuid

from starlette.responses import JSONResponse

FEDERATION = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
_CHECK = (
    "Check your federated identity credential Subject, Audience and Issuer against the presented assertion. "
    f"{FEDERATION}"
)


class EntraError(Exception):
    """A refused request. `error` is the OAuth 2.0 error code (RFC 6749, section 5.2)."""

    def __init__(self, code: int, error: str, status: int, text: str) -> None:
        super().__init__(f"AADSTS{code}: {text}")
        self.code = code
        self.error = error
        self.status = status
        self.text = text

    def response(self, now: float, correlation_id: str | None = None) -> JSONResponse:
        trace, correlation = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
        stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(now))
        text = f"AADSTS{self.code}: {self.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}"
        body = {
            "error": self.error,
            "error_description": text,
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        return JSONResponse(body, self.status, {"Cache-Control": "no-store", "Pragma": "no-cache"})


def tenant_not_found(tenant: str) -> EntraError:
    text = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud."
    )
    return EntraError(90002, "invalid_request", 400, text)


def tenant_not_said() -> EntraError:
    """For a token request at `common` or `organizations`: a workload is no user whose account names the tenant."""
    text = "No tenant-identifying information found in either the request or implied by any provided credentials."
    return EntraError(50059, "invalid_request", 400, text)


def instance_unknown() -> EntraError:
    return EntraError(50049, "invalid_instance", 400, "Unknown or invalid instance.")


def query_parameter_missing(name: str) -> EntraError:
    text = (
        f"The required field '{name}' is missing from the request. Ensure that you have all the necessary parameters "
        "for the login request."
    )
    return EntraError(90014, "invalid_request", 400, text)


def input_invalid() -> EntraError:
    return EntraError(90013, "invalid_request", 400, "Invalid input received from the user.")


def not_done(method: str, path: str) -> JSONResponse:
    """The answer to what this cloud's Entra has no part of; it has no code of Entra's."""
    text = (
        f"The local cloud's Entra does not do {method} {path}. It exchanges a federated token for an access token at "
        "/{tenant}/oauth2/v2.0/token, and publishes its discovery documents and keys."
    )
    return JSONResponse({"error": "not_supported", "error_description": text}, 404)


def parameter_missing(name: str) -> EntraError:
    return EntraError(
        900144, "invalid_request", 400, f"The request body must contain the following parameter: '{name}'."
    )


def parameter_duplicated(name: str) -> EntraError:
    text = f"The request is not properly formatted. The parameter '{name}' is duplicated."
    return EntraError(9000411, "invalid_request", 400, text)


def request_malformed() -> EntraError:
    return EntraError(9002313, "invalid_request", 400, "Invalid request. Request is malformed or invalid.")


def grant_not_supported(grant: str) -> EntraError:
    return EntraError(70003, "unsupported_grant_type", 400, f"The app requested an unsupported grant type '{grant}'.")


def assertion_missing() -> EntraError:
    text = (
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type. "
        "The local cloud takes a federated client_assertion alone: there is no secret to steal."
    )
    return EntraError(7000216, "invalid_client", 401, text)


def assertion_malformed() -> EntraError:
    return EntraError(50027, "invalid_request", 400, "JWT token is invalid or malformed.")


def application_not_found(client_id: str, tenant: str) -> EntraError:
    text = (
        f"Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant. You may have sent your authentication request to the wrong tenant."
    )
    return EntraError(700016, "unauthorized_client", 400, text)


def scope_invalid(scope: str) -> EntraError:
    text = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI)."
    )
    return EntraError(1002012, "invalid_scope", 400, text)


def scopes_conflict(scope: str, why: str = "") -> EntraError:
    """For scopes of which each alone is valid. Reported for two resources, as in
    https://github.com/AzureAD/microsoft-authentication-library-for-js/issues/6069, and for a named scope beside
    `.default`, as in https://github.com/AzureAD/microsoft-authentication-library-for-js/issues/1718."""
    text = (
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
        f"'scope' is not valid. The scope {scope} is not valid.{why}"
    )
    return EntraError(70011, "invalid_scope", 400, text)


def resource_does_not_match() -> EntraError:
    text = "The resource parameter provided in the request doesn't match with the requested scopes."
    return EntraError(9010010, "invalid_target", 400, text)


def resource_not_found(resource: str, tenant: str) -> EntraError:
    text = (
        f"The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if the "
        "application has not been installed by the administrator of the tenant or consented to by any user in the "
        "tenant."
    )
    return EntraError(500011, "invalid_resource", 400, text)


def no_credentials(client_id: str, name: str) -> EntraError:
    text = f"The client '{client_id}'({name}) has no configured federated identity credentials."
    return EntraError(70025, "invalid_client", 401, text)


def issuer_mismatch(issuer: str) -> EntraError:
    return _no_match(700211, f"issuer '{issuer}'. {_CHECK}")


def audience_mismatch(audience: str) -> EntraError:
    return _no_match(700212, f"audience '{audience}'. {_CHECK}")


def subject_mismatch(subject: str) -> EntraError:
    return _no_match(700213, f"subject '{subject}'. {_CHECK}")


def subject_case_mismatch(subject: str) -> EntraError:
    return _no_match(
        7002138,
        f"subject '{subject}'. The subject matches with case-insensitive comparison, but not with case-sensitive "
        f"comparison. {_CHECK}",
    )


def assertion_expired(now: float, not_before: float, expires: float) -> EntraError:
    text = (
        f"Client assertion is not within its valid time range. Current time: {_precise(now)}, assertion valid from "
        f"{_precise(not_before)}, expiry time of assertion {_precise(expires)}. Review the documentation at "
        "https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."
    )
    return EntraError(700024, "invalid_client", 401, text)


def key_not_published(kid: str, issuer: str) -> EntraError:
    text = (
        f"The certificate with identifier {kid} used to sign the federated credential could not be found in the "
        f"metadata of identity provider {issuer}. Please validate that your Identity Provider's metadata exposes the "
        "key used to sign the incoming token."
    )
    return EntraError(7000272, "invalid_client", 401, text)


def signature_invalid() -> EntraError:
    return EntraError(50013, "invalid_grant", 400, "Assertion failed signature validation.")


def issuer_unreachable() -> EntraError:
    return EntraError(90061, "invalid_request", 400, "Request to External OIDC endpoint failed.")


def _no_match(code: int, rest: str) -> EntraError:
    return EntraError(
        code, "invalid_client", 401, f"No matching federated identity record found for presented assertion {rest}"
    )


def _precise(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e7):07d}Z"
