"""What to fix, and where: one sentence for each refusal that a learner can cause."""

from localcloud.authorization.audit import Access, Exchange
from localcloud.authorization.guard import CONTROL_PLANE, NO_GRANT
from localcloud.authorization.model import AccessModel, client_id
from localcloud.authorization.roles import ControlAction
from localcloud.authorization.workload import EXCHANGE_AUDIENCE


def on_exchange(entry: Exchange, model: AccessModel, issuer: str) -> str | None:
    """The advice for a refused token exchange, or nothing where the code speaks for itself."""
    trusted = model.workloads[entry.workload].subject if entry.workload else None
    match entry.result:
        case "AADSTS700016":
            return (
                f"no identity has the client id {entry.client_id}. Correct the annotation "
                f"azure.workload.identity/client-id of the service account{_expected_client(entry, model)}."
            )
        case "AADSTS700211":
            return (
                f"the identity {entry.workload} trusts the issuer {issuer} and the token is from {entry.issuer}. The "
                "two must be equal to the letter, the last slash included."
            )
        case "AADSTS700212":
            return f"the projected token must be for the audience {EXCHANGE_AUDIENCE}: look at the pod's token volume."
        case "AADSTS700213" | "AADSTS7002138":
            return (
                f"the identity {entry.workload} trusts {trusted} and the pod is {entry.subject}. Correct the pod's "
                "namespace or serviceAccountName, or the workload in the access model."
            )
        case "AADSTS700024":
            return "the projected token is not valid now: look at its expiry and at the clock."
        case "AADSTS7000272":
            return "the issuer no longer publishes the key that signed the token: it was rotated. A fresh token helps."
        case "AADSTS90061":
            return f"the discovery document of {entry.issuer} can't be fetched: is the issuer reachable?"
        case _:
            return None


def on_access(entry: Access, model: AccessModel) -> str | None:
    """The advice for a denied access."""
    if entry.reason == NO_GRANT:
        return _on_other_plane(entry, model) or (
            f"nothing grants {entry.action} on {entry.scope} to {entry.workload or entry.principal}. If it should, add "
            "a role that holds it to the workload in the access model."
        )
    if entry.reason == CONTROL_PLANE:
        return "no grant of the data plane holds this: whoever deploys makes and changes databases and containers."
    return f"the token was refused: {entry.reason}."


def _on_other_plane(entry: Access, model: AccessModel) -> str | None:
    """The advice if a role that the workload has on the scope names the action, but not where Azure looks for it."""
    for name, role in model.roles_on(entry.principal or "", entry.scope).items():
        if entry.scope.partition("/")[0] == "cosmos" and role.kind != "cosmos":
            return (
                f"{name} is a role of Azure's, and Cosmos DB's data plane knows its own roles alone. Grant a role of "
                "the kind cosmos that holds the action."
            )
        if role.names_on_other_plane(entry.action):
            if isinstance(entry.action, ControlAction):
                return (
                    f"{name} holds the action among its dataActions, and Azure checks it on the control plane. Grant a "
                    "role that holds it among its actions."
                )
            return (
                f"{name}'s actions are the control plane's, and this is a data action. Grant a role that holds it "
                "among its dataActions."
            )
    return None


def on_pod(reason: str) -> str | None:
    """The advice for a pod that never asks for a token, by what the SDK's credential says that it lacks.

    The webhook gives a pod all three arguments, or, where the service account has no client id, all but that.
    """
    _before, found, lacking = reason.partition("Missing required arguments: ")
    if not found:
        return None
    if "token_file_path" in lacking:
        return 'the webhook has left the pod alone: it needs the label azure.workload.identity/use: "true", on the pod.'
    return "the pod's service account needs the annotation azure.workload.identity/client-id."


def _expected_client(entry: Exchange, model: AccessModel) -> str:
    for name, workload in model.workloads.items():
        if workload.subject == entry.subject:
            return f" {workload.serviceAccount} to {client_id(name)}"
    return ""
