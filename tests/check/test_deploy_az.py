"""Every line that the deployment gives to `az`, read by the real Azure CLI: its own commands, options and values.

The CLI checks a line before it checks the sign-in. A good line ends with the request to sign in, since the CLI is
signed out here; a wrong one ends with its own sentence. The CLI compiles Bicep on the way.
"""

import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.check.azure_cli import HOME, SIGN_IN, AzureCli
from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
_PACK = "from azure.cli.command_modules.acr._archive_utils import _pack_source_code as pack; pack"


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Each kind of line once, as the deployment gives it to `az` in every verb, profile and language."""
    calls: list[list[str]] = []
    for profile, iac in (("learn", "bicep"), ("production", "bicep"), ("learn", "terraform")):
        checkout = Checkout(tmp_path_factory.mktemp(f"{profile}-{iac}"))
        checkout.succeed("what-if", *WEST, "--profile", profile, "--iac", iac)
        moved = [("up", "--federation", way) for way in ("bindings", "credentials")]
        for verb in (("up", *WEST, "--profile", profile, "--iac", iac), *moved, ("smoke",), ("rotate-receipt-key",)):
            checkout.succeed(*verb)
        checkout.succeed("destroy")
        calls += [call[1:] for call in checkout.calls("az")]
    return list({_kind(call): call for call in calls}.values())


def test_every_line_is_one_that_the_azure_cli_understands(azure_cli: AzureCli, lines: list[list[str]]) -> None:
    """No command, option or value is refused, and both parameter files compile."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(azure_cli.run, lines))
    assert len(lines) >= 32
    understood = {" ".join(line): answer.stderr for line, answer in zip(lines, answers, strict=True)}
    version = understood.pop("bicep version")
    assert version == ""
    assert {line: words for line, words in understood.items() if SIGN_IN not in words} == {}


@pytest.mark.parametrize(
    "line",
    [
        ["deployment", "sub", "create", "--location", "westeurope", "--parameter-file", "x"],
        ["acr", "build", "--registry", "keylessa1b2c", "--source-auth", "[caller]", "."],
        ["keyvault", "purge", "--vault", "keyless-a1b2c"],
        ["aks", "get-credentials", "--resource-group", "x", "--name", "y", "--format", "kubelogin"],
    ],
)
def test_a_wrong_line_would_be_found(azure_cli: AzureCli, line: list[str]) -> None:
    """An option or value that does not exist is refused before the sign-in is checked."""
    refused = azure_cli.run(line)
    assert refused.returncode in {1, 2}
    assert "ERROR" in refused.stderr
    assert SIGN_IN not in refused.stderr


@pytest.mark.parametrize("image", ["frontend", "backend", "tests"])
def test_what_is_uploaded_for_a_build_is_what_the_image_is_made_from(
    azure_cli: AzureCli, tmp_path: Path, image: str
) -> None:
    """The CLI's own packing, under each image's ignore file: all that its Dockerfile copies, and nothing else."""
    dockerfile = f"{image}/Dockerfile"
    packing = f"{_PACK}({str(Path.cwd())!r}, {str(tmp_path / 'context.tar')!r}, {dockerfile!r}, 'in-tar')"
    subprocess.run([HOME / "bin" / "python", "-c", packing], check=True, capture_output=True)
    with tarfile.open(tmp_path / "context.tar") as context:
        packed = {Path(name) for name in context.getnames()}
    copies = [line.split()[1:-1] for line in Path(dockerfile).read_text().splitlines() if line.startswith("COPY ")]
    copied = {Path(source) for sources in copies for source in sources if not source.startswith(("--", "/"))}
    assert len(copied) > 5
    assert copied <= packed
    assert Path("in-tar") in packed
    assert {path.parts[0] for path in packed if path.parts} <= {path.parts[0] for path in copied} | {
        "in-tar",
        "localcloud",
    }


def _kind(call: list[str]) -> tuple[str, ...]:
    """Command, options, and the values of those that take one of a few."""
    words = tuple(part for part in call if part.startswith("--") or part in {"get", "put", "delete", "build"})
    parameters = next((part for part in call if part.endswith(".bicepparam")), "")
    return (*call[:4], *words, Path(parameters).name)
