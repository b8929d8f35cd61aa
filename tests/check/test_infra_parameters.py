"""What the parameters decide, and which values are refused, in both languages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.check.infrastructure import Bicep, TerraformConfiguration
from tests.infra.derived import MODEL

EKS = {"name": "eks", "url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"}
NINETEEN = [{"name": f"issuer-{n}", "url": f"https://oidc.example.com/{n}"} for n in range(19)]

Infrastructure = Bicep | TerraformConfiguration


@pytest.fixture(params=["bicep", "terraform", "terraform with app registrations"])
def infrastructure(request: pytest.FixtureRequest, tmp_path: Path) -> Infrastructure:
    if request.param == "bicep":
        return Bicep(tmp_path)
    providers: Mapping[str, str] = request.getfixturevalue("providers")
    return TerraformConfiguration(tmp_path, providers, "application" if "app" in request.param else "managed")


@pytest.mark.parametrize("profile", ["learn", "production"])
@pytest.mark.parametrize("issuers", [[], [EKS]], ids=["no issuers", "one issuer"])
@pytest.mark.parametrize("hostname", ["", "orders.example.com"], ids=["not exposed", "exposed"])
def test_every_allowed_combination_evaluates(
    infrastructure: Infrastructure, profile: str, issuers: list[dict[str, str]], hostname: str
) -> None:
    """Profile, further issuers, host name and kind of identity combine freely, and each does its own part only."""
    made = infrastructure.evaluate(profile, name="receipts", issuers=issuers, hostname=hostname)
    workloads, platform, gateway = len(MODEL["workloads"]), 2, bool(hostname)
    of_workloads = workloads * (1 + len(issuers))
    if infrastructure.applications:
        assert (made.applications, made.application_credentials) == (workloads, of_workloads)
        assert (made.managed_identities, made.credentials) == (platform + gateway, gateway)
    else:
        assert (made.applications, made.application_credentials) == (0, 0)
        assert (made.managed_identities, made.credentials) == (workloads + platform + gateway, of_workloads + gateway)
    assert made.private_endpoints == (5 if profile == "production" else 0)
    assert made.tags == {"application": "receipts", "profile": profile}
    assert made.gateway is bool(hostname)


@pytest.mark.parametrize("federation", ["credentials", "bindings", "both"])
def test_identities_trust_the_cluster_in_the_way_that_is_asked_for(
    tmp_path: Path, providers: Mapping[str, str], federation: str
) -> None:
    """A credential, a binding or both for each workload that can be bound; the others and the issuers keep theirs."""
    unbound = sum(workload.get("federation") == "credentials" for workload in MODEL["workloads"].values())
    workloads = len(MODEL["workloads"])
    expected = {
        "credentials": (workloads, 0),
        "bindings": (unbound, workloads - unbound),
        "both": (workloads, workloads - unbound),
    }
    for language in (Bicep(tmp_path / "bicep"), TerraformConfiguration(tmp_path, providers, "managed")):
        made = language.evaluate(issuers=[EKS], hostname="orders.example.com", federation=federation)
        credentials, bindings = expected[federation]
        assert (made.credentials, made.bindings) == (credentials + 1 + workloads, bindings)


def test_an_app_registration_cannot_be_bound(tmp_path: Path, providers: Mapping[str, str]) -> None:
    """The pair of app registrations and bindings is refused before anything is planned."""
    for federation in ("bindings", "both"):
        words = TerraformConfiguration(tmp_path / federation, providers, "application").refusal(federation=federation)
        assert "An identity binding needs a managed identity: AKS binds no app registration." in str(words)


def test_what_a_role_leaves_out_is_left_out_in_azure(infrastructure: Infrastructure) -> None:
    """A custom role's `notActions` and `notDataActions` are deployed with it, or it would allow more than the model."""
    file = infrastructure.folder / "access.yaml"
    model = yaml.safe_load(file.read_text())
    left_out = {"notActions": ["Microsoft.Storage/*/delete"], "notDataActions": ["Microsoft.Storage/*/blobs/delete"]}
    model["roles"]["Keyless Receipt Writer"] |= left_out
    file.write_text(yaml.safe_dump(model))
    [deployed] = (
        held for role, held in infrastructure.evaluate().left_out.items() if role.startswith("Keyless Receipt Writer")
    )
    assert deployed == tuple(left_out.values())


