"""What the operator does to Azure while it runs: late roles, deleted secrets, killed pods."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from harness.clusters import WEB, until, variant
from harness.clusters import running as running_cluster
from harness.programs import running
from localcloud.testing import RunningCloud

ROLE, SCOPE, TEN_MINUTES = "Key Vault Secrets User", "keyVault/alpha", 600.0
Credential = Callable[[str], WorkloadIdentityCredential]


@pytest.fixture
def late(cloud: RunningCloud) -> Iterator[RunningCloud]:
    """Roles count ten minutes late; afterwards nothing is late, and the clock is right."""
    cloud.set_secret("alpha", "open sesame")
    cloud.cloud.roles.seconds = TEN_MINUTES
    yield cloud
    cloud.restore()
    cloud.cloud.roles.seconds = cloud.cloud.clock.ahead = 0.0


def test_a_role_that_was_given_counts_when_azure_notices_it(late: RunningCloud, credential: Credential) -> None:
    """Until then Key Vault refuses with the sentence that asks to observe propagation time."""
    vault = SecretClient(late.vault_url, credential("nobody"))
    late.grant("nobody", ROLE, SCOPE)
    with pytest.raises(HttpResponseError, match="observe propagation time") as refused:
        vault.get_secret("alpha")
    assert refused.value.status_code == 403
    late.cloud.clock.ahead = TEN_MINUTES
    assert vault.get_secret("alpha").value == "open sesame"


def test_a_role_that_was_taken_away_allows_until_azure_notices_it(late: RunningCloud, credential: Credential) -> None:
    """No new token ends that sooner: what is cached is the service's verdict."""
    late.cloud.roles.seconds = 0.0
    late.grant("nobody", ROLE, SCOPE)
    vault = SecretClient(late.vault_url, credential("nobody"))
    assert vault.get_secret("alpha").value == "open sesame"
    late.cloud.roles.seconds = TEN_MINUTES
    late.revoke("nobody", ROLE, SCOPE)
    assert vault.get_secret("alpha").value == "open sesame"
    late.cloud.clock.ahead = TEN_MINUTES
    with pytest.raises(HttpResponseError, match="ForbiddenByRbac"):
        vault.get_secret("alpha")


def test_ending_the_delay_lets_all_changes_count(late: RunningCloud, credential: Credential) -> None:
    """As `localcloud propagation 0` does, without a wait."""
    late.grant("nobody", ROLE, SCOPE)
    late.cloud.roles.seconds = 0.0
    assert SecretClient(late.vault_url, credential("nobody")).get_secret("alpha").value == "open sesame"


def test_the_operator_deletes_recovers_and_purges_a_secret(azurite: Path) -> None:
    """Each verb does it once and refuses it the second time, in a sentence; a deleted secret's name can't be used."""
    with tempfile.TemporaryDirectory(prefix="secrets-") as folder, running(Path(folder), azurite) as process:

        def localcloud(*arguments: str, said: str = "") -> str:
            command = [sys.executable, "-m", "localcloud", *arguments, "--state", folder]
            run = subprocess.run(command, input=said, capture_output=True, text=True, timeout=30, check=False)
            return run.stdout + run.stderr

        steps = [
            (("delete-secret", "alpha"), "there is no secret alpha"),
            (("secret", "alpha"), ""),
            (("delete-secret", "alpha"), ""),
            (("delete-secret", "alpha"), "there is no secret alpha"),
            (("secret", "alpha"), "Recover or purge it first"),
            (("recover-secret", "alpha"), ""),
            (("recover-secret", "alpha"), "there is no deleted secret alpha"),
            (("purge-secret", "alpha"), "there is no deleted secret alpha"),
            (("delete-secret", "alpha"), ""),
            (("purge-secret", "alpha"), ""),
            (("recover-secret", "alpha"), "there is no deleted secret alpha"),
            (("propagation", "600"), ""),
            (("faults",), "a role that is given or taken counts after 600 seconds"),
            (("propagation", "-1"), "greater than or equal to 0"),
            (("kill", "web-1"), "this local cloud has no cluster"),
        ]
        for number, (arguments, expected) in enumerate(steps):
            said = localcloud(*arguments, said="open sesame")
            assert (expected in said) if expected else ("localcloud:" not in said), (number, arguments, said)
        process.terminate()
        process.communicate(timeout=30)


async def test_a_killed_container_begins_anew_in_the_same_pod(tmp_path: Path) -> None:
    """It keeps its pod's name and its projected token, and is ready again; another name is refused."""
    async with running_cluster(tmp_path) as local:
        before = local.pod()
        tokens = (await local.environment())["AZURE_FEDERATED_TOKEN_FILE"]
        written = await asyncio.to_thread(Path(tokens).read_text)
        local.cluster.kill(before.name)
        await until(lambda: local.pod().restarts == 1 and local.pod().ready)
        assert (local.pod().name, await asyncio.to_thread(Path(tokens).read_text)) == (before.name, written)
        with pytest.raises(KeyError):
            local.cluster.kill("web-of-another-time")


async def test_a_cluster_goes_over_to_another_overlay_and_back(tmp_path: Path) -> None:
    """Only what differs gets new pods, and what is refused of it is told of the workload that it names."""
    path = "/spec/template/metadata/labels/azure.workload.identity~1use"
    broken = variant(tmp_path / "broken", [{"op": "add", "path": path, "value": True}])
    async with running_cluster(tmp_path / "state") as local:
        before = local.pod().name
        local.cluster.follow(broken)
        await until(lambda: bool(local.cluster.refusal_of("Deployment", "web")))
        assert 'write "true", with the quotes' in local.cluster.refusal_of("Deployment", "web")
        local.cluster.follow(WEB)
        await until(lambda: not local.cluster.refusal_of("Deployment", "web"))
        assert local.pod().name == before
