"""Both languages give every workload what `infra/access.yaml` says, and no other principal anything."""

import re
from pathlib import Path

import pytest

from tests.infra.deployments import deployment, every_language, every_profile
from tests.infra.derived import MODEL, Policy, Trust, grants_of_model, subjects_of_model

pytestmark = every_language

WORKLOADS = sorted(MODEL["workloads"])
AKS_ISSUERS, KNOWN_ISSUERS = "ae62c456-33de-4dc8-b100-7ce9028a7d99", "2571b7c3-3056-4a61-b00a-9bc5232234f5"
EKS = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
OTHER_CLUSTER = "00000000-0000-0000-0000-0000000000b1"


@pytest.mark.parametrize("workload", WORKLOADS)
@every_profile
def test_a_workload_may_do_what_the_model_grants_it_and_no_more(language: str, profile: str, workload: str) -> None:
    """Each grant is a role assignment at its entity's own scope, and there is nothing beside the model."""
    granted = {grant for grant in deployment(language, profile).grants if grant.identity == workload}
    modelled = {grant for grant in grants_of_model() if grant.identity == workload}
    assert granted == modelled


@pytest.mark.parametrize("workload", WORKLOADS)
@every_profile
def test_a_workload_is_trusted_from_its_own_service_account(language: str, profile: str, workload: str) -> None:
    """Every issuer's credential of an identity names the workload's subject, with Entra's audience."""
    trusts = {trust for trust in deployment(language, profile).trusts if trust.identity == workload}
    issuers = {trust.issuer for trust in trusts}
    assert trusts == {
        Trust(workload, issuer, subjects_of_model()[workload], "api://AzureADTokenExchange") for issuer in issuers
    }
    assert "aks" in issuers


@every_profile
def test_only_the_model_and_the_platform_have_identities(language: str, profile: str) -> None:
    """Each identity belongs to a workload or to the platform; the Gateway's comes with a host name."""
    gateway = {"gateway"} if profile == "exposed" else set()
    assert deployment(language, profile).identities == {*WORKLOADS, "control-plane", "kubelet"} | gateway


@every_profile
def test_the_platform_and_the_deployer_hold_what_they_need_and_no_more(language: str, profile: str) -> None:
    """The control plane joins subnets and may use the kubelet's identity; the kubelet reads images; the deployer writes
    them and administers the cluster."""
    held = {
        (grant.identity, grant.scope, action)
        for grant in deployment(language, profile).grants
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


@every_profile
def test_images_of_another_application_are_out_of_reach(language: str, profile: str) -> None:
    """Every role on the registry has a condition: the repository's name begins with this application's."""
    on_registry = [grant for grant in deployment(language, profile).grants if "ContainerRegistry" in grant.scope]
    assert {grant.identity for grant in on_registry} == {"kubelet", "deployer"}
    for grant in on_registry:
        assert "repositories:name] StringStartsWithIgnoreCase 'keyless/'" in grant.condition


def test_the_gateway_reads_its_certificate_and_nothing_else(language: str) -> None:
    """With a host name there is one more identity. It trusts this cluster alone, and reads one secret."""
    exposed = deployment(language, "exposed")
    granted = [grant.scope for grant in exposed.grants if grant.identity == "gateway"]
    trusted = [(trust.issuer, trust.subject) for trust in exposed.trusts if trust.identity == "gateway"]
    assert granted == ["keyVault/gateway-certificate"]
    assert trusted == [("aks", "system:serviceaccount:keyless-gateway:gateway")]


@pytest.mark.parametrize("workload", WORKLOADS)
def test_further_issuers_are_trusted_for_every_workload(language: str, workload: str) -> None:
    """The two issuers of the exposed deployment are trusted beside the cluster."""
    issuers = {trust.issuer for trust in deployment(language, "exposed").trusts if trust.identity == workload}
    assert issuers >= {"aks", EKS}
    assert len(issuers) == 3


@every_profile
def test_only_listed_issuers_may_be_trusted(language: str, profile: str) -> None:
    """Both policies deny; the listed issuers are their only exceptions, each in the policy that would refuse it."""
    listed = profile == "exposed"
    assert deployment(language, profile).policies == {
        AKS_ISSUERS: Policy("Deny", frozenset({OTHER_CLUSTER} if listed else set())),
        KNOWN_ISSUERS: Policy("Deny", frozenset({EKS} if listed else set())),
    }


@every_profile
def test_the_entities_are_the_models(language: str, profile: str) -> None:
    """Secrets, queues and containers are those of the model, with its properties. A queue drops a repeated message and
    keeps an expired one as a dead letter."""
    entities = {service: dict(held) for service, held in MODEL["entities"].items()}
    kept = {"requiresDuplicateDetection": True, "deadLetteringOnMessageExpiration": True}
    entities["serviceBus"] = {name: queue | kept for name, queue in entities["serviceBus"].items()}
    assert deployment(language, profile).entities == entities


@every_profile
def test_the_outputs_are_the_documented_ones(language: str, profile: str) -> None:
    """`infra/README.md` lists the outputs, and the deployment has exactly these."""
    section = Path("infra/README.md").read_text().split("## Outputs")[1].split("None is a secret")[0]
    assert deployment(language, profile).outputs == set(re.findall(r"`([A-Za-z]+)`", section))


def test_a_client_id_is_the_workloads_own(language: str) -> None:
    """An output such as `backendClientId` is the client id of that workload's identity."""
    workloads = {*WORKLOADS, "gateway"}
    assert deployment(language, "exposed").client_ids == {f"{workload}ClientId": workload for workload in workloads}
