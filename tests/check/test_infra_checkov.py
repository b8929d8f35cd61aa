"""checkov over what each language deploys. Every exception has its reason here, and an unneeded exception fails too.

checkov reads Bicep's older syntax only, so it gets the committed snapshots as flat templates. For Terraform it gets the
plans as JSON. In both, modules, loops and conditions are evaluated.
"""

import json
from pathlib import Path

import pytest

from tests.check.checkov import failed, reports
from tests.infra import bicep_snapshot
from tests.infra.derived import PROFILES
from tests.infra.terraform import snapshot
from tests.infra.terraform.cli import Terraform

BOTH = {
    "CKV_AZURE_36": "Microsoft's trusted services have no business with receipts, so they do not pass the firewall.",
    "CKV_AZURE_166": "Quarantine needs a scanner that releases images. The registry holds what was built here.",
    "CKV_AZURE_206": "It wants a second region. Receipts are kept in one region, in production in three zones of it.",
    "CKV_AZURE_227": "Encryption at the host is a feature that a subscription has to register before the deployment.",
}
BOTH_IN_LEARN = {
    "CKV_AZURE_42": "A learner destroys the vault and starts afresh, which purge protection forbids for good.",
    "CKV_AZURE_59": "Public, and its firewall lets in the pods' subnet only.",
    "CKV_AZURE_101": "Public, and its firewall lets in the cluster's egress address only.",
    "CKV_AZURE_110": "As CKV_AZURE_42.",
    "CKV_AZURE_139": "A private registry takes the Premium tier.",
    "CKV_AZURE_163": "Scanning belongs to Defender for Containers, a plan that is bought for the subscription.",
    "CKV_AZURE_233": "Zone redundancy takes the Premium tier.",
}
BICEP = {
    "CKV_AZURE_6": "learn: the API server takes Entra tokens only. production: it has no public address.",
    "CKV_AZURE_8": "Kubernetes 1.37 has no dashboard add-on that could be disabled.",
    "CKV_AZURE_41": "A signing key that expires by the clock stops the service. A rotation replaces it instead.",
    "CKV_AZURE_99": "It wants a virtual-network rule. learn lets one address in, production a private endpoint only.",
    "CKV_AZURE_172": "It expects a boolean, and Azure takes a string. If there is the add-on, rotation is on.",
}
TERRAFORM = {
    "CKV_AZURE_4": "The add-on is on. The check wants the id of its workspace, which a plan does not know yet.",
    "CKV_AZURE_33": "Nothing uses the account's queue service, and no key or role opens it.",
    "CKV_AZURE_100": "Microsoft's keys encrypt the data. A key of one's own brings a dependency and no secret less.",
    "CKV_AZURE_116": "The policies here limit who is trusted. Pods are held to the rules by tests on the manifests.",
    "CKV_AZURE_117": "As CKV_AZURE_100: nodes' disks are ephemeral besides.",
    "CKV_AZURE_140": "Local authentication is off; the check knows only the argument's name before azurerm 5.",
    "CKV_AZURE_164": "Docker Content Trust, which the check means, is retired.",
    "CKV_AZURE_172": "Without a host name there is no Key Vault add-on. With one its rotation is on (`exposed`).",
    "CKV_AZURE_199": "As CKV_AZURE_100.",
    "CKV_AZURE_201": "As CKV_AZURE_100.",
    "CKV_AZURE_202": "The namespace calls no other service, so it needs no identity.",
    "CKV_AZURE_237": "Images are pulled through the private endpoint, which has an address for data of its own.",
    "CKV2_AZURE_1": "As CKV_AZURE_100.",
    "CKV2_AZURE_21": "Reads are logged, by the setting on the Blob service; the check looks for another resource.",
    "CKV2_AZURE_31": "AKS keeps a network security group on its nodes; one on the subnet would repeat its rules.",
    "CKV2_AZURE_32": "Production has the endpoint, which the check cannot follow from module to module.",
    "CKV2_AZURE_33": "As CKV2_AZURE_32.",
}
TERRAFORM_IN_LEARN = {
    "CKV_AZURE_6": "The API server takes Entra tokens only.",
    "CKV_AZURE_99": "It wants a virtual-network rule. The firewall lets the cluster's egress address in instead.",
    "CKV_AZURE_115": "A learner reaches the API server from a laptop.",
    "CKV_AZURE_165": "Replicas take the Premium tier, and there is one region.",
    "CKV_AZURE_170": "The free tier is what a learner pays for.",
    "CKV_AZURE_204": "Public, and its firewall lets in the cluster's egress address only.",
}


@pytest.mark.parametrize("profile", PROFILES)
def test_checkov_finds_the_justified_exceptions_in_bicep_and_nothing_else(profile: str, tmp_path: Path) -> None:
    """Every failed check is listed above with its reason, and every reason still has its failed check."""
    template = tmp_path / f"{profile}.json"
    template.write_text(
        json.dumps(
            {
                "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                "contentVersion": "1.0.0.0",
                "resources": bicep_snapshot.snapshot(profile)["predictedResources"],
            },
            indent=2,
        )
    )
    report = reports("--file", template, "--framework", "arm")["arm"]
    assert report["summary"]["passed"] > 20
    assert failed(report) == {*BOTH, *BICEP, *(BOTH_IN_LEARN if profile == "learn" else ())}


@pytest.mark.parametrize("profile", PROFILES)
def test_checkov_finds_the_justified_exceptions_in_terraform_and_nothing_else(
    profile: str, terraform: Terraform
) -> None:
    """The same for Terraform."""
    terraform.succeed("plan", "-out=plan.bin", *snapshot.inputs(profile), variables=snapshot.given("managed"))
    plan = terraform.folder / "plan.json"
    plan.write_text(terraform.succeed("show", "-json", "plan.bin"))
    report = reports("--file", plan, "--framework", "terraform_plan")["terraform_plan"]
    assert report["summary"]["passed"] > 30
    expected = {*BOTH, *TERRAFORM, *((*BOTH_IN_LEARN, *TERRAFORM_IN_LEARN) if profile == "learn" else ())}
    assert failed(report) == expected - ({"CKV_AZURE_172"} if profile == "exposed" else set())
