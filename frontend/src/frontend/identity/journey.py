"""The token's journey, from the frontend's own tokens: projected, exchanged, shown. Claims only, never a token."""

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel

from frontend.credential import claims_of
from frontend.identity.privileges import Outcome, outcome_of, privileges
from frontend.parts import Services
from frontend.settings import IdentityVariables


class Step(BaseModel):
    """Claims by name, or why there are none."""

    claims: dict[str, str] = {}
    problem: str | None = None


class Access(BaseModel):
    """One service: what the frontend may do there, done just now, and what it may not, to be tried."""

    name: Literal["keyvault", "servicebus", "cosmos", "blob"]
    service: str
    allowed: str
    outcome: Outcome
    denied: str


class Journey(BaseModel):
    """`tokens` maps each scope to the claims of the access token that its client holds."""

    projected: Step
    exchange: dict[str, str]
    accesses: list[Access]
    tokens: dict[str, dict[str, str]]


def journey(parts: Services) -> Journey:
    """Walks it: every access is made before the tokens are listed, so each client has fetched its own."""
    variables = IdentityVariables()
    accesses = [
        Access.model_validate(
            {
                "name": name,
                "service": privilege.service,
                "allowed": privilege.allowed,
                "outcome": outcome_of(privilege.exercise),
                "denied": privilege.denied,
            }
        )
        for name, privilege in privileges(parts).items()
    ]
    return Journey(
        projected=_projected(variables),
        exchange={
            "client id": variables.azure_client_id or "missing: AZURE_CLIENT_ID",
            "tenant": variables.azure_tenant_id or "missing: AZURE_TENANT_ID",
            "authority": variables.azure_authority_host or "missing: AZURE_AUTHORITY_HOST",
        },
        accesses=accesses,
        tokens=_access_tokens(parts),
    )


def _projected(variables: IdentityVariables) -> Step:
    if variables.azure_federated_token_file is None:
        return Step(problem="missing: AZURE_FEDERATED_TOKEN_FILE")
    try:
        claims = claims_of(variables.azure_federated_token_file.read_text().strip())
    except OSError as error:
        return Step(problem=str(error))
    return Step(claims=_shown(claims, ("iss", "sub", "aud", "exp")))


def _access_tokens(parts: Services) -> dict[str, dict[str, str]]:
    try:
        newest = parts.clients.credential().claims()
    except ValueError:  # no credential without its variables: the accesses say which are missing
        return {}
    return {scope: _shown(claims, ("aud", "oid", "appid", "uti", "exp")) for scope, claims in newest.items()}


def _shown(claims: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: _text(name, claims[name]) for name in names if name in claims}


def _text(name: str, value: Any) -> str:
    if name == "exp":
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
