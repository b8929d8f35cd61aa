"""The local cloud's verdict on an identity's use is the real API server's, on the same ClusterRoles."""

import re
import time
import uuid
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from localcloud.cluster.bindings.cluster_roles import API_GROUP, VERB, ClusterRoles
from localcloud.cluster.manifest import read

from tests.cluster.api_server import ApiServer
from tests.infra.manifests import Object, of_kind, outputs, rendered

SHAPES = yaml.safe_load(Path("localcloud/tests/bindings/cluster_roles.yaml").read_text())
CLIENT = "9d717510-5646-5b80-bc80-1d4ab6bcf12d"
UNKNOWN = "11111111-2222-3333-4444-555555555555"
FRONTEND = {"kind": "ServiceAccount", "namespace": "keyless", "name": "frontend"}


def allowed_by(api: ApiServer, namespace: str, service_account: str, client: str) -> bool:
    """The answer of a SubjectAccessReview: what the token proxy of AKS is documented to ask for."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{service_account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {"group": API_GROUP, "verb": VERB, "resource": client},
        },
    }
    made = api.kubectl("create", "--filename=-", "--output=jsonpath={.status.allowed}", given=review)
    assert made.returncode == 0, made.stderr
    return made.stdout == "true"


def locally(objects: list[Object]) -> ClusterRoles:
    """The local cluster's roles for the same manifests."""
    manifests, roles = read(objects), ClusterRoles()
    roles.take(manifests.cluster_roles.values(), manifests.cluster_role_bindings.values())
    return roles


@pytest.fixture
def applied(api: ApiServer) -> Iterator[Any]:
    """Applies objects, waits until the authorizer knows them, and takes the ClusterRoles away after the test."""
    names: list[str] = []

    def apply(objects: list[Object]) -> None:
        """A last role, for a service account of its own, shows that the authorizer has read them all."""
        marker = {"kind": "ServiceAccount", "namespace": "keyless", "name": f"marker-{uuid.uuid4().hex[:8]}"}
        everything = [*objects, *role(marker["name"], {}, [marker], bound=marker["name"])]
        made = api.apply(everything)
        assert made.returncode == 0, made.stderr
        names.extend(f"{item['kind']}/{item['metadata']['name']}" for item in everything)
        while not allowed_by(api, "keyless", marker["name"], CLIENT):
            time.sleep(0.05)

    yield apply
    api.kubectl("delete", "--ignore-not-found", *(name for name in names if name.startswith("ClusterRole")))


def role(name: str, rule: Object, subjects: list[Object], bound: str) -> list[Object]:
    """A ClusterRole for the frontend's identity, but for what `rule` says, and a binding of the ClusterRole `bound`."""
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
    whole = {"apiGroups": [API_GROUP], "resources": [CLIENT], "verbs": [VERB]} | rule
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": bound}
    return [
        rbac | {"kind": "ClusterRole", "rules": [whole]},
        rbac | {"kind": "ClusterRoleBinding", "roleRef": reference, "subjects": subjects},
    ]


@pytest.mark.parametrize("overlay", ["local-bindings", "aks-bindings"])
def test_the_local_verdict_is_the_api_servers(api: ApiServer, applied: Any, overlay: str) -> None:
    """For every service account and every client id: each may use its own identity, and no other."""
    accounts = [item["metadata"] for item in of_kind(overlay, "ServiceAccount")]
    clients = {name: value for name, value in outputs(overlay).items() if name.endswith("ClientId")} | {"no": UNKNOWN}
    objects = [item for item in rendered(overlay) if item["kind"] in ("Namespace", "ClusterRole", "ClusterRoleBinding")]
    applied(objects)
    roles = locally(objects)
    verdicts = {
        (account["name"], name): allowed_by(api, account["namespace"], account["name"], client)
        for account, (name, client) in product(accounts, clients.items())
    }
    assert verdicts == {
        (account["name"], name): roles.may_use(account["namespace"], account["name"], client)
        for account, (name, client) in product(accounts, clients.items())
    }
    assert {pair for pair, allowed in verdicts.items() if allowed} == {
        (account["name"], f"{account['name']}ClientId") for account in accounts
    }


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape["case"])
def test_every_shape_of_a_rule_is_judged_alike(api: ApiServer, applied: Any, shape: dict[str, Any]) -> None:
    """Wildcards, groups, names and letters: what the local cloud's own tests expect is the API server's answer."""
    name = "shape-" + re.sub(r"[^a-z]+", "-", shape["case"].lower())
    subjects = shape.get("subjects", [FRONTEND])
    applied(role(name, shape.get("rule", {}), subjects, bound=shape.get("role", name)))
    assert allowed_by(api, "keyless", "frontend", CLIENT) is shape["allowed"]


def test_a_role_of_a_namespace_does_not_count(api: ApiServer, applied: Any) -> None:
    """A RoleBinding of the same ClusterRole gives nothing: an identity is in no namespace."""
    cluster_role, binding = role("in-a-namespace", {}, [FRONTEND], bound="in-a-namespace")
    in_namespace = binding | {"kind": "RoleBinding", "metadata": {"name": "in-a-namespace", "namespace": "keyless"}}
    objects = [*of_kind("local", "Namespace"), cluster_role, in_namespace]
    applied(objects)
    assert not allowed_by(api, "keyless", "frontend", CLIENT)
    assert not locally(objects).may_use("keyless", "frontend", CLIENT)
