"""A checkout of its own in which `python -m infra.deploy` runs against the stand-ins."""

import copy
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_PATIENCE = "20"  # seconds; a test may give less, and none is to wait for half an hour
PROGRAMS = ("az", "kubectl", "kubelogin", "terraform")
_COPIED = (
    *(
        "infra/deploy",
        "infra/signing_keys.py",
        "infra/access.yaml",
        "infra/alerts.yaml",
        "infra/bicep",
        "infra/terraform",
    ),
    *("k8s", "frontend/Dockerfile", "backend/Dockerfile"),
)
_LEFT_BY_A_DEPLOYMENT = shutil.ignore_patterns("__pycache__", ".terraform*", "*.tfstate*", "*.tfvars")
_ANSWER = "import azure_stand_in\nsys.exit(azure_stand_in.main())\n"
_HERE = str(Path(__file__).resolve().parent)


def _sku(name: str, cores: int) -> dict[str, Any]:
    """A size of nodes as `az vm list-skus` prints it: offered in three zones, without a restriction."""
    return {
        "name": name,
        "family": "standardDADSv5Family",
        "capabilities": [{"name": "vCPUs", "value": str(cores)}],
        "locationInfo": [{"location": "westeurope", "zones": ["1", "2", "3"]}],
        "restrictions": [],
    }


_EMPTY: dict[str, Any] = {
    **{kind: [] for kind in ("images", "applied", "faults", "admins", "bindings")},
    **{kind: {} for kind in ("groups", "deleted", "clusters", "vaults", "roles", "assignments", "credentials")},
    "principal": "00000000-0000-0000-0000-0000000000d0",
    "deployers_roles": ["Owner"],
    "skus": [_sku("Standard_D2ads_v5", 2), _sku("Standard_D4ads_v5", 4), _sku("Standard_D4ads_v5_Promo", 4)],
    "usages": [
        {"name": {"value": family, "localizedValue": family}, "currentValue": "10", "limit": "100"}
        for family in ("cores", "standardDADSv5Family")
    ],
}
_SCOPES = {
    "keyVault": "Microsoft.KeyVault/vaults/{{unique}}/secrets/{entity}",
    "serviceBus": "Microsoft.ServiceBus/namespaces/{{unique}}/queues/{entity}",
    "cosmos": "Microsoft.DocumentDB/databaseAccounts/{{unique}}/dbs/keyless/colls/{entity}",
    "blob": "Microsoft.Storage/storageAccounts/{{compact}}/blobServices/default/containers/{entity}",
}


@dataclass(frozen=True)
class Run:
    """How a command ended, and all that it printed."""

    code: int
    output: str
    errors: str

    @property
    def printed(self) -> str:
        return self.output + self.errors


class Checkout:
    """A copy of what a deployment reads, an empty Azure, and the stand-ins on `PATH`."""

    def __init__(self, folder: Path) -> None:
        self._locate(folder)
        for path in _COPIED:
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if Path(path).is_dir():
                shutil.copytree(path, target, ignore=_LEFT_BY_A_DEPLOYMENT)
            else:
                shutil.copy(path, target)
        (self.root / "tests").mkdir()
        shutil.copy("tests/Dockerfile", self.root / "tests")
        self._bin.mkdir()
        self._azure.mkdir()
        self.change_cloud(**_EMPTY)
        self.hand_over_the_model()
        for program in PROGRAMS:
            self.install(program, f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {_HERE!r})\n{_ANSWER}")

    def copied_to(self, folder: Path) -> "Checkout":
        """The same checkout, with the same Azure, in another folder."""
        shutil.copytree(self._folder, folder, symlinks=True)
        twin = copy.copy(self)
        twin._locate(folder)
        return twin

    def _locate(self, folder: Path) -> None:
        self._folder = folder
        self.root, self._bin, self._azure = folder / "checkout", folder / "bin", folder / "azure"

    def install(self, program: str, script: str) -> None:
        """Puts a program on `PATH`."""
        file = self._bin / program
        file.write_text(script)
        file.chmod(0o755)

    def remove(self, program: str) -> None:
        (self._bin / program).unlink()

    def run(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Run:
        """`python -m infra.deploy …`, as `make` runs it; `settings` are added to its environment."""
        environment = {
            "PATH": f"{self._bin}{os.pathsep}/nowhere",
            "HOME": str(self._azure),
            "KEYLESS_STAND_IN": str(self._azure),
            "KEYLESS_REAL_KUBECTL": str(Path(sysconfig.get_path("scripts"), "kubectl")),
        }
        done = subprocess.run(
            [sys.executable, "-m", "infra.deploy", "--patience", _PATIENCE, *arguments],
            cwd=self.root,
            env=environment | dict(settings or {}),
            capture_output=True,
            text=True,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def succeed(self, *arguments: str, settings: Mapping[str, str] | None = None) -> Run:
        run = self.run(*arguments, settings=settings)
        assert run.code == 0, run.printed
        return run

    def hand_over_the_model(self) -> None:
        """Tells the stand-in what `infra/access.yaml` says: it can't read YAML."""
        model = yaml.safe_load((self.root / "infra" / "access.yaml").read_text())
        grants = {name: _grants(model, workload) for name, workload in model["workloads"].items()}
        (self._azure / "model.json").write_text(json.dumps(grants))

    @property
    def cloud(self) -> dict[str, Any]:
        """What exists in the stand-in's Azure."""
        file = self._azure / "cloud.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    @property
    def untouched(self) -> bool:
        """Whether nothing was made in it."""
        return self.cloud == _EMPTY

    def change_cloud(self, **values: Any) -> None:
        (self._azure / "cloud.json").write_text(json.dumps(self.cloud | values))

    def fail(self, match: str, words: str, times: int = 1) -> None:
        """The next `times` calls whose line contains `match` fail with these words; `{NAME}` is a variable they got."""
        self.change_cloud(faults=[{"match": match, "words": words, "times": times}])

    def calls(self, program: str = "") -> list[list[str]]:
        """Every call of a tool so far."""
        file = self._azure / "calls.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [call for call in map(json.loads, lines) if not program or call[0] == program]

    def files(self) -> bytes:
        """The contents of every file of the checkout, and the tools' argument lists."""
        written = b"".join(file.read_bytes() for file in self.root.rglob("*") if file.is_file())
        return written + json.dumps(self.calls()).encode()

    def recorded(self, name: str = "keyless") -> dict[str, str]:
        """The tags of the deployment's resource group."""
        return dict(self.cloud["groups"][f"{name}-rg"]["tags"])

    def lose_the_folder(self) -> None:
        """Deletes what runs left in the checkout, as on another machine."""
        shutil.rmtree(self.root / ".deploy")


def _grants(model: dict[str, Any], workload: dict[str, Any]) -> list[tuple[str, str]]:
    """Roles and scopes of a workload; `{unique}`, `{compact}` and `{name}` are the deployment's."""
    split = [(grant["role"], *grant["scope"].split("/")) for grant in workload["grants"]]
    return [(role, _SCOPES[service].format(entity=entity)) for role, service, entity in split]
