"""Build images in the registry, so that this machine needs neither a container engine nor a way into the registry."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from infra.deploy.patience import UNAVAILABLE, until_it_works
from infra.deploy.programs import ProgramFailed, Programs
from infra.deploy.record import ROOT, Deployment

_SERVICES = ("pyproject.toml", "uv.lock", ".dockerignore", "workload", "contract", "frontend", "backend")
_TESTS = (*_SERVICES, "localcloud", "demo", "infra/signing_keys.py", "tests/Dockerfile", "tests/e2e")
_BASE = re.compile(r"^ARG BASE_IMAGE=docker\.io/library/python:(\S+)$", re.MULTILINE)


def services_tag() -> str:
    """Return a tag made from the sources of frontend and backend: equal sources have equal tags."""
    return _digest(_SERVICES)


def tests_tag() -> str:
    return _digest(_TESTS)


def build(programs: Programs, deployment: Deployment, image: str, tag: str, patience: float) -> str:
    """Build and push an image, unless the registry has it; return its full name. `patience` is in seconds.

    The base image comes through the registry's cache, since Docker Hub refuses many pulls without an account.
    """
    server = deployment.outputs["registryLoginServer"]
    tagged = f"{deployment.name}/{image}:{tag}"
    if not _exists(programs, deployment, f"{server}/{tagged}"):
        base = f"{server}/{deployment.name}/python:{_base(image)}"
        until_it_works(
            lambda: programs.run(
                *("az", "acr", "build", *_registry(deployment), *_pool(deployment)),
                *("--image", tagged, "--file", f"{image}/Dockerfile", "--platform", "linux/amd64"),
                *("--build-arg", f"BASE_IMAGE={base}", "--source-acr-auth-id", "[caller]"),
                str(ROOT),
            ),
            f"The image {image} is built",
            patience,
            UNAVAILABLE,
        )
    return f"{server}/{tagged}"


def _exists(programs: Programs, deployment: Deployment, image: str) -> bool:
    """Whether the registry has an image. A private one is asked from its own network: the image is started there."""
    named = image.partition("/")[2]
    if deployment.private:
        start = ("--cmd", f"--entrypoint true {image}", "--source-acr-auth-id", "[caller]", "/dev/null")
        ask = ("az", "acr", "run", *_registry(deployment), *_pool(deployment), *start)
    else:
        ask = ("az", "acr", "repository", "show", "--name", deployment.registry, "--image", named)
    try:
        programs.run(*ask)
    except ProgramFailed:  # also if the registry can't be asked: a build that was not needed does no harm
        return False
    return True


def _registry(deployment: Deployment) -> tuple[str, ...]:
    return ("--registry", deployment.registry, "--subscription", deployment.subscription)


def _pool(deployment: Deployment) -> tuple[str, ...]:
    return ("--agent-pool", "build") if deployment.private else ()


def _base(image: str) -> str:
    """Return tag and digest of the base image, as the Dockerfile names them: each registry has the same digest."""
    [base] = _BASE.findall((ROOT / image / "Dockerfile").read_text())
    return str(base)


def _digest(sources: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for file in _files(sources):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def _files(sources: tuple[str, ...]) -> Iterator[Path]:
    for path in (ROOT / source for source in sources):
        if path.is_file():
            yield path
        else:
            yield from sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
