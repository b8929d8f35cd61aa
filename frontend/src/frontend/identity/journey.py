"""The token's journey, from the frontend's own tokens: projected, exchanged, used. It shows claims, never a token."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from frontend.identity.privileges import Tried, privileges, tried
from frontend.parts import Parts
from frontend.settings import IdentityVariables
from workload.tokens import claims_of


class ProjectedToken(BaseModel):
    """Its claims by name, or why there are none."""

    claims: dict[str, str] = {}
    problem: str | None = None


class ServiceAccess(BaseModel):
    """What the frontend may do with a service and what came of it just now, and what it may not do."""

    name: str
    service: str
    allowed: str
    outcome: Tried
    denied: str


class Journey(BaseModel):
    """`tokens` maps each scope to the claims of its access token."""

    projected: ProjectedToken
    exchange: dict[str, str]
    accesses: list[ServiceAccess]
    tokens: dict[str, dict[str, str]]


def journey(parts: Parts) -> Journey:
    """Use each service, then show the tokens that this took."""
    variables = IdentityVariables()
    accesses = [
        ServiceAccess(
            name=name,
            service=privilege.service,
            allowed=privilege.allowed,
            outcome=tried(privilege.use),
            denied=privilege.denied,
        )
        for name, privilege in privileges(parts).items()
    ]
    return Journey(
        projected=_projected(variables.azure_federated_token_file),
        exchange={
            "client id": variables.azure_client_id,
            "tenant": variables.azure_tenant_id,
            "authority": variables.azure_authority_host,
        },
        accesses=accesses,
        tokens=_access_tokens(parts),
    )


def _projected(file: Path | None) -> ProjectedToken:
    if file is None:
        return ProjectedToken(problem="missing: AZURE_FEDERATED_TOKEN_FILE")
    try:
        claims = claims_of(file.read_text().strip())
    except OSError as error:
        return ProjectedToken(problem=str(error))
    return ProjectedToken(claims=_shown(claims, "iss", "sub", "aud", "exp"))


def _access_tokens(parts: Parts) -> dict[str, dict[str, str]]:
    try:
        newest = parts.clients.credential().claims()
    except ValueError:  # there is no credential without its variables; `accesses` says which are missing
        return {}
    return {scope: _shown(claims, "aud", "oid", "appid", "uti", "exp") for scope, claims in newest.items()}


def _shown(claims: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: _text(name, claims[name]) for name in names if name in claims}


def _text(name: str, value: Any) -> str:
    if name == "exp":
        return datetime.fromtimestamp(float(value), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
