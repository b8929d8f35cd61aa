"""The Bicep deployment gives every workload what `infra/access.yaml` says, and nobody anything else."""

import re
from pathlib import Path

import pytest

from tests.infra.access_of_bicep import deployment
from tests.infra.bicep_snapshot import properties, resources, snapshot
from tests.infra.derived import MODEL, PROFILES, Grant, Trust, grants_of_model, subjects_of_model

WORKLOADS = sorted(MODEL["workloads"])
PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"  # Monitoring Metrics Publisher
INSIGHTS = "Microsoft.Insights/components/keyless-insights"
IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
ENTITIES = (
    "Microsoft.KeyVault/vaults/secrets",
    "Microsoft.ServiceBus/namespaces/queues",
    "Microsoft.Storage/storageAccounts/blobServices/containers",
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers",
)


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_workload_may_do_what_the_model_grants_it_and_no_more(profile: str, workload: str) -> None:
    """Each grant is a role assignment at its entity's own scope; telemetry is the one thing beside the model."""
    granted = {grant for grant in deployment(profile).grants if grant.identity == workload}
    telemetry = {Grant(workload, frozenset({PUBLISHER}), INSIGHTS)}
    modelled = {grant for grant in grants_of_model() if grant.identity == workload}
    assert granted - telemetry == modelled


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("profile", PROFILES)
def test_a_workload_is_trusted_from_its_own_service_account(profile: str, workload: str) -> None:
    """Every issuer's credential of an identity names the workload's subject, with Entra's audience."""
    trusts = {trust for trust in deployment(profile).trusts if trust.identity == workload}
    issuers = {trust.issuer for trust in trusts}
    assert trusts == {
        Trust(workload, issuer, subjects_of_model()[workload], "api://AzureADTokenExchange") for issuer in issuers
    }
    assert "aks" in issuers


@pytest.mark.parametrize("profile", PROFILES)
def test_only_the_model_and_the_platform_have_identities(profile: str) -> None:
    """No identity is made that no workload has; the Gateway's comes with a host name."""
    names = {identity["name"] for identity in resources(profile, IDENTITY)}
    gateway = {"gateway"} if profile == "exposed" else set()
    assert names == {f"keyless-{name}" for name in {*WORKLOADS, "control-plane", "kubelet"} | gateway}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_platform_and_the_deployer_hold_what_they_need_and_no_more(profile: str) -> None:
    """The control plane joins subnets and may use the kubelet's identity; the kubelet reads images; the deployer writes
    them and administers the cluster."""
    held = {
        (grant.identity, grant.scope, action)
        for grant in deployment(profile).grants
        if grant.identity in {"control-plane", "kubelet", "deployer"}
        for action in grant.actions
    }
    subnets = "Microsoft.Network/virtualNetworks/keyless-vnet/subnets"
    registry = "Microsoft.ContainerRegistry/registries/keylessa1b2c"
    operator, reader = "f1a07417-d97a-45cb-824c-7a7467783830", "b93aa761-3e63-49ed-ac28-beffa264f7ac"
    writer, cluster_admin = "2a1e307c-b015-4ebd-883e-5b7698a07328", "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b"
    assert held == {
        ("control-plane", f"{subnets}/{subnet}", f"Microsoft.Network/virtualNetworks/subnets/{action}")
        for subnet in ("system", "user")
        for action in ("join/action", "read")
    } | {
        ("control-plane", "Microsoft.ManagedIdentity/userAssignedIdentities/keyless-kubelet", operator),
        ("kubelet", registry, reader),
        ("deployer", registry, writer),
        ("deployer", "Microsoft.ContainerService/managedClusters/keyless-aks", cluster_admin),
    }


@pytest.mark.parametrize("profile", PROFILES)
def test_images_of_another_application_are_out_of_reach(profile: str) -> None:
    """Every role on the registry holds only where the repository's name begins with this application's."""
    on_registry = [grant for grant in deployment(profile).grants if "ContainerRegistry" in grant.scope]
    assert len(on_registry) == 2
    for grant in on_registry:
        assert "repositories:name] StringStartsWithIgnoreCase 'keyless/'" in grant.condition


@pytest.mark.parametrize("profile", PROFILES)
def test_telemetry_is_sent_by_the_application_alone(profile: str) -> None:
    """The workloads of the application's own namespace publish telemetry; KEDA's operator and the Gateway do not."""
    publishers = {grant.identity for grant in deployment(profile).grants if grant.scope == INSIGHTS}
    assert publishers == {"frontend", "backend", "redrive", "repair"}


def test_the_gateway_reads_its_certificate_and_nothing_else() -> None:
    """With a host name there is one more identity, trusted from this cluster alone, for one secret."""
    granted = [grant.scope for grant in deployment("exposed").grants if grant.identity == "gateway"]
    trusted = [(trust.issuer, trust.subject) for trust in deployment("exposed").trusts if trust.identity == "gateway"]
    assert granted == ["keyVault/gateway-certificate"]
    assert trusted == [("aks", "system:serviceaccount:keyless-gateway:gateway")]


def test_further_issuers_are_trusted_for_every_workload() -> None:
    """The two issuers of the exposed deployment are trusted beside the cluster, for each workload of the model."""
    for workload in WORKLOADS:
        issuers = {trust.issuer for trust in deployment("exposed").trusts if trust.identity == workload}
        assert len(issuers) == 3
        assert "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF" in issuers


@pytest.mark.parametrize("profile", PROFILES)
def test_the_entities_are_the_models(profile: str) -> None:
    """Secrets, queues, Cosmos and Blob containers are those of the model, with the properties it gives them."""
    entities = MODEL["entities"]
    names = {kind: [entity["name"].rsplit("/", 1)[1] for entity in resources(profile, kind)] for kind in ENTITIES}
    assert sorted(names["Microsoft.KeyVault/vaults/secrets"]) == sorted(entities["keyVault"])
    assert names["Microsoft.ServiceBus/namespaces/queues"] == list(entities["serviceBus"])
    assert names["Microsoft.Storage/storageAccounts/blobServices/containers"] == list(entities["blob"])
    assert names["Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"] == list(entities["cosmos"])
    queue = properties(profile, "Microsoft.ServiceBus/namespaces/queues")
    assert queue.items() >= entities["serviceBus"]["orders"].items()
    assert queue["requiresDuplicateDetection"] is True
    assert queue["deadLetteringOnMessageExpiration"] is True
    container = properties(profile, "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers")
    assert container["resource"]["partitionKey"]["paths"] == [entities["cosmos"]["orders"]["partitionKey"]]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_outputs_are_the_documented_ones(profile: str) -> None:
    """`infra/README.md` lists the outputs, and the deployment has exactly these."""
    section = Path("infra/README.md").read_text().split("## Outputs")[1].split("None is a secret")[0]
    assert deployment(profile).outputs == set(re.findall(r"`([A-Za-z]+)`", section))


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_client_id_is_the_workloads_own(workload: str) -> None:
    """An output such as `backendClientId` is the client id of that workload's identity, not of a neighbour's."""
    position = re.search(r"clientIds\.value\[(\d+)\]", snapshot("exposed")["outputs"][f"{workload}ClientId"])
    assert position is not None
    platform = {"keyless-control-plane", "keyless-kubelet"}
    workloads = [identity["name"] for identity in resources("exposed", IDENTITY) if identity["name"] not in platform]
    assert workloads[int(position[1])] == f"keyless-{workload}"
