"""What the token proxy refuses, each by a name of its own.

Azure's statuses and texts are not public. These are the local cloud's, and each text says so.
"""

from starlette.responses import JSONResponse

from localcloud.cluster.bindings.cluster_roles import API_GROUP, VERB


class ExchangeRefused(Exception):
    """A refused request. `error` is the OAuth 2.0 error code (RFC 6749, section 5.2)."""

    def __init__(self, name: str, error: str, status: int, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name
        self.error = error
        self.status = status
        self.text = text

    def response(self) -> JSONResponse:
        description = (
            f"{self.name}: {self.text} (The local cloud's own words: those of AKS's token proxy are not public.)"
        )
        body = {"error": self.error, "error_description": description}
        return JSONResponse(body, self.status, {"Cache-Control": "no-store"})


def request_malformed(lacks: str) -> ExchangeRefused:
    return ExchangeRefused("TokenRequestMalformed", "invalid_request", 400, f"The token request has no {lacks}.")


def token_invalid(why: str) -> ExchangeRefused:
    return ExchangeRefused(
        "TokenInvalid", "invalid_client", 401, f"The API server does not accept the projected token: {why}."
    )


def audience_wrong(presented: str, expected: str) -> ExchangeRefused:
    text = f"The projected token is for the audience {presented}, and the token proxy takes those for {expected} alone."
    return ExchangeRefused("TokenAudienceWrong", "invalid_client", 401, text)


def no_binding(client: str) -> ExchangeRefused:
    text = f"There is no identity binding between this cluster and the identity with the client id {client}."
    return ExchangeRefused("IdentityBindingNotFound", "unauthorized_client", 403, text)


def not_authorized(account: str, client: str) -> ExchangeRefused:
    text = (
        f"The service account {account} may not {VERB} {client}.{API_GROUP}: no ClusterRole that is bound to it "
        "allows that."
    )
    return ExchangeRefused("ManagedIdentityForbidden", "access_denied", 403, text)


def entra_unreachable() -> ExchangeRefused:
    return ExchangeRefused("EntraUnreachable", "temporarily_unavailable", 502, "The token proxy can't reach Entra.")
