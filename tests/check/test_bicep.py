"""`infra/bicep` under the real compiler, offline: formatted, free of diagnostics, evaluated in every combination.

`make check` runs this; what needs no compiler is tested on the committed snapshots (`tests/infra`).
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.derived import MODEL

BICEP = Path("infra/bicep")
SNAPSHOTS = Path("infra/snapshots/bicep")
SOURCES = sorted([*BICEP.rglob("*.bicep"), *BICEP.glob("*.bicepparam"), *SNAPSHOTS.glob("*.bicepparam")])
TARGET = [
    *("--location", "westeurope"),
    *("--subscription-id", "00000000-0000-0000-0000-000000000001"),
    *("--tenant-id", "00000000-0000-0000-0000-000000000002"),
]
SECRET = "a made-up value, long enough to pass"
SETTINGS = {
    "KEYLESS_SUFFIX": "a1b2c",
    "KEYLESS_DEPLOYER_PRINCIPAL_ID": "00000000-0000-0000-0000-0000000000d0",
    "KEYLESS_FRONTEND_SIGNING_KEY": SECRET,
    "KEYLESS_RECEIPT_PUBLIC_KEY": SECRET,
    "KEYLESS_RECEIPT_SIGNING_KEY": SECRET,
}
ISSUER = {"name": "eks", "url": "https://oidc.eks.eu-west-1.amazonaws.com/id/0123"}


def bicep(*arguments: str | Path, settings: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the compiler; `settings` are added to the environment, which holds no setting of a developer's own."""
    program = shutil.which("bicep")
    if program is None:
        pytest.fail("bicep is not in PATH: `az bicep install` brings it, then add ~/.azure/bin to PATH")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KEYLESS_")}
    environment = inherited | {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"} | (settings or {})
    return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the infrastructure, to evaluate with other parameters without touching the checkout."""
    shutil.copytree("infra", tmp_path / "infra", ignore=shutil.ignore_patterns("terraform"))
    return tmp_path / BICEP


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """The compiled template."""
    built = bicep("build", BICEP / "main.bicep", "--stdout")
    assert built.returncode == 0, built.stderr
    compiled: dict[str, Any] = json.loads(built.stdout)
    return compiled


@pytest.mark.parametrize("pattern", ["infra/bicep/main.bicep", "infra/**/*.bicepparam"])
def test_the_compiler_has_nothing_to_say(pattern: str) -> None:
    """Any diagnostic fails, type warnings included; the modules are linted with the main file."""
    linted = bicep("lint", "--pattern", pattern, "--diagnostics-format", "sarif", settings=SETTINGS)
    assert linted.returncode == 0, linted.stderr
    reports = list(_documents(linted.stdout + linted.stderr))
    assert reports
    assert [result for report in reports for run in report["runs"] for result in run["results"]] == []


def test_the_sources_are_formatted(tree: Path) -> None:
    """`bicep format` changes nothing."""
    for kind in ("bicep", "bicepparam"):
        formatted = bicep("format", "--pattern", tree.parent / "**" / f"*.{kind}")
        assert formatted.returncode == 0, formatted.stderr
    changed = [source for source in SOURCES if (tree.parents[1] / source).read_text() != source.read_text()]
    assert SOURCES
    assert changed == []


@pytest.mark.parametrize("parameters", sorted(SNAPSHOTS.glob("*.bicepparam")), ids=lambda path: path.stem)
def test_the_committed_snapshots_are_current(parameters: Path) -> None:
    """A change of infrastructure comes with its snapshot: infra/snapshots/bicep/update.sh writes them."""
    validated = bicep("snapshot", parameters, "--mode", "validate", *TARGET)
    assert validated.returncode == 0, validated.stdout + validated.stderr


def test_secrets_are_secure_parameters_and_written_once(template: dict[str, Any]) -> None:
    """The three values are secure all the way down, and each secret is made only where it does not exist yet."""
    secrets = [node for node in _nodes(template) if node.get("type") == "Microsoft.KeyVault/vaults/secrets"]
    made = [secret for secret in secrets if not secret.get("existing")]
    assert len(made) == 3
    assert all("onlyIfNotExists" in secret["@options"] for secret in made)
    parameters = [node["parameters"] for node in _nodes(template) if isinstance(node.get("parameters"), dict)]
    declared = [
        declaration["type"]
        for group in parameters
        for name, declaration in group.items()
        if name in {"frontendSigningKey", "receiptPublicKey", "receiptSigningKey"} and "type" in declaration
    ]
    assert declared
    assert set(declared) == {"securestring"}


@pytest.mark.parametrize(
    ("kind", "loops"),
    [
        ("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", 2),
        ("Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions", 1),
        ("Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments", 1),
    ],
)
def test_what_azure_takes_one_at_a_time_is_written_so(template: dict[str, Any], kind: str, loops: int) -> None:
    """Entra refuses concurrent writes to an identity, Cosmos to an account's roles: each loop over them is serial."""
    copies = [node["copy"] for node in _nodes(template) if node.get("type") == kind]
    assert len(copies) == loops
    assert all(copy["mode"] == "serial" and copy["batchSize"] == 1 for copy in copies)


def test_every_missing_variable_is_named() -> None:
    """Nothing is deployed with a value left out, the three secrets least of all."""
    built = bicep("build-params", BICEP / "learn.bicepparam", "--stdout")
    assert built.returncode != 0
    for variable in SETTINGS:
        assert f'"{variable}" does not exist' in built.stderr


@pytest.mark.parametrize("profile", ["learn", "production"])
@pytest.mark.parametrize("issuers", [[], [ISSUER]], ids=["no issuers", "one issuer"])
@pytest.mark.parametrize("hostname", ["", "orders.example.com"], ids=["not exposed", "exposed"])
def test_every_allowed_combination_evaluates(
    tree: Path, profile: str, issuers: list[dict[str, str]], hostname: str
) -> None:
    """Profile, further issuers and host name combine freely, and each does its own part only."""
    named = {"KEYLESS_NAME": "receipts", "KEYLESS_ISSUERS": json.dumps(issuers), "KEYLESS_HOSTNAME": hostname}
    parameters = tree / f"{profile}.bicepparam"
    run = bicep("snapshot", parameters, "--mode", "overwrite", *TARGET, settings=SETTINGS | named)
    assert run.returncode == 0, run.stdout + run.stderr
    snapshot = json.loads(parameters.with_suffix(".snapshot.json").read_text())
    kinds = [resource["type"].rsplit("/", 1)[1] for resource in snapshot["predictedResources"]]
    assert snapshot["diagnostics"] == []
    assert snapshot["predictedResources"][0]["tags"] == {"application": "receipts", "profile": profile}
    assert kinds.count("federatedIdentityCredentials") == len(MODEL["workloads"]) * (1 + len(issuers)) + bool(hostname)
    assert kinds.count("privateEndpoints") == (5 if profile == "production" else 0)
    assert bool(snapshot["outputs"]["gatewayClientId"]) is bool(hostname)


def test_what_a_role_leaves_out_is_left_out_in_azure(tree: Path) -> None:
    """A custom role's `notActions` and `notDataActions` are deployed with it, or it would allow more than the model."""
    file = tree.parent / "access.yaml"
    model = yaml.safe_load(file.read_text())
    left_out = {"notActions": ["Microsoft.Storage/*/delete"], "notDataActions": ["Microsoft.Storage/*/blobs/delete"]}
    model["roles"]["Keyless Receipt Writer"] |= left_out
    file.write_text(yaml.safe_dump(model))
    parameters = tree / "learn.bicepparam"
    run = bicep("snapshot", parameters, "--mode", "overwrite", *TARGET, settings=SETTINGS)
    assert run.returncode == 0, run.stdout + run.stderr
    snapshot = json.loads(parameters.with_suffix(".snapshot.json").read_text())
    permissions = [
        role["properties"]["permissions"][0]
        for role in snapshot["predictedResources"]
        if role.get("properties", {}).get("roleName", "").startswith("Keyless Receipt Writer")
    ]
    assert [{name: held[name] for name in left_out} for held in permissions] == [left_out]


def test_what_is_not_allowed_is_refused_in_sentences(tree: Path) -> None:
    """Wrong values stop a deployment before it begins, and each is told."""
    issuers = [ISSUER, ISSUER | {"name": "aks"}, ISSUER | {"url": "http://oidc.example.com"}]
    wrong = {
        "KEYLESS_NAME": "Keyless",
        "KEYLESS_SUFFIX": "a-b-c",
        "KEYLESS_HOSTNAME": "https://orders.example.com/",
        "KEYLESS_ISSUERS": json.dumps(issuers),
    }
    parameters = tree / "learn.bicepparam"
    refused = bicep("snapshot", parameters, "--mode", "overwrite", *TARGET, settings=SETTINGS | wrong)
    assert refused.returncode != 0
    for sentence in (
        "name takes lower-case letters and digits only.",
        "suffix takes lower-case letters and digits only.",
        "hostname is a name such as orders.example.com, not a URL.",
        "An issuer may not be named aks: that is the cluster's own.",
        "Two issuers have the same name.",
        "Two issuers have the same url.",
        "An issuer's url begins with https://.",
    ):
        assert sentence in refused.stdout + refused.stderr


def _documents(text: str) -> Iterator[dict[str, Any]]:
    """The JSON documents that stand one behind the other in a text: the compiler prints one report a file."""
    while text := text.strip():
        document, end = json.JSONDecoder().raw_decode(text)
        yield document
        text = text[end:]


def _nodes(value: Any) -> list[dict[str, Any]]:
    """Every object anywhere in the template, nested templates included."""
    if isinstance(value, dict):
        return [value, *(node for child in value.values() for node in _nodes(child))]
    if isinstance(value, list):
        return [node for child in value for node in _nodes(child)]
    return []
