"""Every line that the deployment gives to `az`, read by the real Azure CLI: its own commands, options and values.

The CLI looks at a line before it looks for who is signed in. A good one ends with the request to sign in, which nobody
has done here; a wrong one ends with its own sentence. Bicep is compiled by it on the way.
"""

import os
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.infra.deploying import Checkout

VERSION = "2.91.0"
HOME = Path(".tools/az").resolve()
SIGN_IN = "Please run 'az login'"
WEST = ("--location", "westeurope")
_PACK = "from azure.cli.command_modules.acr._archive_utils import _pack_source_code as pack; pack"
SECRETS = ("FRONTEND_SIGNING_KEY", "RECEIPT_PUBLIC_KEY", "RECEIPT_SIGNING_KEY")


class AzureCli:
    """The Azure CLI, with a configuration of its own and nobody signed in."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_BICEP_USE_BINARY_FROM_PATH": "true",
            "AZURE_BICEP_CHECK_VERSION": "false",
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "KEYLESS_SUFFIX": "a1b2c",
            "KEYLESS_DEPLOYER_PRINCIPAL_ID": "00000000-0000-0000-0000-0000000000d0",
            **{f"KEYLESS_{name}": "a made-up value, long enough to pass" for name in SECRETS},
        }

    def run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HOME / "bin" / "az", *arguments], env=self._environment, input="{}", capture_output=True, text=True
        )


@pytest.fixture(scope="module")
def azure_cli(tmp_path_factory: pytest.TempPathFactory) -> AzureCli:
    """Installed below `.tools/` once: two minutes, and 400 MB."""
    if shutil.which("bicep") is None:
        pytest.fail("bicep is not in PATH: `az bicep install` brings it, then add ~/.azure/bin to PATH")
    cli = AzureCli(tmp_path_factory.mktemp("azure"))
    if not (HOME / "bin" / "az").exists() or VERSION not in cli.run(["version"]).stdout:
        uv = shutil.which("uv", path=os.pathsep.join([".tools/uv/bin", os.environ["PATH"]]))
        assert uv is not None, "`make test` installs uv"
        cache = os.environ | {"UV_CACHE_DIR": str(HOME.parent / "cache" / "uv")}
        subprocess.run([uv, "venv", "--quiet", "--clear", HOME], check=True, env=cache)
        installed = [uv, "pip", "install", "--quiet", "--python", HOME / "bin" / "python", f"azure-cli=={VERSION}"]
        subprocess.run(installed, check=True, env=cache)
    return cli


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Each kind of line once, as the deployment gives it to `az` in every verb and profile."""
    calls: list[list[str]] = []
    for profile in ("learn", "production"):
        checkout = Checkout(tmp_path_factory.mktemp(profile))
        checkout.succeed("what-if", *WEST, "--profile", profile)
        for verb in (("up", *WEST, "--profile", profile), ("smoke",), ("rotate-receipt-key",), ("destroy",)):
            checkout.succeed(*verb)
        calls += [call[1:] for call in checkout.calls("az")]
    return list({_kind(call): call for call in calls}.values())


def test_every_line_is_one_that_the_azure_cli_understands(azure_cli: AzureCli, lines: list[list[str]]) -> None:
    """No command, option or value is refused, and both parameter files compile."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(azure_cli.run, lines))
    assert len(lines) >= 18
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
    """An option or value that does not exist is refused before anybody has to sign in."""
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
