"""The last two links of the chain: the role for each access, and what the service did with it."""

from localcloud.doctor.facts import AbsentSecret, Facts, PendingRole, Remedies, WideRole
from localcloud.doctor.link import ChainLink, bad, moment

_Links = list[ChainLink]


def role_and_action(facts: Facts, remedies: Remedies) -> _Links:
    """Judge both. A link appears once for each role that is missing, not in force or too wide."""
    if facts.accesses is None:
        return [
            ChainLink("role", "unknown", "", "not known here"),
            ChainLink("action", "unknown", "", "not known here"),
        ]
    broken = [
        *_lacking(facts, remedies),
        *(_late(facts, role, remedies) for role in facts.pending),
        *(_wide(facts, role, remedies) for role in facts.wide),
    ]
    if broken:
        return [*broken, ChainLink("action", "unknown", "", "not reached")]
    return [_role(facts), *_actions(facts, remedies)]


def _lacking(facts: Facts, remedies: Remedies) -> _Links:
    denied = [access for access in reversed(facts.accesses or ()) if not access.allowed and not access.granted]
    # A pod that is ready was refused what it can do without, such as what a learner tries by hand.
    lacking = {} if facts.ready else {access.scope: access for access in denied}
    links = []
    for access in lacking.values():
        if any(scope.startswith(f"{access.scope}/") for scope in lacking):
            continue  # what an account tells to everybody who has a role in it: the entity's own link says it too
        actual = f"{' and '.join(access.roles)}: that does not hold it" if access.roles else "no role"
        expected = f"a role on {access.scope} that holds {access.action}"
        links.append(bad("role", expected, actual, remedies.role(facts, access)))
    return links


def _late(facts: Facts, role: PendingRole, remedies: Remedies) -> ChainLink:
    name = f"{role.role} on {role.scope}"
    if role.what == "given":
        expected, actual = f"{name}, in force", f"given, and not in force before {moment(role.until)}"
    else:
        expected, actual = f"no {name}", f"taken away, and in force until {moment(role.until)}"
    return bad("role", expected, actual, remedies.pending(facts, role))


def _wide(facts: Facts, role: WideRole, remedies: Remedies) -> ChainLink:
    expected = f"{role.role} on {' and '.join(role.used)} alone"
    return bad("role", expected, f"it is on {role.scope}, and counts on all of it", remedies.wide(facts, role))


def _role(facts: Facts) -> ChainLink:
    scopes = sorted({access.scope for access in facts.accesses or () if access.allowed})
    actual = ", ".join(scopes) or "none asked for"
    return ChainLink("role", "good" if scopes else "unknown", "a role for each access", actual)


def _actions(facts: Facts, remedies: Remedies) -> _Links:
    if facts.absent:
        return [_absent(facts, secret, remedies) for secret in facts.absent]
    accesses = facts.accesses or ()
    refused = [access for access in accesses if not access.allowed and access.reason not in ("", "no grant")]
    if refused and not facts.ready:
        last = refused[-1]
        return [ChainLink("action", "bad", "allowed", f"{last.action} on {last.scope}: {last.reason}", last.reason)]
    number = sum(access.allowed for access in accesses)
    return [ChainLink("action", "good" if number else "unknown", "allowed", f"{number} kinds of access allowed")]


def _absent(facts: Facts, secret: AbsentSecret, remedies: Remedies) -> ChainLink:
    actual = "it was deleted, and can be recovered" if secret.deleted else "the vault has no such secret"
    return bad("action", f"the secret {secret.name}", actual, remedies.secret(facts, secret))
