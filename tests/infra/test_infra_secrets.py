"""No secret's value is in what a language says it deploys, nor in an output."""

import re

import pytest

from tests.infra import bicep_snapshot
from tests.infra.deployments import every_profile
from tests.infra.derived import MODEL
from tests.infra.terraform_snapshot import Snapshot


@every_profile
def test_bicep_passes_secrets_on_by_name(profile: str) -> None:
    """A secret's value stays a parameter's name, and no output names one of these parameters."""
    secrets = bicep_snapshot.resources(profile, "Microsoft.KeyVault/vaults/secrets")
    assert {secret["properties"]["value"] for secret in secrets} == {
        "[parameters('frontendSigningKey')]",
        "[parameters('receiptPublicKey')]",
        "[parameters('receiptSigningKey')]",
    }
    assert "made-up value" not in (bicep_snapshot.SNAPSHOTS / f"{profile}.snapshot.json").read_text()
    outputs = " ".join(bicep_snapshot.snapshot(profile)["outputs"].values())
    assert not re.search(r"SigningKey|PublicKey|listKeys|listSecrets", outputs)


@pytest.mark.parametrize("identity_kind", ["managed", "application"])
@every_profile
def test_terraform_keeps_no_secret(profile: str, identity_kind: str) -> None:
    """The three secrets are resources without a value."""
    snapshot = Snapshot(profile, identity_kind)
    secrets = {secret["id"].rsplit("/", 1)[1]: secret for secret in snapshot.of("azapi_resource_action")}
    assert secrets.keys() == MODEL["entities"]["keyVault"].keys()
    assert all(secret["body"]["properties"].keys() == {"contentType"} for secret in secrets.values())
    assert "made-up" not in snapshot.text
