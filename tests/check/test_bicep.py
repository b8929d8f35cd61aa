"""`infra/bicep` under the real compiler, offline: formatted, free of diagnostics, evaluated in every combination.

`make check` runs this; what needs no compiler is tested on the committed snapshots (`tests/infra`).
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.check.bicep import SETTINGS, TARGET, bicep

BICEP = Path("infra/bicep")
SNAPSHOTS = Path("infra/snapshots/bicep")
SOURCES = sorted([*BICEP.rglob("*.bicep"), *BICEP.glob("*.bicepparam"), *SNAPSHOTS.glob("*.bicepparam")])


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
    """The three values are secure in every module, and each secret is made only if it does not exist yet."""
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
        ("Microsoft.ContainerService/managedClusters/identityBindings", 1),
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
    """The compiler stops if a value is missing, and names each one."""
    built = bicep("build-params", BICEP / "learn.bicepparam", "--stdout")
    assert built.returncode != 0
    for variable in SETTINGS:
        assert f'"{variable}" does not exist' in built.stderr


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
