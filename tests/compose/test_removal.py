"""A second application beside the running one is started and removed, as a user does it."""

from tests.compose.docker import docker

PROJECT = "keyless-removal"


def left_behind() -> list[str]:
    """Containers, networks and volumes of the project."""
    ours = ("--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}")
    listed = [docker("container", "ls", "--all", *ours), docker("network", "ls", *ours), docker("volume", "ls", *ours)]
    return [line for lines in listed for line in lines.splitlines()]


def test_down_leaves_no_container_no_network_and_no_volume() -> None:
    """After `docker compose down --volumes` nothing is left of what `docker compose up` has made."""
    project = ("compose", "--project-name", PROJECT)
    try:
        docker(*project, "up", "--detach", "--wait", PORT="0")
        assert len(left_behind()) == 4 + 2 + 6
    finally:
        docker(*project, "down", "--volumes")
    assert left_behind() == []
