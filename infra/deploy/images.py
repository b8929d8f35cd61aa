"""Build images in the registry, so that this machine needs neither a container engine nor a way into the registry."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from infra.deploy.programs import Programs
from infra.deploy.record import ROOT, Deployment

_SERVICES = ("pyproject.toml", "uv.lock", ".dockerignore", "workload", "contract", "frontend", "backend")
_TESTS = (*_SERVICES, "localcloud", "demo", "infra/signing_keys.py", "tests/Dockerfile", "tests/e2e")


def services_tag() -> str:
    """Return a tag made from the sources of frontend and backend: equal sources have equal tags."""
    return _digest(_SERVICES)


def tests_tag() -> str:
    return _digest(_TESTS)


def build(programs: Programs, deployment: Deployment, image: str, tag: str) -> str:
    """Build and push an image, unless that has been done; return its full name."""
    tagged = f"{deployment.name}/{image}:{tag}"
    if deployment.images.get(image) != tagged:
        pool = ("--agent-pool", "build") if deployment.private else ()
        programs.run(
            *("az", "acr", "build", "--registry", deployment.registry, "--subscription", deployment.subscription),
            *("--image", tagged, "--file", f"{image}/Dockerfile", "--platform", "linux/amd64"),
            *("--source-acr-auth-id", "[caller]", *pool),  # in ABAC mode a build has no rights but its caller's
            str(ROOT),
        )
        deployment.images[image] = tagged
        deployment.save()
    return f"{deployment.outputs['registryLoginServer']}/{tagged}"


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
