"""The Docker client, and Python programs that run inside containers, since their images have no shell tools."""

import json
import os
import subprocess
from typing import Any


def docker(*arguments: str, **environment: str) -> str:
    """What the command prints; fails the test with the command's own words. `environment` is added to this one's."""
    run = subprocess.run(["docker", *arguments], capture_output=True, text=True, env={**os.environ, **environment})
    assert run.returncode == 0, f"docker {' '.join(arguments)}: {run.stderr}"
    return run.stdout


def inside(service: str, program: str) -> Any:
    """Runs a Python program in a service's container and returns the JSON that it prints."""
    return json.loads(docker("compose", "exec", "--no-TTY", service, "python", "-c", program))


def in_a_run_of(service: str, program: str) -> Any:
    """The same in a container that is made of a service which does not run all the time, and removed again."""
    run = ("compose", "run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", "python", service, "-c", program)
    return json.loads(docker(*run))


def in_a_new_container(image: str, program: str) -> Any:
    """Runs a Python program in a container of the image that has no network, and returns the JSON that it prints."""
    hardening = ("--network", "none", "--read-only", "--cap-drop", "ALL")
    return json.loads(docker("run", "--rm", *hardening, "--entrypoint", "python", image, "-c", program))
