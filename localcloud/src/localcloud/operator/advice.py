"""Advice on a refusal: what to correct, and in which file. One sentence for each refusal that a learner can cause."""

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.guard import CONTROL_PLANE, NO_GRANT
from localcloud.authorization.model import AccessModel, client_id
from localcloud.authorization.roles import ControlAction
from localcloud.authorization.workload import EXCHANGE_AUDIENCE


def on_exchange(entry: ExchangeEntry, model: AccessModel, issuer: str) -> str | None:
    """Return the advice for a refused token exchange, `None` for a code that needs none."""
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


def on_access(entry: AccessEntry, model: AccessModel) -> str | None:
    """Return the advice for a denied access."""
    if entry.reason == NO_GRANT:
        return _on_other_plane(entry, model) or (
            f"nothing grants {entry.action} on {entry.scope} to {entry.workload or entry.principal}. If it should, add "
            "a role that holds it to the workload in the access model."
        )
    if entry.reason == CONTROL_PLANE:
        return "no grant of the data plane holds this: the deployment makes and changes databases and containers."
    return f"the token was refused: {entry.reason}."


def _on_other_plane(entry: AccessEntry, model: AccessModel) -> str | None:
    """Return the advice if a role of the workload names the action on the plane that Azure does not look at."""
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
    """Return the advice for a pod that never asks for a token. `reason` names the arguments its credential misses.

    The webhook gives a pod all three arguments. If the service account has no client id, it gives the other two.
    """
    _before, found, missing = reason.partition("Missing required arguments: ")
    if not found:
        return None
    if "token_file_path" in missing:
        return 'the webhook has left the pod alone: it needs the label azure.workload.identity/use: "true", on the pod.'
    return "the pod's service account needs the annotation azure.workload.identity/client-id."


def _expected_client(entry: ExchangeEntry, model: AccessModel) -> str:
    for name, workload in model.workloads.items():
        if workload.subject == entry.subject:
            return f" {workload.serviceAccount} to {client_id(name)}"
    return ""
