"""Find out how far the chain holds: from the pod's variables, its token, the exchanges and the services' answers."""

import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from workload import tokens
from workload.failure import Failure
from workload.journey.access_model import AccessModel
from workload.journey.links import (
    Access,
    AccessToken,
    Compared,
    Exchange,
    Journey,
    Lifetime,
    Outcome,
    ProjectedToken,
    Refusal,
    State,
    Way,
)
from workload.journey.uses import Denied, Use
from workload.settings import IdentityVariables
from workload.tokens import claims_of

EXPLANATIONS: dict[str, Any] = yaml.safe_load((files(__package__) / "explanations.yaml").read_text(encoding="utf-8"))

_TIMES = ("iat", "exp")
# The kubelet replaces a token after 80 % of its life, or after a day:
# https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
_RENEWED_AFTER, _RENEWED_AT_MOST_AFTER = 0.8, 86400


def journey(
    workload: str,
    model: AccessModel,
    exchanges: Sequence[tokens.Exchange],
    outcomes: Iterable[tuple[Use, Outcome]],
    problem: Failure | None = None,
) -> Journey:
    """Return the chain as it is now. `problem` says why there is no credential at all."""
    variables = IdentityVariables()
    projected = _projected(variables.azure_federated_token_file)
    failures = [problem, *(exchange.failure for exchange in exchanges)]
    # Entra's own failure first: it says more than the SDK's, if the SDK did not even ask for some of the tokens.
    failure = min(filter(None, failures), key=lambda one: one.code not in EXPLANATIONS["codes"], default=None)
    issued = sorted((_access_token(exchange) for exchange in exchanges if exchange.claims), key=_place)
    exchange = _exchange(variables, projected, failure, bool(issued), model.subject(workload))
    tokened = {token.service for token in issued}
    accesses = [_access(model, workload, use, outcome) for use, outcome in outcomes]
    for access in accesses:
        said = access.outcome.failure
        # A service was not reached if there is no token for it, or if it answers with the exchange's own failure.
        if said and failure and (access.service not in tokened or failure.code in str(said)):
            access.state = "unreached"
    return Journey(
        workload=workload,
        at=_moment(time.time()),
        projected=projected,
        exchange=exchange,
        tokens=issued,
        accesses=accesses,
    )


def _projected(file: Path | None) -> ProjectedToken:
    if file is None:
        return ProjectedToken(state="failed", problem=EXPLANATIONS["no_identity"])
    try:
        claims = claims_of(file.read_text(encoding="utf-8", errors="replace").strip())
    except OSError as error:
        return ProjectedToken(state="failed", problem=str(error))
    if not claims:
        return ProjectedToken(state="failed", problem=f"{file} holds no token.")
    found = ProjectedToken(state="ok", claims=_shown(claims, "projected"))
    if all(_is_time(claims.get(name)) for name in _TIMES):
        life = claims["exp"] - claims["iat"]
        found.lifetime = _lifetime(claims, min(_RENEWED_AFTER * life, _RENEWED_AT_MOST_AFTER))
        if claims["exp"] < time.time():
            found.state, found.problem = "failed", "The token has expired, and the kubelet has not replaced it."
    return found


def _exchange(
    variables: IdentityVariables, projected: ProjectedToken, failure: Failure | None, issued: bool, subject: str
) -> Exchange:
    presented = {
        **{name: projected.claims.get(name) for name in ("iss", "sub", "aud")},
        "AZURE_CLIENT_ID": variables.azure_client_id,
        "AZURE_TENANT_ID": variables.azure_tenant_id,
    }
    way: Way = "bindings" if variables.azure_kubernetes_token_proxy else "credentials"
    trusted = EXPLANATIONS["trusted"][way] | {"sub": subject}
    explained = EXPLANATIONS["codes"].get(failure.code, {}) if failure else {}
    if presented["sub"] == subject:
        explained = explained.get("as_meant", explained)
    compared = []
    for name, value in presented.items():
        same: bool | None = None
        if issued and not failure:
            same = True
        elif name == explained.get("about") or value is None or (name in ("sub", "aud") and value != trusted[name]):
            same = False
        compared.append(Compared(name=name, presented=value, trusted=trusted[name], same=same))
    state: State = "failed" if failure else "ok" if issued else "unreached"
    return Exchange(
        state=state if projected.state == "ok" else "unreached",
        way=way,
        compared=compared,
        failure=failure,
        about=explained.get("about"),
        advice=explained.get("do"),
    )


def _access(model: AccessModel, workload: str, use: Use, outcome: Outcome) -> Access:
    return Access(
        name=use.name,
        service=use.service,
        does=use.does,
        scope=use.scope,
        grants=model.grants(workload, use.scope),
        state="failed" if outcome.failure else "ok",
        outcome=outcome,
        refusal=_refusal(model, use.denied) if use.denied else None,
    )


def _refusal(model: AccessModel, denied: Denied) -> Refusal:
    holders = model.holders(denied.action, denied.scope)
    return Refusal(does=denied.does, scope=denied.scope, holders=holders, reason=denied.reason)


def _access_token(exchange: tokens.Exchange) -> AccessToken:
    claims = exchange.claims
    services = (service["name"] for service in EXPLANATIONS["services"] if re.search(service["scope"], exchange.scope))
    told = {name: claims[name] for name in _TIMES if _is_time(claims.get(name))}
    times = {"iat": exchange.at, "exp": exchange.renewed} | told
    return AccessToken(
        scope=exchange.scope,
        service=next(services, exchange.scope),
        claims=_shown(claims, "access"),
        lifetime=_lifetime(times, exchange.renewed - times["iat"]),
    )


def _place(token: AccessToken) -> int:
    """Return where a token stands among the others: in the order of the services."""
    names = [service["name"] for service in EXPLANATIONS["services"]]
    return names.index(token.service) if token.service in names else len(names)


def _lifetime(claims: dict[str, Any], renewed_after: float) -> Lifetime:
    issued, expires = claims["iat"], claims["exp"]
    return Lifetime(issued=_moment(issued), renewed=_moment(issued + renewed_after), expires=_moment(expires))


def _shown(claims: dict[str, Any], kind: str) -> dict[str, str]:
    """Return the claims that the page explains, in the order of their explanations. An unexplained one is not shown."""
    return {name: _text(name, claims[name]) for name in EXPLANATIONS[kind] if name in claims}


def _text(name: str, value: Any) -> str:
    if name in _TIMES and _is_time(value):
        return _moment(value).strftime("%Y-%m-%d %H:%M:%S UTC")
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _is_time(value: Any) -> bool:
    """Tell whether a claim holds a Unix time, up to the year 9999."""
    return isinstance(value, int | float) and 0 <= value < 253402300800


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
