"""The chain from a pod's label to an action on a service: the first broken link is the cause, so the rest is not
judged."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localcloud.doctor.facts import Credential, Facts, Remedies, Remedy, Token

SKEW = 300.0  # seconds that Entra lets clocks differ
AUDIENCE = "api://AzureADTokenExchange"

State = Literal["good", "bad", "unknown"]
Judge = Callable[[Facts, Remedies], "Link"]


@dataclass(frozen=True, slots=True)
class Link:
    """One link: what it should be, what it is, and, if it is bad, what to do and where."""

    name: str
    state: State
    expected: str
    actual: str
    fix: str = ""
    place: str = ""


def examine(facts: Facts, remedies: Remedies) -> list[Link]:
    """The links in their order. After the first bad one, those that depend on it are unknown."""
    links: list[Link] = []
    for judge in _JUDGES:
        link = judge(facts, remedies)
        if _broken(links):
            link = Link(link.name, "unknown", link.expected, "not reached")
        links.append(link)
    if _broken(links):
        return [*links, Link("role", "unknown", "", "not reached"), Link("action", "unknown", "", "not reached")]
    return [*links, *_accesses(facts, remedies)]


def _broken(links: list[Link]) -> bool:
    return any(link.state == "bad" for link in links)


def _link(name: str, good: bool | None, expected: str, actual: str, remedy: Callable[[], Remedy]) -> Link:
    if good is None:
        return Link(name, "unknown", expected, actual)
    if good:
        return Link(name, "good", expected, actual)
    mended = remedy()
    return Link(name, "bad", expected, actual, mended.fix, mended.place)


def _label(facts: Facts, remedies: Remedies) -> Link:
    actual = "the pod has no such label" if facts.label is None else f'"{facts.label}"'
    if facts.label != "true" and facts.label_elsewhere:
        actual += f"; it stands on the {' and the '.join(facts.label_elsewhere)}, where the webhook does not look"
    expected = 'azure.workload.identity/use: "true", on the pod'
    return _link("label", facts.label == "true", expected, actual, lambda: remedies.label(facts))


def _mutation(facts: Facts, remedies: Remedies) -> Link:
    actual = {True: "it has them", False: "it has none", None: "there is no pod to look at"}[facts.mutated]
    refused = not facts.pod and bool(facts.lacks)
    if refused:
        actual = facts.lacks
    good = False if refused and facts.account_exists else facts.mutated
    return _link(
        "mutation", good, "the webhook's variables and its token volume", actual, lambda: remedies.mutation(facts)
    )


def _service_account(facts: Facts, remedies: Remedies) -> Link:
    good = facts.account_exists and facts.meant_account in ("", facts.account)
    actual = facts.account if facts.account_exists else f"{facts.account}, which does not exist"
    remedy = lambda: remedies.service_account(facts)  # noqa: E731
    return _link("service account", good, facts.meant_account or "one that exists", actual, remedy)


def _annotation(facts: Facts, remedies: Remedies) -> Link:
    actual = facts.annotation or "the service account has none"
    if not facts.annotation and facts.annotation_elsewhere:
        actual += f"; it stands on the {' and the '.join(facts.annotation_elsewhere)}, where the webhook does not look"
    expected = facts.own.client_id if facts.own else "a client id"
    return _link("annotation", bool(facts.annotation), expected, actual, lambda: remedies.annotation(facts))


def _tenant(facts: Facts, remedies: Remedies) -> Link:
    good = facts.tenant.lower() == facts.own_tenant.lower()
    return _link("tenant", good, facts.own_tenant, facts.tenant, lambda: remedies.tenant(facts))


def _client_id(facts: Facts, remedies: Remedies) -> Link:
    found, own = facts.found, facts.own
    good = found is not None and (own is None or found.client_id.lower() == own.client_id.lower())
    actual = f"{facts.annotation}, which no identity has"
    if found is not None:
        actual = f"{found.client_id}, {found.name}'s"
    if found is None and own is None:
        actual += ": the identity was deleted, or it is in another tenant"
    expected = f"{own.client_id}, {own.name}'s" if own else "one that exists"
    return _link("client id", good, expected, actual, lambda: remedies.client_id(facts))


def _credential(name: str, code: str, of: Callable[[Credential], str], presented: Callable[[Token], str]) -> Judge:
    def judge(facts: Facts, remedies: Remedies) -> Link:
        from localcloud.doctor.bindings import judged

        if link := judged(name, facts, remedies):
            return link
        trusted = _nearest(facts)
        if trusted is None and facts.found is not None:
            deleted = lambda: remedies.credential(facts, "AADSTS70025")  # noqa: E731
            return _link(name, False, "a federated credential", f"{facts.found.name} has none", deleted)
        if trusted is None or facts.token is None:
            return _link(name, None, "", "no token to look at", lambda: Remedy(""))
        expected, actual = of(trusted), presented(facts.token)
        good = expected == actual or (name == "audience" and expected in facts.token.audiences)
        return _link(name, good, expected, actual, lambda: remedies.credential(facts, code))

    return judge


def _nearest(facts: Facts) -> Credential | None:
    """Of the identity's credentials, the one that is most like the token."""
    identity, token = facts.found, facts.token
    credentials = identity.credentials if identity else ()
    if token is None:
        return next(iter(credentials), None)
    presented = token

    def likeness(credential: Credential) -> tuple[bool, bool, bool, bool]:
        return (
            credential.issuer == presented.issuer,
            credential.issuer.rstrip("/") == presented.issuer.rstrip("/"),
            credential.subject == presented.subject,
            credential.audience in presented.audiences,
        )

    return max(credentials, key=likeness, default=None)


