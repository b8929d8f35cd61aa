"""Answers what a SubjectAccessReview answers: whether a service account may use a verb on a resource of the cluster.

The rules are Kubernetes RBAC's (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). A RoleBinding counts in
its namespace alone, and an identity is in none.
"""

from collections.abc import Iterable

from localcloud.cluster.resources import ClusterRole, ClusterRoleBinding, PolicyRule, RoleSubject

API_GROUP = "cid.wi.aks.azure.com"
VERB = "use-managed-identity"
"""https://learn.microsoft.com/azure/aks/identity-bindings: the resource is the identity's client id."""


class ClusterRoles:
    """The ClusterRoles and ClusterRoleBindings of the manifests, as `take` was last told."""

    def __init__(self) -> None:
        self._roles: dict[str, ClusterRole] = {}
        self._bindings: tuple[ClusterRoleBinding, ...] = ()

    def take(self, roles: Iterable[ClusterRole], bindings: Iterable[ClusterRoleBinding]) -> None:
        """Put these in the place of the earlier ones, at once."""
        self._roles = {role.metadata.name: role for role in roles}
        self._bindings = tuple(bindings)

    def may_use(self, namespace: str, service_account: str, client: str) -> bool:
        """Whether the service account may use the managed identity with this client id."""
        return any(
            _is_subject(subject, namespace, service_account)
            for binding in self._bindings
            if binding.role_ref.name in self._roles
            and any(_allows(rule, client) for rule in self._roles[binding.role_ref.name].rules)
            for subject in binding.subjects
        )


def _allows(rule: PolicyRule, client: str) -> bool:
    """Whether the rule allows it. One with `resourceNames` is for objects of these names, and an identity has none."""
    return (
        _covers(rule.api_groups, API_GROUP)
        and _covers(rule.resources, client)
        and _covers(rule.verbs, VERB)
        and (not rule.resource_names or "" in rule.resource_names)
    )


def _covers(written: tuple[str, ...], asked: str) -> bool:
    return "*" in written or asked in written


def _is_subject(subject: RoleSubject, namespace: str, service_account: str) -> bool:
    match subject.kind:
        case "ServiceAccount":
            return (subject.namespace, subject.name) == (namespace, service_account)
        case "User":
            return subject.name == f"system:serviceaccount:{namespace}:{service_account}"
        case "Group":
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
            return subject.name in groups
