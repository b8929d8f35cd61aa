"""How the local cluster ends: in order when it is asked to, and completely when it is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from harness.clusters import running, until, variant
from localcloud.cluster.errors import RolloutError

ONE = {"op": "replace", "path": "/spec/replicas", "value": 1}

PROGRAM = """
import asyncio, sys
from pathlib import Path
import httpx
from harness.clusters import running

async def main():
    async with running(Path(sys.argv[1])) as web:
        for status in web.cluster.pods():
            async with web.client_of(status) as pod:
                print(*(await pod.get("/child")).json()["pids"], flush=True)
        print("started", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Tell whether the process runs. A process that has ended does not, even if its parent has not waited for it."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


async def test_nothing_outlives_a_local_cloud_that_is_killed(tmp_path: Path) -> None:
    """After SIGKILL to the parent, every pod's process is gone, and every process that those had started."""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(tmp_path / "state")),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent,
    )
    assert parent.stdout is not None
    printed = (await parent.stdout.readuntil(b"started\n")).decode().split()[:-1]
    pids = [int(pid) for pid in printed]
    assert len(pids) == 4
    assert all(map(alive, pids))
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await until(lambda: not any(map(alive, pids)))


async def test_a_pods_children_end_with_it(tmp_path: Path) -> None:
    """What a container has started ends with the container, also when its main process is killed alone."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web:
        async with web.client_of(web.pod()) as pod:
            main, child = (await pod.get("/child")).json()["pids"]
        os.kill(main, signal.SIGKILL)
        await until(lambda: not alive(child))
        await until(lambda: web.pod().restarts == 1 and web.pod().ready)


@pytest.mark.parametrize(("program", "seconds"), [("import signal; signal.signal(15, lambda *_: None)", 1), ("", 30)])
async def test_a_pod_has_its_grace_period_and_no_more(tmp_path: Path, program: str, seconds: int) -> None:
    """SIGTERM ends a pod at once; one that does not listen is killed when its grace period is over."""
    command = ["python", "-c", f"{program}\nwhile True: __import__('time').sleep(600)"]
    container = "/spec/template/spec/containers/0"
    patch = [
        ONE,
        {"op": "replace", "path": f"{container}/command", "value": command},
        {"op": "remove", "path": f"{container}/readinessProbe"},
        {"op": "replace", "path": "/spec/template/spec/terminationGracePeriodSeconds", "value": seconds},
    ]
    loop = asyncio.get_running_loop()
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)):
        began = loop.time()
    assert loop.time() - began < 10
    assert not any((tmp_path / "state" / "pods").iterdir())


async def test_a_restart_under_way_ends_with_the_cluster(tmp_path: Path) -> None:
    """Stopping in the middle of a rolling restart leaves no pod behind, neither the old nor the new one."""
    blocker = tmp_path / "blocker"
    variable = {"name": "BLOCKER", "value": str(blocker)}
    patch = [ONE, {"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": variable}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)) as web:
        blocker.write_text("never ready")
        restart = asyncio.create_task(web.cluster.restart("web"))
        await until(lambda: len(web.cluster.pods()) == 2)
    with pytest.raises(RolloutError):
        await restart
    assert not any((tmp_path / "state" / "pods").iterdir())


async def test_a_cluster_can_be_stopped_as_soon_as_it_is_started(tmp_path: Path) -> None:
    """Pods that have not even begun end as well."""
    async with running(tmp_path / "state", ready=False):
        pass
    assert not any((tmp_path / "state" / "pods").iterdir())
