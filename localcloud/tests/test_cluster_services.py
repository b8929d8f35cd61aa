"""Services of the local cluster: one port for the ready pods, and a restart that fails no request."""

import asyncio
import json
import socket
from pathlib import Path

import httpx
import pytest
from harness.clusters import WEB, Running, running, until, variant
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.errors import RolloutError, ServicePortTaken
from localcloud.cluster.webhook import WebhookSettings

ONE = {"op": "replace", "path": "/spec/replicas", "value": 1}


def client_of(web: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=web.cluster.service_url("web"))


async def test_requests_are_spread_over_the_ready_pods(tmp_path: Path) -> None:
    """Each pod gets its turn, even on one keep-alive connection; a pod that is not ready gets none."""
    async with running(tmp_path / "state") as web, client_of(web) as service:
        answered = [(await service.get("/")).json()["pod"] for _ in range(10)]
        assert {answered.count(pod.name) for pod in web.cluster.pods()} == {5}

        out, left = web.cluster.pods()
        async with web.client_of(out) as pod:
            await pod.post("/problem", content="busy")
        await until(lambda: sum(pod.ready for pod in web.cluster.pods()) == 1)
        assert {(await service.get("/")).json()["pod"] for _ in range(4)} == {left.name}


async def test_requests_and_answers_go_through_as_they_are(tmp_path: Path) -> None:
    """Path, query, host, body and repeated headers arrive unchanged; dots in a path are the pod's to judge."""
    async with running(tmp_path / "state") as web, client_of(web) as service:
        answer = await service.get("/a%2Fb?c=%20d")
        assert answer.json()["path"] == "/a%2Fb?c=%20d"
        for target in (b"/a/../b", b"//a", b"*"):
            answer = await service.get("/", extensions={"target": target})
            assert answer.json()["path"].encode() == target.replace(b"//", b"/")  # which is `http.server`'s own doing
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        posted = await service.post("/", content="x" * 100_000, headers={"Host": "orders.example"})
        assert posted.json() == {"body": "x" * 100_000, "host": "orders.example"}


@pytest.mark.parametrize("sent", [1, 5, 1000], ids=["one part", "some parts", "parts without end"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
async def test_an_answer_that_comes_before_the_body_is_whole_is_sent_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, framing: str, sent: int
) -> None:
    """The client reads the pod's own 408 while it still sends, or while it keeps the rest of the body to itself."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web:
        url = httpx.URL(web.cluster.service_url("web"))
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST /early HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode())
        answer = asyncio.create_task(reader.read())
        for _ in range(sent):
            writer.write(b"1\r\nx\r\n")
            await asyncio.wait({answer}, timeout=0.02)
            if answer.done():
                break
        head, _, body = (await answer).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(b"HTTP/1.1 408 ")
    assert head.endswith(b"connection: close")
    assert json.loads(body)["detail"] == "The request had not come in time."
    assert caplog.records == []


async def test_a_rolling_restart_fails_no_request(tmp_path: Path) -> None:
    """Under load on keep-alive connections, slow requests among it, every pod is replaced and every answer is a 200."""
    async with running(tmp_path / "state") as web:
        before = {pod.name for pod in web.cluster.pods()}
        statuses: list[int] = []
        pods: set[str] = set()
        done = asyncio.Event()

        async def load(path: str) -> None:
            async with client_of(web) as service:
                while not done.is_set():
                    answer = await service.get(path)
                    statuses.append(answer.status_code)
                    pods.add(answer.json()["pod"])

        async with asyncio.TaskGroup() as clients:
            for path in ("/", "/", "/", "/", "/slow", "/slow"):
                clients.create_task(load(path))
            await until(lambda: pods == before)
            await web.cluster.restart("web")
            after = {pod.name for pod in web.cluster.pods()}
            await until(lambda: after <= pods)
            done.set()
        assert set(statuses) == {200}
        assert len(statuses) > 50
        assert len(after) == 2
        assert not before & after


async def test_a_restart_that_gets_nowhere_keeps_the_old_pods(tmp_path: Path) -> None:
    """A new pod that is not ready within `progressDeadlineSeconds` is given up with its reason; the old one serves."""
    blocker = tmp_path / "blocker"
    patch = [
        ONE,
        {"op": "add", "path": "/spec/progressDeadlineSeconds", "value": 2},
        {
            "op": "add",
            "path": "/spec/template/spec/containers/0/env/-",
            "value": {"name": "BLOCKER", "value": str(blocker)},
        },
    ]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)) as web, client_of(web) as service:
        name = web.pod().name
        blocker.write_text("no access to the vault")
        with pytest.raises(RolloutError, match=f"so {name} stays: no access to the vault"):
            await web.cluster.restart("web")
        assert [pod.name for pod in web.cluster.pods()] == [name]
        assert (await service.get("/")).json()["pod"] == name


async def test_without_a_ready_pod_the_service_says_why(tmp_path: Path) -> None:
    """The answer is a 503 problem document with the pod's own reason, so that a learner sees what to fix."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web, client_of(web) as service:
        async with web.client_of(web.pod()) as pod:
            await pod.post("/problem", content="no access to the vault")
        await until(lambda: not web.pod().ready)
        answer = await service.get("/")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        name = web.pod().name
        assert answer.json()["detail"] == f"Service web has no ready pod. {name}: no access to the vault"


@pytest.mark.parametrize(
    "headers", [{"Accept": "text/html,*/*;q=0.8"}, {"Accept": "text/css", "Sec-Fetch-Dest": "style"}]
)
async def test_a_browser_reaches_a_pod_that_is_not_ready(tmp_path: Path, headers: dict[str, str]) -> None:
    """A page and what it is made of come from the pod, as by `kubectl port-forward`, so that its own page says why."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web, client_of(web) as service:
        async with web.client_of(web.pod()) as pod:
            await pod.post("/problem", content="no access to the vault")
        await until(lambda: not web.pod().ready)
        assert (await service.get("/", headers=headers)).json()["pod"] == web.pod().name


async def test_a_request_waits_a_moment_for_a_pod_that_is_starting(tmp_path: Path) -> None:
    """A pod that has just crashed is back before the caller's patience ends."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web, client_of(web) as service:
        assert (await service.get("/exit")).status_code == 502
        await until(lambda: web.pod().restarts == 1)
        assert (await service.get("/")).status_code == 200


async def test_a_taken_port_is_named_with_its_setting(tmp_path: Path) -> None:
    """The sentence names the port, the Service and how to choose another; nothing is left running."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cluster = Cluster(
            overlay=WEB,
            state=tmp_path,
            issue_token=lambda **_asked: "",
            webhook=WebhookSettings(tenant_id="the-tenant"),
            node_environment={},
            report=lambda _line: None,
            service_ports={"web": port},
        )
        with pytest.raises(ServicePortTaken) as error:
            await cluster.start()
    assert f"Port {port}" in str(error.value)
    assert "--service-port web=PORT" in str(error.value)
    assert cluster.pods() == []
