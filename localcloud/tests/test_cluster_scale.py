"""A Deployment whose number of pods changes while it serves."""

import asyncio
from pathlib import Path

import httpx
import pytest
from harness.clusters import running, until


async def test_scaling_starts_and_retires_pods_and_fails_no_request(tmp_path: Path) -> None:
    """Every request is answered while pods come and go; the oldest pods stay."""
    async with running(tmp_path / "state") as web:
        first = [pod.name for pod in web.cluster.pods()]
        statuses: list[int] = []
        done = asyncio.Event()

        async def load() -> None:
            async with httpx.AsyncClient(base_url=web.cluster.service_url("web")) as service:
                while not done.is_set():
                    statuses.append((await service.get("/slow")).status_code)

        async with asyncio.TaskGroup() as clients:
            for _ in range(4):
                clients.create_task(load())
            await web.cluster.scale("web", 4)
            await until(lambda: [pod.ready for pod in web.cluster.pods()] == [True] * 4)
            await web.cluster.scale("web", 1)
            done.set()
        assert [pod.name for pod in web.cluster.pods()] == first[:1]
        assert set(statuses) == {200}


async def test_a_deployment_scaled_to_nothing_comes_back(tmp_path: Path) -> None:
    """With no replicas there is no pod; scaled up again, it serves."""
    async with running(tmp_path / "state") as web:
        await web.cluster.scale("web", 0)
        assert web.cluster.pods() == []
        await web.cluster.scale("web", 1)
        await web.cluster.wait_ready(10)
        async with httpx.AsyncClient(base_url=web.cluster.service_url("web")) as service:
            assert (await service.get("/")).status_code == 200


async def test_an_unknown_deployment_is_not_scaled(tmp_path: Path) -> None:
    """The name of no deployment raises `KeyError`, as with a restart."""
    async with running(tmp_path / "state") as web:
        with pytest.raises(KeyError):
            await web.cluster.scale("wbe", 1)
