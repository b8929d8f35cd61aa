"""From inside the containers: no process is root, nothing can be written, and each reaches only what it needs."""

import json
from typing import Any

import pytest

from tests.compose.docker import docker, in_a_run_of, inside

SERVICES = ("frontend", "backend", "localcloud")
ONE_SHOTS = ("redrive", "repair", "setup")
WORKLOADS = ("frontend", "backend")
TMP = "/tmp"  # noqa: S108 - a folder of the containers

STATUS = """
import json, os
fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
names = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
print(json.dumps([os.getuid(), os.getgid(), {name: int(fields[name], 16) for name in names}]))
"""

WRITABLE = """
import json, os, tempfile
def writable(folder):
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
kernel = ("/proc", "/sys", "/dev")
print(json.dumps([
    folder for folder, _, _ in os.walk("/") if not folder.startswith(kernel) and writable(folder)
]))
"""

FOUND = """
import base64, json, os
def claims(path):
    payload = open(path).read().split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
found = [
    os.path.join(folder, name)
    for folder, folders, names in os.walk("/")
    for name in folders + names
    if name in ("azure-identity-token", "control.sock", "ca-key.pem", "entra-key.pem", "issuer-key.pem", "azurite")
    and not folder.startswith(("/proc", "/sys"))
]
print(json.dumps({path: claims(path)["sub"] if path.endswith("token") else "" for path in found}))
"""

LISTENING = """
import json, socket, struct
lines = [line.split() for line in open("/proc/net/tcp")][1:]
ends = [line[1].split(":") for line in lines if line[3] == "0A"]
print(json.dumps([[socket.inet_ntoa(struct.pack("<I", int(host, 16))), int(port, 16)] for host, port in ends]))
"""

REACHED = """
import json, socket
def reached(address):
    try:
        socket.create_connection(address, 3).close()
    except OSError as error:
        return type(error).__name__
    return "reached"
print(json.dumps([reached(("localcloud", port)) for port in {ports}]))
"""


def look_into(service: str, program: str) -> Any:
    """What the program prints in the service's container, whether it runs all the time or once."""
    return in_a_run_of(service, program) if service in ONE_SHOTS else inside(service, program)


@pytest.mark.parametrize("service", [*SERVICES, *ONE_SHOTS])
def test_a_process_is_nobody_and_can_become_nobody_else(service: str) -> None:
    """Not root, no capability in any set, no new privileges, a seccomp filter."""
    uid, gid, status = look_into(service, STATUS)
    assert (uid, gid) == (65532, 65532)
    assert status.pop("NoNewPrivs") == 1
    assert status.pop("Seccomp") == 2  # SECCOMP_MODE_FILTER
    assert set(status.values()) == {0}


@pytest.mark.parametrize(
    ("service", "writable"),
    [
        ("frontend", {TMP}),
        ("backend", {TMP}),
        (
            "localcloud",
            {TMP, "/state", "/ca", "/tokens/frontend", "/tokens/backend", "/tokens/redrive", "/tokens/repair"},
        ),
        ("redrive", {TMP}),
        ("repair", {TMP}),
        ("setup", {"/state"}),
    ],
)
def test_the_root_is_read_only(service: str, writable: set[str]) -> None:
    """A file can be made in the mounted folders that are meant for it, and nowhere else in the container."""
    found = look_into(service, WRITABLE)
    assert {folder for folder in found if not any(folder.startswith(f"{parent}/") for parent in found)} == writable


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_has_its_limits(service: str) -> None:
    """Memory, processors and processes are bounded."""
    (container,) = json.loads(docker("inspect", docker("compose", "ps", "--quiet", service).strip()))
    limits = container["HostConfig"]
    assert limits["Memory"] > 0
    assert limits["NanoCpus"] > 0
    assert limits["PidsLimit"] > 0


@pytest.mark.parametrize("workload", [*WORKLOADS, "redrive", "repair"])
def test_a_workload_finds_its_own_token_and_no_other(workload: str) -> None:
    """One token in the whole container, its own; no key, no operator's socket, no Azurite."""
    found = look_into(workload, FOUND)
    assert list(found.values()) == [f"system:serviceaccount:keyless:{workload}"]


def test_what_a_workload_must_not_find_is_with_the_local_cloud() -> None:
    """The search of the test before finds such things if they are there."""
    found = {path.rpartition("/")[2] for path in inside("localcloud", FOUND)}
    assert found == {"azure-identity-token", "control.sock", "ca-key.pem", "entra-key.pem", "issuer-key.pem", "azurite"}


@pytest.mark.parametrize("workload", WORKLOADS)
def test_no_workload_reaches_azurite(workload: str) -> None:
    """It listens on the local cloud's own loopback, as the proxy does: only Azure's own ports are reached."""
    listening = [(host, port) for host, port in inside("localcloud", LISTENING) if host != "127.0.0.11"]  # Docker's DNS
    assert {port for host, port in listening if host == "0.0.0.0"} == {443, 5671}  # noqa: S104
    inner = [port for host, port in listening if host == "127.0.0.1"]
    assert len(inner) == 4  # Azurite, the proxy, the dashboard, and the token proxy of identity bindings
    refused = len(inner) * ["ConnectionRefusedError"]
    assert inside(workload, REACHED.format(ports=[443, 5671, *inner])) == ["reached", "reached", *refused]


@pytest.mark.parametrize("service", ["backend", "localcloud"])
def test_there_is_no_way_out_of_azures_network(service: str) -> None:
    """The container is in no other network, and the engine lets nothing leave this one."""
    (container,) = json.loads(docker("inspect", docker("compose", "ps", "--quiet", service).strip()))
    (network,) = container["NetworkSettings"]["Networks"]
    assert json.loads(docker("network", "inspect", network))[0]["Internal"] is True