REFUSED: dict[str, tuple[dict[str, Any], str | None, str]] = {  # the values, and what Bicep and Terraform say
    "a profile of another name": ({"profile": "staging"}, None, "The profile is `learn` or `production`."),
    "a name with a hyphen": (
        {"name": "key-less"},
        "name takes lower-case letters and digits only.",
        "The name has 3 to 12 lower-case letters and digits, and begins with a letter.",
    ),
    "a name with a capital": (
        {"name": "Keyless"},
        "name takes lower-case letters and digits only.",
        "The name has 3 to 12 lower-case letters and digits, and begins with a letter.",
    ),
    "a suffix with hyphens": (
        {"suffix": "a-b-c"},
        "suffix takes lower-case letters and digits only.",
        "The suffix has 4 to 6 lower-case letters and digits.",
    ),
    "a suffix too short": ({"suffix": "a1b"}, None, "The suffix has 4 to 6 lower-case letters and digits."),
    "an identity of another kind": ({"identity_kind": "secret"}, None, "The identity kind is `managed` or"),
    "a federation of another kind": (
        {"federation": "secrets"},
        "secrets",
        "The federation is `credentials`, `bindings` or `both`.",
    ),
    "a deployer by mail address": (
        {"deployers": [{"principal_id": "me@example.com", "principal_type": "User"}]},
        None,
        "A deployer's principal id is an object id, a GUID",
    ),
    "a deployer of another kind": (
        {"deployers": [{"principal_id": "00000000-0000-0000-0000-0000000000d0", "principal_type": "Robot"}]},
        None,
        "A deployer is a `User`, a `ServicePrincipal` or a `Group`.",
    ),
    "no deployer": ({"deployers": []}, None, "At least one principal deploys"),
    "addresses in production": (
        {"profile": "production", "addresses": ["20.50.2.3"]},
        "Production has no firewall to open: its services are private.",
        "Production has no firewall to open: its services are private.",
    ),
    "too many nodes": ({"node_count": 101}, None, "The number of nodes is 0 to 100."),
    "a host name that is a URL": (
        {"hostname": "https://orders.example.com/"},
        "hostname is a name such as orders.example.com, not a URL.",
        "The hostname is a name such as `orders.example.com`, not a URL.",
    ),
    "an issuer named like the cluster's own": (
        {"issuers": [EKS | {"name": "aks"}]},
        "An issuer may not be named aks: that is the cluster's own.",
        "No further issuer may be named `aks`: that is the cluster's own.",
    ),
    "an issuer whose name names no credential": (
        {"issuers": [EKS | {"name": "my issuer"}]},
        None,
        "An issuer's name has 3 to 120 letters, digits, hyphens and",
    ),
    "an issuer without TLS": (
        {"issuers": [EKS | {"url": "http://oidc.example.com"}]},
        "An issuer's url begins with https://.",
        "An issuer's URL begins with `https://`",
    ),
    "two issuers of one name": (
        {"issuers": [EKS, EKS | {"url": "https://oidc.example.com/2"}]},
        "Two issuers have the same name.",
        "Two issuers have one name.",
    ),
    "two issuers of one URL": (
        {"issuers": [EKS, EKS | {"name": "kind"}]},
        "Two issuers have the same url.",
        "Two issuers have one URL.",
    ),
    "more issuers than an identity takes": ({"issuers": NINETEEN}, None, "At most 18 further issuers"),
    **{
        f"{secret} that is too short": ({secret: "changeme"}, None, "A secret has 32 characters at least")
        for secret in ("frontend_signing_key", "receipt_public_key", "receipt_signing_key")
    },
}


def test_the_nodes_are_a_setting(infrastructure: Infrastructure) -> None:
    """Size and least number are the setting's, else the profile's; the autoscaler may always add a node."""
    assert infrastructure.evaluate().nodes == {
        "system": ("Standard_D2ads_v5", 1, 2),
        "user": ("Standard_D2ads_v5", 1, 3),
    }
    given = infrastructure.evaluate("production", node_size="Standard_D4ads_v6", node_count=12)
    assert given.nodes == {"system": ("Standard_D4ads_v6", 3, 5), "user": ("Standard_D4ads_v6", 12, 12)}


def test_further_addresses_pass_the_firewall(infrastructure: Infrastructure) -> None:
    """Storage lets in the addresses that are given, and none without."""
    assert infrastructure.evaluate().addresses == []
    assert infrastructure.evaluate(addresses=["20.50.2.3", "20.50.2.4"]).addresses == ["20.50.2.3", "20.50.2.4"]


def test_bicep_leaves_the_number_of_nodes_to_the_autoscaler(tmp_path: Path) -> None:
    """A template names a number. It is the one that the autoscaler keeps, and at first the least."""
    bicep = Bicep(tmp_path)
    bicep.evaluate()
    assert bicep.counts() == {"system": 1, "user": 1}
    bicep.evaluate(running_nodes={"system": 2, "user": 3})
    assert bicep.counts() == {"system": 2, "user": 3}
    bicep.evaluate("production", running_nodes={"system": 2, "user": 7})
    assert bicep.counts("production") == {"system": 3, "user": 7}


def test_bicep_lets_further_addresses_through_every_firewall(tmp_path: Path) -> None:
    """Vault, Cosmos DB, Service Bus and storage have the same list, the cluster's own address first."""
    bicep = Bicep(tmp_path)
    bicep.evaluate(addresses=["20.50.2.3"])
    assert bicep.firewalls() == {
        "vaults": ["egress", "20.50.2.3"],
        "databaseAccounts": ["egress", "20.50.2.3"],
        "networkRuleSets": ["egress", "20.50.2.3"],
        "storageAccounts": ["20.50.2.3"],
    }


@pytest.mark.parametrize("case", [case for case, (_, sentence, _) in REFUSED.items() if sentence])
def test_bicep_refuses_a_wrong_value_with_a_sentence(tmp_path: Path, case: str) -> None:
    """A wrong value stops a deployment before it begins, and is told."""
    values, sentence, _ = REFUSED[case]
    assert str(sentence) in str(Bicep(tmp_path).refusal(**values))


def test_bicep_tells_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    """Each wrong value has its sentence in one answer."""
    wrong = ("a name with a capital", "a suffix with hyphens", "a host name that is a URL", "an issuer without TLS")
    values = {name: value for case in wrong for name, value in REFUSED[case][0].items()}
    words = str(Bicep(tmp_path).refusal(**values))
    assert [case for case in wrong if str(REFUSED[case][1]) not in words] == []


@pytest.mark.parametrize("case", REFUSED)
def test_terraform_refuses_a_wrong_value_with_a_sentence(
    tmp_path: Path, providers: Mapping[str, str], case: str
) -> None:
    """A wrong value stops a deployment before anything is planned, and is told without the secret among the words."""
    values, _, sentence = REFUSED[case]
    words = str(TerraformConfiguration(tmp_path, providers, "managed").refusal(**values))
    assert sentence in words
    assert "changeme" not in words
