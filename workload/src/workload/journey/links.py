"""The journey as data, link by link: cluster, pod, Entra, services. The page shows it, and `/identity` returns it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from workload.failure import Failure
from workload.journey.access_model import Grant

State = Literal["ok", "failed", "unreached"]
"""unreached: a link before it has failed, or nothing has come this far yet."""


Way = Literal["credentials", "bindings"]
"""How the identity trusts the cluster. With bindings the cluster's token proxy asks Entra in the pod's place."""


class Lifetime(BaseModel):
    """A token's times. From `renewed` on, the kubelet or the SDK gets the next one."""

    issued: datetime
    renewed: datetime
    expires: datetime


class ProjectedToken(BaseModel):
    """The token that the kubelet writes into the pod: its claims by name, or the problem why there is none."""

    state: State
    claims: dict[str, str] = {}
    lifetime: Lifetime | None = None
    problem: str | None = None


class Compared(BaseModel):
    """A part of what the pod presents, and what Entra trusts. `same` is None if only Entra knows."""

    name: str
    presented: str | None
    trusted: str
    same: bool | None


class Exchange(BaseModel):
    """What came of presenting the projected token to Entra, by the pod itself or by the cluster's token proxy.

    `about` and `advice` belong to Entra's code.
    """

    state: State
    way: Way
    compared: list[Compared]
    failure: Failure | None = None
    about: str | None = None
    advice: str | None = None


class AccessToken(BaseModel):
    """A token that Entra issued for one service."""

    scope: str
    service: str
    claims: dict[str, str]
    lifetime: Lifetime


class Outcome(BaseModel):
    """What a service answered just now: its result as a sentence, or its refusal."""

    result: str | None = None
    failure: Failure | None = None


class Refusal(BaseModel):
    """Something that the workload may not do: the grants that would allow it, and why it has none of them."""

    does: str
    scope: str
    holders: list[Grant]
    reason: str


class Access(BaseModel):
    """What the workload may do with a service, what came of it just now, and what it may not do.

    `name` stands in URLs. `grants` are what the access model gives the workload on `scope`.
    """

    name: str
    service: str
    does: str
    scope: str
    grants: list[Grant]
    state: State
    outcome: Outcome
    refusal: Refusal | None = None


class Journey(BaseModel):
    """The whole chain, as it was at one moment."""

    workload: str
    at: datetime
    projected: ProjectedToken
    exchange: Exchange
    tokens: list[AccessToken]
    accesses: list[Access]

    @property
    def sentence(self) -> str:
        """Say where the chain breaks, if it does."""
        if self.projected.state == "failed":
            return f"The chain breaks at its first link: the {self.workload} has no good token to present to Entra."
        if self.exchange.state == "failed":
            return f"The chain breaks at the exchange: Entra gave the {self.workload} no access token."
        if failed := [access.service for access in self.accesses if access.state == "failed"]:
            return f"The chain breaks at its last link: {_listed(failed)} did not let the {self.workload} in."
        if self.whole:
            return "Every link holds: the cluster vouched for the pod, Entra believed it, and each service let it in."
        return "Nothing has come as far as the services yet."

    @property
    def whole(self) -> bool:
        """Tell whether every link holds."""
        states = [self.projected.state, self.exchange.state, *(access.state for access in self.accesses)]
        return set(states) == {"ok"}

    @property
    def access_claims(self) -> dict[str, dict[str, str]]:
        """Return the values of each claim of the access tokens, by service."""
        names = dict.fromkeys(name for token in self.tokens for name in token.claims)
        return {name: {token.service: token.claims.get(name, "") for token in self.tokens} for name in names}

    @property
    def lifetimes(self) -> dict[str, Lifetime]:
        """Return the times of each token that the process has now."""
        projected = {"Projected token": self.projected.lifetime} if self.projected.lifetime else {}
        return projected | {token.service: token.lifetime for token in self.tokens}


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
