"""What to fix if a service denies an access."""

import time
from collections.abc import Sequence

from localcloud.authorization.audit import AccessEntry
from localcloud.authorization.guard import CONTROL_PLANE, NO_GRANT
from localcloud.authorization.model import AccessModel, covers, principal_id
from localcloud.authorization.roles import ControlAction
from localcloud.cluster.sources import shown
from localcloud.cluster.webhook import CLIENT_ID
from localcloud.operator.advice.knowledge import Knowledge
from localcloud.operator.advice.roles import likeliest_role


class AccessAdvice(Knowledge):
    """The likeliest cause first: a role that is on its way, another service account, a role that counts elsewhere."""

    def on_access(self, entry: AccessEntry) -> str | None:
        """The advice for a denied access."""
        model = self._model
        if entry.reason == CONTROL_PLANE:
            return (
                "no role of the data plane holds this: infrastructure makes and changes databases and containers "
                f"(infra/ on Azure, the entities of {shown(self._access)} here)."
            )
        if entry.reason != NO_GRANT:
            return f"the token was refused: {entry.reason}."
        if entry.workload is None:
            return (
                f"the principal {entry.principal} has no identity any more: its workload is gone from "
                f"{shown(self._access)}, and its access token lives on. Put the workload back if that was a mistake."
            )
        return (
            self._on_pending_role(entry)
            or self._on_other_service_account(entry, model)
            or self._on_other_plane(entry, model)
            or self._on_other_scope(entry, model)
            or self._on_missing_role(entry, model)
        )

    def on_shared_identity(self, workload: str, identity: str) -> str:
        """The advice for a pod that has another workload's identity, which trusts it."""
        account = self._account_of(workload)
        return (
            f"{workload} asks as {identity}, whose identity trusts it, so that each of them may do all that the other "
            f"may. Give {workload} its own again: {self._client_id_of(account)} in the annotation {CLIENT_ID} of "
            f"{account}, and take the credential for {account} away from {self._workload_in_file(identity)}."
        )

    def on_wide_role(self, workload: str, role: str, scope: str, used: Sequence[str]) -> str:
        """The advice for a role that counts on more than the workload uses."""
        return (
            f"grant {role} on {' and on '.join(used)} in place of {scope}: {self._workload_in_file(workload)}. A role "
            "counts on all that is in its scope, also on what comes later."
        )

    def _on_pending_role(self, entry: AccessEntry) -> str | None:
        """The advice if a role that allows it was given a short time ago."""
        model = self._current()
        for pending in self._pending(entry.workload or ""):
            role, scope = pending.grant.role, pending.grant.scope
            if pending.what == "given" and covers(scope, entry.scope) and model.role(role).allows(entry.action):
                return (
                    f"{entry.workload} has the role {role} on {scope}, which was given a short time ago and is not in "
                    f"force before {_time_of_day(pending.until)}. Edit nothing, and wait: Azure needs up to ten "
                    "minutes."
                )
        return None

    def _on_other_service_account(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if the pod has another workload's identity, and the one it should have may do this."""
        meant = self._deployment_of(entry.pod)
        if meant is None or meant == entry.workload or meant not in model.workloads:
            return None
        if not model.allows(principal_id(meant), entry.action, entry.scope):
            return None
        if self._subjects.get(entry.pod or "") == model.workloads[meant].subject:
            return self.on_shared_identity(meant, entry.workload or "")
        field = ("spec", "template", "spec", "serviceAccountName")
        account = model.workloads[meant].serviceAccount
        return (
            f"the pod is {meant}'s and has the identity of {entry.workload}: it runs under the wrong service account. "
            f"That is likelier than a missing role, because {meant} may do this. Correct serviceAccountName to "
            f"{account}{self._place('Deployment', meant, field)}; grant {entry.workload} nothing."
        )

    def _on_other_plane(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if a role that the workload has on the scope names the action, but not where Azure looks."""
        for name, role in model.roles_on(entry.principal or "", entry.scope).items():
            instead = self._grant(entry, model)
            if entry.scope.partition("/")[0] == "cosmos" and role.kind != "cosmos":
                return (
                    f"{name} is a role of Azure's, and Cosmos DB's data plane knows its own roles alone. Grant a role "
                    f"of the kind cosmos that holds the action: {instead}."
                )
            if role.names_on_other_plane(entry.action):
                if isinstance(entry.action, ControlAction):
                    return (
                        f"{name} holds the action among its dataActions, and Azure checks it on the control plane. "
                        f"Grant a role that holds it among its actions: {instead}."
                    )
                return (
                    f"{name}'s actions are the control plane's, and this is a data action: it is not data access. "
                    f"Grant a role that holds it among its dataActions: {instead}."
                )
        return None

    def _on_other_scope(self, entry: AccessEntry, model: AccessModel) -> str | None:
        """The advice if a role of the workload holds the action on a scope that is another workload's business."""
        name = entry.workload or ""
        others = {
            grant.scope for each, workload in model.workloads.items() if each != name for grant in workload.grants
        }
        for grant in model.workloads[name].grants:
            same_service = grant.scope.partition("/")[0] == entry.scope.partition("/")[0]
            moved = (name, grant.role, grant.scope) not in self._first_grants
            unused = grant.scope != entry.scope and (name, grant.scope) not in self._used
            misplaced = unused and (moved or grant.scope in others)
            if same_service and misplaced and model.role(grant.role).allows(entry.action):
                return (
                    f"{name} has the role {grant.role} on {grant.scope}, which it never uses, and the action is on "
                    f"{entry.scope}. A role counts on its own scope alone: correct the scope to {entry.scope} in "
                    f"{self._workload_in_file(name)}."
                )
        return None

    def _on_missing_role(self, entry: AccessEntry, model: AccessModel) -> str:
        return (
            f"nothing grants {entry.action} on {entry.scope} to {entry.workload}, and its pod runs under the right "
            f"service account, so the role is missing: {self._grant(entry, model)}."
        )

    def _grant(self, entry: AccessEntry, model: AccessModel) -> str:
        """What to write into the model. What names a service alone is allowed by a role on any of its entities."""
        role = likeliest_role(entry.action, entry.scope, model) or "one that holds the action"
        entities = (scope for scope in model.entities.scopes() if scope.startswith(f"{entry.scope}/"))
        scope = entry.scope if "/" in entry.scope else next(entities, entry.scope)
        return f"add {{role: {role}, scope: {scope}}} to {self._workload_in_file(entry.workload or '')}"


def _time_of_day(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.gmtime(moment))
