"""Which ClusterRoles let a service account use an identity: Kubernetes' own answers, without a Kubernetes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.bindings import account, bound_to, cluster_role
from localcloud.cluster.bindings.cluster_roles import ClusterRoles

CLIENT = "9d717510-5646-5b80-bc80-1d4ab6bcf12d"
CASES = yaml.safe_load((Path(__file__).parent / "cluster_roles.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_rbac_is_kubernetes_own(case: dict[str, Any]) -> None:
    """Groups, users, wildcards, names and letters count as they do for the API server, which was asked the same."""
    roles = ClusterRoles()
    role = cluster_role("role", CLIENT, **case.get("rule", {}))
    binding = bound_to(case.get("role", "role"), *case.get("subjects", [account("frontend", "keyless")]))
    roles.take([role], [binding])
    assert roles.may_use("keyless", "frontend", CLIENT) is case["allowed"]


def test_what_is_taken_later_takes_the_place_of_the_earlier() -> None:
    """A ClusterRole and a ClusterRoleBinding that the manifests no longer have count no more."""
    roles = ClusterRoles()
    roles.take([cluster_role("role", CLIENT)], [bound_to("role", account("frontend", "keyless"))])
    assert roles.may_use("keyless", "frontend", CLIENT)
    roles.take([cluster_role("role", CLIENT)], [])
    assert not roles.may_use("keyless", "frontend", CLIENT)
