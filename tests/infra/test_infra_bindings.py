"""With `federation = bindings` both languages bind the workloads' identities to the cluster; all else stays alike."""

from dataclasses import fields

import pytest

from tests.infra import bicep_snapshot
from tests.infra.deployments import deployment, safeguards
from tests.infra.derived import BINDINGS, MODEL, Deployment
from tests.infra.terraform_snapshot import Snapshot

LANGUAGES = ("bicep", "terraform")
BOUND = {name for name, workload in MODEL["workloads"].items() if workload.get("federation") != "credentials"}

every_language = pytest.mark.parametrize("language", LANGUAGES)


@every_language
def test_every_identity_whose_program_can_use_it_has_a_binding(language: str) -> None:
    """The application's four; KEDA's operator does not know the token proxy. Without the setting there is none."""
    assert deployment(language, BINDINGS).bindings == BOUND == {"frontend", "backend", "redrive", "repair"}
    assert deployment(language, "learn").bindings == frozenset()


@every_language
def test_a_bound_identity_trusts_no_service_account_of_the_cluster(language: str) -> None:
    """The cluster's own credentials are those of the other identities. AKS makes a binding's credential itself."""
    trusted = {(trust.identity, trust.issuer) for trust in deployment(language, BINDINGS).trusts}
    assert trusted == {(name, "aks") for name in MODEL["workloads"].keys() - BOUND}


@every_language
def test_bindings_change_trust_and_nothing_else(language: str) -> None:
    """Grants, policies, identities, entities, outputs and safeguards are those of the profile learn."""
    bound, plain = deployment(language, BINDINGS), deployment(language, "learn")
    changed = {field.name for field in fields(Deployment) if getattr(bound, field.name) != getattr(plain, field.name)}
    assert changed == {"trusts", "bindings"}
    assert safeguards(language, BINDINGS) == safeguards(language, "learn")


@pytest.mark.parametrize("part", [field.name for field in fields(Deployment)])
def test_both_languages_bind_alike(part: str) -> None:
    """Bindings, trusts and all else are equal."""
    assert getattr(deployment("terraform", BINDINGS), part) == getattr(deployment("bicep", BINDINGS), part)


def test_both_languages_make_the_same_bindings_by_the_same_names() -> None:
    """A binding has the same id in both: it is part of the cluster, and has the workload's name."""
    predicted = {resource["id"] for resource in bicep_snapshot.snapshot(BINDINGS)["predictedResources"]}
    cluster = "/providers/Microsoft.ContainerService/managedClusters/keyless-aks/identityBindings/"
    by_bicep = {one for one in predicted if cluster in one}
    assert {one.rpartition("/")[2] for one in by_bicep} == BOUND
    assert {one for one in Snapshot(BINDINGS).resource_ids() if cluster in one} == by_bicep
