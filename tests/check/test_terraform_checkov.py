"""checkov over what Terraform plans. Every exception has its reason here, and an unneeded exception fails too.

checkov reads the plans' JSON, one a profile: modules, loops and conditions evaluated.
"""

from pathlib import Path

import pytest

from tests.check.checkov import failed, reports
from tests.infra.terraform import snapshot
from tests.infra.terraform.cli import Terraform

BY_DESIGN = {
    "CKV_AZURE_4": "The add-on collects containers' logs. The audit trail comes from a diagnostic setting instead.",
    "CKV_AZURE_33": "Nothing uses the account's queue service, and no key or role opens it.",
    "CKV_AZURE_36": "Microsoft's trusted services have no business with receipts, so they do not pass the firewall.",
    "CKV_AZURE_100": "Microsoft's keys encrypt the data. A key of one's own brings a dependency and no secret less.",
    "CKV_AZURE_116": "The policies here limit who is trusted. Pods are held to the rules by tests on the manifests.",
    "CKV_AZURE_117": "As CKV_AZURE_100: nodes' disks are ephemeral besides.",
    "CKV_AZURE_140": "Local authentication is off; the check knows only the argument's name before azurerm 5.",
    "CKV_AZURE_164": "Docker Content Trust, which the check means, is retired.",
    "CKV_AZURE_166": "Quarantine needs a scanner that releases images. The registry holds what was built here.",
    "CKV_AZURE_172": "Without a host name there is no Key Vault add-on. With one its rotation is on (`exposed`).",
    "CKV_AZURE_199": "As CKV_AZURE_100.",
    "CKV_AZURE_201": "As CKV_AZURE_100.",
    "CKV_AZURE_202": "The namespace calls no other service, so it needs no identity.",
    "CKV_AZURE_206": "It wants a second region. Receipts are kept in one region, in production in three zones of it.",
    "CKV_AZURE_227": "Encryption at the host is a feature that each subscription has to register beforehand.",
    "CKV_AZURE_237": "Images are pulled through the private endpoint, which has an address for data of its own.",
    "CKV2_AZURE_1": "As CKV_AZURE_100.",
    "CKV2_AZURE_21": "Reads are logged, by the setting on the Blob service; the check looks for another resource.",
    "CKV2_AZURE_31": "AKS keeps a network security group on its nodes; one on the subnet would repeat its rules.",
    "CKV2_AZURE_32": "Production has the endpoint, which the check cannot follow from module to module.",
    "CKV2_AZURE_33": "As CKV2_AZURE_32.",
}
LEARN = {
    "CKV_AZURE_6": "The API server takes Entra tokens only.",
    "CKV_AZURE_42": "A learner destroys the vault and starts afresh, which purge protection forbids for good.",
    "CKV_AZURE_59": "Public, and its firewall lets in the pods' subnet only.",
    "CKV_AZURE_99": "It wants a virtual-network rule. The firewall lets the cluster's egress address in instead.",
    "CKV_AZURE_101": "Public, and its firewall lets in the cluster's egress address only.",
    "CKV_AZURE_110": "As CKV_AZURE_42.",
    "CKV_AZURE_115": "A learner reaches the API server from a laptop.",
    "CKV_AZURE_139": "A private registry takes the Premium tier.",
    "CKV_AZURE_163": "Scanning belongs to Defender for Containers, a plan that is bought for the subscription.",
    "CKV_AZURE_165": "Replicas take the Premium tier, and there is one region.",
    "CKV_AZURE_170": "The free tier is what a learner pays for.",
    "CKV_AZURE_204": "Public, and its firewall lets in the cluster's egress address only.",
    "CKV_AZURE_233": "Zone redundancy takes the Premium tier.",
}
EXPECTED = {
    "learn": {*BY_DESIGN, *LEARN},
    "production": set(BY_DESIGN),
    "exposed": set(BY_DESIGN) - {"CKV_AZURE_172"},
}


@pytest.mark.parametrize("profile", EXPECTED)
def test_checkov_finds_the_justified_exceptions_and_nothing_else(profile: str, terraform: Terraform) -> None:
    """Every failed check is listed above with its reason, and every reason still has its failed check."""
    report = reports("--file", _plan(terraform, profile), "--framework", "terraform_plan")["terraform_plan"]
    assert report["summary"]["passed"] > 30
    assert failed(report) == EXPECTED[profile]


def _plan(terraform: Terraform, profile: str) -> Path:
    terraform.succeed("plan", "-out=plan.bin", *snapshot.inputs(profile), variables=snapshot.given("managed"))
    plan = terraform.folder / "plan.json"
    plan.write_text(terraform.succeed("show", "-json", "plan.bin"))
    return plan
