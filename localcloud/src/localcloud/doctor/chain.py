"""The chain from a pod's label to an action on a service: the first broken link is the cause, so the rest is not
judged."""

from collections.abc import Callable

from localcloud.doctor.credentials import CREDENTIAL
from localcloud.doctor.facts import Facts, Remedies, Remedy
from localcloud.doctor.link import ChainLink, bad, moment
from localcloud.doctor.roles import role_and_action
from localcloud.doctor.symptoms import unreached

SKEW = 300.0  # seconds that Entra lets clocks differ

Judge = Callable[[Facts, Remedies], ChainLink]


def examine(facts: Facts, remedies: Remedies) -> list[ChainLink]:
    """The links in their order. After the first bad one, those that depend on it are unknown.

    A manifest that was refused comes first. It is no link of the chain, so that it is only told of if it is broken.
    """
    links: list[ChainLink] = []
    if facts.refused:
        links.append(bad("manifest", "one that can be taken", facts.refused, remedies.manifest(facts)))
    for judge in _JUDGES:
        link = judge(facts, remedies)
        if _broken(links):
            link = ChainLink(link.name, "unknown", link.expected, "not reached")
        links.append(link)
    if _broken(links):
        return [
            *links,
            ChainLink("role", "unknown", "", "not reached"),
            ChainLink("action", "unknown", "", "not reached"),
        ]
    return [*links, *role_and_action(facts, remedies)]


def _broken(links: list[ChainLink]) -> bool:
    return any(link.state == "bad" for link in links)


def _link(name: str, good: bool | None, expected: str, actual: str, remedy: Callable[[], Remedy]) -> ChainLink:
    if good is None:
        return ChainLink(name, "unknown", expected, actual)
    return ChainLink(name, "good", expected, actual) if good else bad(name, expected, actual, remedy())


def _label(facts: Facts, remedies: Remedies) -> ChainLink:
    actual = "the pod has no such label" if facts.label is None else f'"{facts.label}"'
    if facts.label != "true":
        actual += _in_vain(facts.label_elsewhere, facts.label_misspelt)
    expected = 'azure.workload.identity/use: "true", on the pod'
    return _link("label", facts.label == "true", expected, actual, lambda: remedies.label(facts))


def _in_vain(elsewhere: tuple[str, ...], misspelt: str) -> str:
    """What was likely meant for it: the same key on another object, or another key."""
    said = f"; it stands on the {' and the '.join(elsewhere)}, where the webhook does not look" if elsewhere else ""
    return said + (f"; it has {misspelt}, which the webhook does not know" if misspelt else "")


def _mutation(facts: Facts, remedies: Remedies) -> ChainLink:
    actual = {True: "it has them", False: "it has none", None: "there is no pod to look at"}[facts.mutated]
    if facts.mutated is False and facts.skipped:
        actual += ", because an annotation tells the webhook to skip the container"
    refused = not facts.pod and bool(facts.lacks)
    if refused:
        actual = facts.lacks
    good = False if refused and facts.account_exists else facts.mutated
    return _link(
        "mutation", good, "the webhook's variables and its token volume", actual, lambda: remedies.mutation(facts)
    )


def _service_account(facts: Facts, remedies: Remedies) -> ChainLink:
    good = facts.account_exists and facts.meant_account in ("", facts.account)
    actual = facts.account if facts.account_exists else f"{facts.account}, which does not exist"
    remedy = lambda: remedies.service_account(facts)  # noqa: E731
    return _link("service account", good, facts.meant_account or "one that exists", actual, remedy)


def _annotation(facts: Facts, remedies: Remedies) -> ChainLink:
    actual = facts.annotation or "the service account has none"
    if not facts.annotation:
        actual += _in_vain(facts.annotation_elsewhere, facts.annotation_misspelt)
    expected = facts.own.client_id if facts.own else "a client id"
    return _link("annotation", bool(facts.annotation), expected, actual, lambda: remedies.annotation(facts))


def _tenant(facts: Facts, remedies: Remedies) -> ChainLink:
    good = facts.tenant.lower() == facts.own_tenant.lower()
    return _link("tenant", good, facts.own_tenant, facts.tenant, lambda: remedies.tenant(facts))


def _client_id(facts: Facts, remedies: Remedies) -> ChainLink:
    found, own, presented = facts.found, facts.own, facts.client_id or ""
    good = found is not None and (own is None or found.client_id.lower() == own.client_id.lower())
    actual = f"{found.client_id}, {found.name}'s" if found else f"{presented}, which no identity has"
    if found is None and own is None:
        actual += ": the identity was deleted, or it is in another tenant"
    if presented.lower() != (facts.annotation or "").lower():
        good = False
        actual += (
            "; the container's own variable AZURE_CLIENT_ID beats the annotation"
            if facts.container_client_id
            else "; the pod was made before the annotation was changed"
        )
    expected = f"{own.client_id}, {own.name}'s" if own else "one that exists"
    return _link("client id", good, expected, actual, lambda: remedies.client_id(facts))


def _times(facts: Facts, remedies: Remedies) -> ChainLink:
    begins, ends = (facts.token.not_before, facts.token.expires) if facts.token else (None, None)
    if begins is None or ends is None:
        return ChainLink("token's times", "unknown", "", "no token to look at")
    good = begins - SKEW <= facts.now < ends + SKEW
    actual = f"{moment(begins)} to {moment(ends)}"
    expected = f"now, {moment(facts.now)}, within them"
    return _link("token's times", good, expected, actual, lambda: remedies.exchange(facts))


def _exchange(facts: Facts, remedies: Remedies) -> ChainLink:
    expected = "an access token"
    if facts.exchange is None:
        if symptom := unreached(facts.lacks):
            return bad("exchange", expected, f"Entra was not reached: {symptom}", remedies.exchange(facts))
        return ChainLink("exchange", "unknown", expected, "none asked for yet")
    actual = f"{facts.exchange.code}: {facts.exchange.text}" if facts.exchange.code else expected
    return _link("exchange", not facts.exchange.code, expected, actual, lambda: remedies.exchange(facts))


_JUDGES: tuple[Judge, ...] = (
    *(_label, _mutation, _service_account, _annotation, _tenant, _client_id),
    *CREDENTIAL,
    *(_times, _exchange),
)
