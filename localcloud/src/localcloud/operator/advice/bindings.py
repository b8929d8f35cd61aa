"""What to fix if an identity binding is incomplete: one sentence for each refusal that it leads to."""

from localcloud.authorization.audit import ExchangeEntry
from localcloud.authorization.model import AccessModel, client_id
from localcloud.cluster.bindings.cluster_roles import API_GROUP, VERB
from localcloud.cluster.bindings.token_review import AUDIENCE
from localcloud.cluster.sources import Sources
from localcloud.cluster.webhook import CLIENT_ID
from localcloud.entra.federation import Federation

ANNOTATION = "azure.workload.identity/use-identity-binding"


def on_exchange(
    entry: ExchangeEntry, model: AccessModel, federation: Federation, sources: Sources | None
) -> str | None:
    """The advice for a refusal of the token proxy, or of Entra to a pod that should have asked the token proxy."""
    name = next((each for each in model.workloads if client_id(each) == entry.client_id.lower()), None)
    match entry.result:
        case "IdentityBindingNotFound" if name is not None:
            return (
                f"the identity {name} has no identity binding. Make one: `localcloud federation both` here, "
                f"`az aks identity-binding create` on Azure. Or take the annotation {ANNOTATION} away from the pod"
                f"{_place_of_annotation(sources)}."
            )
        case "ManagedIdentityForbidden" if name is not None:
            return _on_forbidden(entry, name, model, sources)
        case "TokenAudienceWrong":
            return (
                "the pod knows the token proxy and has no token for it. The webhook gives it both if the pod has the "
                f'annotation {ANNOTATION}: "true", so take AZURE_KUBERNETES_TOKEN_PROXY out of the manifest, and make '
                "a new pod."
            )
        case "AADSTS700212" if f"audience '{AUDIENCE}'" in (entry.detail or ""):
            return _ask_the_proxy(entry)
        case "AADSTS700211" if name is not None and federation.is_bound(name) and _is_clusters_own(entry, federation):
            return (
                f"the identity {name} is federated by an identity binding, and the pod has asked Entra itself. Its "
                f'template needs the annotation {ANNOTATION}: "true"{_place_of_annotation(sources)}. If it has '
                f"that, {_ask_the_proxy(entry)}"
            )
    return None


def _on_forbidden(entry: ExchangeEntry, name: str, model: AccessModel, sources: Sources | None) -> str:
    own = next((each for each, workload in model.workloads.items() if workload.subject == entry.subject), None)
    account = (entry.subject or "").removeprefix("system:serviceaccount:").replace(":", "/")
    if own is not None and own != name:
        return (
            f"the client id is that of another workload, {name}. Write {own}'s own, {client_id(own)}, into the "
            f"annotation {CLIENT_ID} of {account}."
        )
    place = sources.place_of_text(VERB) if sources else None
    return (
        f"bind to the service account {account} a ClusterRole with the apiGroups [{API_GROUP}], the resources "
        f"[{client_id(name)}] and the verbs [{VERB}]{f' ({place})' if place else ''}."
    )


def _ask_the_proxy(entry: ExchangeEntry) -> str:
    who = entry.pod or entry.subject or "the pod"
    return (
        f"the program in {who} has to ask the token proxy: WorkloadIdentityCredential(enable_azure_proxy=True), "
        "not DefaultAzureCredential."
    )


def _is_clusters_own(entry: ExchangeEntry, federation: Federation) -> bool:
    return entry.issuer == federation.cluster


def _place_of_annotation(sources: Sources | None) -> str:
    place = sources.place_of_text(ANNOTATION) if sources else None
    return f" ({place})" if place else ""
