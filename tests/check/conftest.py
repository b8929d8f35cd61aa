"""The real Terraform, with stand-ins for its providers, and the real Azure CLI, for the tests that need them."""

import importlib.util
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.check.azure_cli import AzureCli, installed
from tests.infra.terraform.cli import Terraform, command


@pytest.fixture(scope="session")
def providers() -> Iterator[Mapping[str, str]]:
    """The environment in which Terraform finds the stand-ins. Fails with a sentence if a program is missing."""
    if importlib.util.find_spec("grpc_tools") is None:
        pytest.fail("the stand-in providers need the dependency group `infra`: `uv sync --group infra` brings it")
    if command() is None:  # PyPI has none for Linux on arm64
        pytest.fail("terraform is not in PATH: https://developer.hashicorp.com/terraform/install")
    from tests.infra.terraform.provider import serving

    with serving() as environment:
        yield environment


@pytest.fixture
def terraform(tmp_path: Path, providers: Mapping[str, str]) -> Terraform:
    """An initialised working folder in which nothing is deployed yet."""
    working = Terraform(tmp_path, providers)
    working.succeed("init")
    return working


@pytest.fixture(scope="session")
def azure_cli(tmp_path_factory: pytest.TempPathFactory) -> AzureCli:
    """The Azure CLI, signed out."""
    if shutil.which("bicep") is None:
        pytest.fail("bicep is not in PATH: `az bicep install` brings it, then add ~/.azure/bin to PATH")
    return installed(tmp_path_factory.mktemp("azure"))
