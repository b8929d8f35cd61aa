"""The links of an identity binding, in the place of a federated credential's issuer, subject and audience."""

from localcloud.cluster.bindings.token_review import AUDIENCE
from localcloud.doctor.facts import Facts, KnownIdentity, Remedies, Remedy
from localcloud.doctor.link import ChainLink, bad
from localcloud.entra.federation import BINDING_ISSUER_HOST

_ANNOTATION = 'azure.workload.identity/use-identity-binding: "true"'
_FORBIDDEN = "ManagedIdentityForbidden"


def judged(name: str, facts: Facts, remedies: Remedies) -> ChainLink | None:
    """Return the link that stands for `issuer`, `subject` or `audience`, or None if no binding is meant."""
    if facts.token is None or facts.found is None:
        return None
    for_proxy = AUDIENCE in facts.token.audiences
    bound = _is_bound(facts.found)
    if not for_proxy:
        return _not_annotated(facts) if bound and name == "issuer" and not _has_others(facts.found) else None
    match name:
        case "issuer":
            return _binding(facts.found, bound)
        case "subject":
            return _cluster_role(facts, remedies)
    return ChainLink("audience", "good", AUDIENCE, ", ".join(facts.token.audiences))


def _not_annotated(facts: Facts) -> ChainLink:
    fix = f"give the pod's template the annotation {_ANNOTATION}, so that the pod asks the cluster's token proxy."
    expected = f"the annotation {_ANNOTATION} on the pod"
    return bad("identity binding", expected, f"{facts.workload} has a binding, and the pod asks Entra", Remedy(fix))


def _binding(found: KnownIdentity, bound: bool) -> ChainLink:
    expected = f"an identity binding of {found.name} with this cluster"
    if bound:
        return ChainLink("identity binding", "good", expected, "there is one")
    fix = "make one: `localcloud federation both` on the laptop, `az aks identity-binding create` on Azure."
    return bad("identity binding", expected, "there is none", Remedy(fix))


def _cluster_role(facts: Facts, remedies: Remedies) -> ChainLink:
    """Known by the token proxy's last answer alone: what a person may read does not show what another may do."""
    expected = f"a ClusterRole that lets {facts.account} use the identity"
    if facts.exchange is None:
        return ChainLink("ClusterRole", "unknown", expected, "no token asked for yet")
    if facts.exchange.code != _FORBIDDEN:
        return ChainLink("ClusterRole", "good", expected, "the token proxy has not refused it")
    return bad("ClusterRole", expected, facts.exchange.text, remedies.exchange(facts))


def _is_bound(identity: KnownIdentity) -> bool:
    return any(BINDING_ISSUER_HOST in each.issuer for each in identity.credentials)


def _has_others(identity: KnownIdentity) -> bool:
    return any(BINDING_ISSUER_HOST not in each.issuer for each in identity.credentials)