_CREDENTIAL: tuple[Judge, ...] = (
    _credential("issuer", "AADSTS700211", lambda each: each.issuer, lambda token: token.issuer),
    _credential("subject", "AADSTS700213", lambda each: each.subject, lambda token: token.subject),
    _credential("audience", "AADSTS700212", lambda each: each.audience, lambda token: ", ".join(token.audiences)),
)


def _times(facts: Facts, remedies: Remedies) -> Link:
    begins, ends = (facts.token.not_before, facts.token.expires) if facts.token else (None, None)
    if begins is None or ends is None:
        return Link("token's times", "unknown", "", "no token to look at")
    good = begins - SKEW <= facts.now < ends + SKEW
    actual = f"{_moment(begins)} to {_moment(ends)}"
    return _link(
        "token's times", good, f"now, {_moment(facts.now)}, within them", actual, lambda: remedies.exchange(facts)
    )


def _exchange(facts: Facts, remedies: Remedies) -> Link:
    if facts.exchange is None:
        return Link("exchange", "unknown", "an access token", "none asked for yet")
    actual = f"{facts.exchange.code}: {facts.exchange.text}" if facts.exchange.code else "an access token"
    return _link("exchange", not facts.exchange.code, "an access token", actual, lambda: remedies.exchange(facts))


def _accesses(facts: Facts, remedies: Remedies) -> list[Link]:
    if facts.accesses is None:
        return [Link("role", "unknown", "", "not known here"), Link("action", "unknown", "", "not known here")]
    denied = [access for access in reversed(facts.accesses) if not access.allowed and not access.granted]
    # A pod that is ready was refused what it can do without, such as what a learner tries by hand.
    lacking = {} if facts.ready else {access.scope: access for access in denied}
    links = []
    for access in lacking.values():
        remedy = remedies.role(facts, access)
        roles = " and ".join(access.roles)
        actual = f"{roles}, which do not hold it" if access.roles else "no role"
        expected = f"a role on {access.scope} that holds {access.action}"
        links.append(Link("role", "bad", expected, actual, remedy.fix, remedy.place))
    if links:
        return [*links, Link("action", "unknown", "", "not reached")]
    scopes = sorted({access.scope for access in facts.accesses if access.allowed})
    role = Link(
        "role", "good" if scopes else "unknown", "a role for each access", ", ".join(scopes) or "none asked for"
    )
    refused = [access for access in facts.accesses if not access.allowed and access.reason not in ("", "no grant")]
    if refused and not facts.ready:
        last = refused[-1]
        return [role, Link("action", "bad", "allowed", f"{last.action} on {last.scope}: {last.reason}", last.reason)]
    number = sum(access.allowed for access in facts.accesses)
    return [role, Link("action", "good" if number else "unknown", "allowed", f"{number} kinds of access allowed")]


def _moment(when: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(when))


_JUDGES: tuple[Judge, ...] = (
    *(_label, _mutation, _service_account, _annotation, _tenant, _client_id),
    *_CREDENTIAL,
    *(_times, _exchange),
)
