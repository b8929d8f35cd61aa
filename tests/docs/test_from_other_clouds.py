"""The mappings of from-eks and from-aad-pod-identity name what the webhook and the services here use."""

import re

from localcloud.cluster import webhook

from tests.docs.pages import ROOT

FROM_EKS = (ROOT / "docs/from-eks.md").read_text()
FROM_AAD_POD_IDENTITY = (ROOT / "docs/from-aad-pod-identity.md").read_text()
APPLIED = (ROOT / "localcloud/src/localcloud/cluster/webhook.py").read_text()
"""The webhook's mutation, as the tests compare it with the real one."""


def test_from_eks_begins_with_what_is_what() -> None:
    """The first table sets each part of IRSA and Pod Identity beside its counterpart, and names what has none."""
    first_heading, table = FROM_EKS.partition("\n## ")[2].partition("\n")[::2]
    rows = [row[2:-2].split(" | ") for row in table.partition("\n## ")[0].splitlines() if row.startswith("| ")]
    told = {eks: azure for eks, azure, *_ in rows}
    assert first_heading == "What is what"
    assert "`azure.workload.identity/client-id`" in told["the annotation `eks.amazonaws.com/role-arn`"]
    assert told["`AWS_WEB_IDENTITY_TOKEN_FILE`"] == "`AZURE_FEDERATED_TOKEN_FILE`"
    assert f'`{webhook.LABEL}: "true"`' in told["nothing"]
    words = " ".join(f"{eks} {azure}" for eks, azure in told.items())
    pairs = (
        "trust policy",
        "federated credential",
        "IAM policy",
        "role assignment",
        "EKS Pod Identity",
        "identity bindings",
    )
    assert [word for word in pairs if word not in words] == []


def test_what_the_mappings_name_is_what_the_webhook_applies() -> None:
    """Labels, annotations, variables and the audience are spelt as in the pods."""
    for page in (FROM_EKS, FROM_AAD_POD_IDENTITY):
        named = set(re.findall(r"azure\.workload\.identity/[a-z-]+|\bAZURE_[A-Z_]+|api://\w+", page))
        assert len(named) > 3
        assert [name for name in named if name not in APPLIED] == []
