"""checkov over what Bicep deploys. Every exception has its reason here, and an exception that is not needed fails too.

checkov reads Bicep's older syntax only, so it is given the committed snapshots as flat templates, one a profile:
modules, loops and conditions evaluated.
"""

import json
from pathlib import Path

import pytest

from tests.check.checkov import failed, reports
from tests.infra.bicep_snapshot import snapshot

BY_DESIGN = {
    "CKV_AZURE_4": "The add-on collects containers' logs. The audit trail comes from a diagnostic setting instead.",
    "CKV_AZURE_6": "learn: the API server takes Entra tokens only. production: it has no public address.",
    "CKV_AZURE_8": "Kubernetes 1.36 has no dashboard add-on that could be disabled.",
    "CKV_AZURE_36": "Microsoft's trusted services have no business with receipts, so they do not pass the firewall.",
    "CKV_AZURE_41": "A signing key that expires by the clock stops the service. A rotation replaces it instead.",
    "CKV_AZURE_99": "It wants a virtual-network rule. learn lets one address in, production a private endpoint only.",
    "CKV_AZURE_166": "Quarantine needs a scanner that releases images. The registry holds what was built here.",
    "CKV_AZURE_172": "It expects a boolean, and Azure takes a string. If there is the add-on, rotation is on.",
    "CKV_AZURE_206": "It wants a second region. Receipts are kept in one region, in production in three zones of it.",
    "CKV_AZURE_227": "Encryption at the host is a feature that a subscription has to register before the deployment.",
}
LEARN = {
    "CKV_AZURE_42": "A learner destroys the vault and starts afresh, which purge protection forbids for good.",
    "CKV_AZURE_59": "Public, and its firewall lets in the pods' subnet only.",
    "CKV_AZURE_101": "Public, and its firewall lets in the cluster's egress address only.",
    "CKV_AZURE_110": "As CKV_AZURE_42.",
    "CKV_AZURE_139": "A private registry takes the Premium tier.",
    "CKV_AZURE_163": "Scanning belongs to Defender for Containers, a plan that is bought for the subscription.",
    "CKV_AZURE_233": "Zone redundancy takes the Premium tier.",
}
EXPECTED = {"learn": {*BY_DESIGN, *LEARN}, "production": set(BY_DESIGN), "exposed": set(BY_DESIGN)}


@pytest.mark.parametrize("profile", EXPECTED)
def test_checkov_finds_the_justified_exceptions_and_nothing_else(profile: str, tmp_path: Path) -> None:
    """Every failed check is listed above with its reason, and every reason still has its failed check."""
    template = tmp_path / f"{profile}.json"
    template.write_text(
        json.dumps(
            {
                "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                "contentVersion": "1.0.0.0",
                "resources": snapshot(profile)["predictedResources"],
            },
            indent=2,
        )
    )
    report = reports("--file", template, "--framework", "arm")["arm"]
    assert report["summary"]["passed"] > 20
    assert failed(report) == EXPECTED[profile]
