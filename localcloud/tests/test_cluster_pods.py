"""Pods of the local cluster: what they are given, what happens when they end, and what is said of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from harness.clusters import WEB, running, until, variant
from localcloud.cluster.errors import ManifestError, RenderError
from localcloud.cluster.render import render

LABEL = "/spec/template/metadata/labels/azure.workload.identity~1use"
CONTAINER = "/spec/template/spec/containers/0"
ONE = {"op": "replace", "path": "/spec/replicas", "value": 1}


def token_in(file: Path) -> dict[str, Any]:
    """What the test's issuer was asked for when it made this token."""
    token: dict[str, Any] = json.loads(file.read_text())
    return token


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


def content_of(path: str) -> str:
    return Path(path).read_text()


async def test_a_pods_environment_is_the_manifests_the_webhooks_and_the_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the developer's shell reaches a pod, and what the manifest refers to is filled in."""
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of-the-developer")
    monkeypatch.setenv("HTTPS_PROXY", "http://of-the-developer")
    async with running(tmp_path / "state") as web:
        given = await web.environment()
        assert given["POD_NAME"] == web.pod().name
        assert given["BROKER"] == "sb://127.0.0.1:5671"
        assert given["HTTPS_PROXY"] == "http://127.0.0.1:1"
        assert given["AZURE_CLIENT_ID"] == "11111111-2222-3333-4444-555555555555"
        assert given["AZURE_TENANT_ID"] == "the-tenant"
        assert Path(given["SCRATCH"]).is_relative_to(tmp_path)
        assert Path(given["HOME"]).is_relative_to(tmp_path)
        assert set(given) - {"__CF_USER_TEXT_ENCODING", "LC_CTYPE"} == {
            *("PATH", "HOME", "LANG", "TMPDIR"),
            *("AMQP_PORT", "HTTPS_PROXY"),
            *("PROGRAM", "POD_NAME", "HTTP_HOST", "HTTP_PORT", "BROKER", "SCRATCH"),
            *("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"),
        }
        assert web.cluster.not_honoured() == ["containers.image", "containers.resources", "schedule"]
        assert web.reports == [
            f"3 fields and kinds of the manifests have no effect on a laptop: {web.state}/without-effect.txt"
        ]
        listed = (web.state / "without-effect.txt").read_text()
        assert (
            listed.index("no image is pulled") < listed.index("containers.image") < listed.index("containers.resources")
        )


async def test_the_projected_token_is_the_pods_own_and_is_renewed(tmp_path: Path) -> None:
    """The token names pod and service account, only its owner may read it, and it is new at 80% of its life."""
    async with running(tmp_path / "state") as web:
        given = await web.environment()
        file = Path(given["AZURE_FEDERATED_TOKEN_FILE"])
        first = token_in(file)
        assert mode_of(file) == 0o600
        assert (first["namespace"], first["service_account"], first["pod_name"]) == ("test", "web", web.pod().name)
        assert (first["audience"], first["lifetime_seconds"]) == ("api://AzureADTokenExchange", 3600)

        web.clock.now += 0.79 * 3600
        looks = web.clock.looks + 2 * len(web.cluster.pods())
        await until(lambda: web.clock.looks > looks)
        assert token_in(file) == first
        web.clock.now += 0.02 * 3600
        await until(lambda: token_in(file)["issued"] == web.clock.now)


async def test_nothing_of_a_pod_is_left_when_it_has_stopped(tmp_path: Path) -> None:
    """Its folder goes with it, tokens and all; its log stays to be read."""
    async with running(tmp_path / "state") as web:
        log = web.pod().log
        assert any((tmp_path / "state" / "pods").iterdir())
    assert not any((tmp_path / "state" / "pods").iterdir())
    assert log is not None
    assert log.exists()


async def test_a_container_that_ends_is_started_again(tmp_path: Path) -> None:
    """It comes back at once in the same pod; one that keeps ending is said to crash, with its last words."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web:
        name = web.pod().name
        async with web.client_of(web.pod()) as pod:
            with pytest.raises(Exception, match="disconnected"):
                await pod.get("/exit")
        await until(lambda: web.pod().restarts == 1 and web.pod().ready)
        assert web.pod().name == name
        async with web.client_of(web.pod()) as pod:
            with pytest.raises(Exception, match="disconnected"):
                await pod.get("/exit")
        await until(lambda: "CrashLoopBackOff" in web.pod().reason)
        assert "web ended with exit code 3: the disk is full" in web.pod().reason
        await web.cluster.wait_ready(10)
        assert web.pod().reason == ""


async def test_a_container_whose_log_cannot_be_opened_waits_for_it(tmp_path: Path) -> None:
    """It is said why it does not start, and it is tried again until it does."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web:
        logs = (tmp_path / "state" / "logs").rename(tmp_path / "elsewhere")
        async with web.client_of(web.pod()) as pod:
            with pytest.raises(Exception, match="disconnected"):
                await pod.get("/exit")
        await until(lambda: "StartError" in web.pod().reason and "No such file" in web.pod().reason)
        logs.rename(tmp_path / "state" / "logs")
        await web.cluster.wait_ready(10)


async def test_a_pod_that_is_not_ready_says_why(tmp_path: Path) -> None:
    """The reason is the detail of the readiness probe's own answer, and it goes when the pod is ready again."""
    async with running(tmp_path / "state", variant(tmp_path / "overlay", [ONE])) as web:
        async with web.client_of(web.pod()) as pod:
            await pod.post("/problem", content="no access to the vault")
            await until(lambda: not web.pod().ready)
            assert web.pod().reason == "no access to the vault"
            await pod.post("/problem", content="")
        await until(lambda: web.pod().ready)
        assert web.pod().reason == ""


async def test_a_container_that_fails_its_liveness_probe_is_started_again(tmp_path: Path) -> None:
    """The probe's failure ends the process, and the log says so."""
    liveness = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1}
    patch = [ONE, {"op": "add", "path": f"{CONTAINER}/livenessProbe", "value": liveness}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)) as web:
        async with web.client_of(web.pod()) as pod:
            await pod.post("/problem", content="stuck")
        await until(lambda: web.pod().restarts == 1 and web.pod().ready)
        log = web.pod().log
        assert log is not None
        assert "its liveness probe failed: stuck" in log.read_text()


async def test_a_command_that_does_not_exist_is_said(tmp_path: Path) -> None:
    """A typing error in a command is one sentence, as a failure to start."""
    patch = [ONE, {"op": "replace", "path": f"{CONTAINER}/command", "value": ["no-such-program"]}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch), ready=False) as web:
        await until(lambda: "StartError" in web.pod().reason)
        assert "StartError: no-such-program: No such file or directory" in web.pod().reason


async def test_without_the_label_there_is_no_identity(tmp_path: Path) -> None:
    """A pod whose label is missing gets no token and none of the webhook's variables."""
    overlay = variant(tmp_path / "overlay", [ONE, {"op": "remove", "path": LABEL}])
    async with running(tmp_path / "state", overlay) as web:
        assert not [name for name in await web.environment() if name.startswith("AZURE_")]


@pytest.mark.parametrize("labelled", [True, False])
async def test_a_pod_without_its_service_account_is_refused(tmp_path: Path, labelled: bool) -> None:
    """There is no pod, with the webhook's label or without, and the Deployment says why in the API server's words."""
    patch = [{"op": "replace", "path": "/spec/template/spec/serviceAccountName", "value": "other"}]
    patch += [] if labelled else [{"op": "remove", "path": LABEL}]
    why = 'pods "web-" is forbidden: error looking up service account test/other: serviceaccount "other" not found'
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch), ready=False) as web:
        (status,) = web.cluster.pods()
        assert not status.ready
        assert status.reason == f"FailedCreate: {why}"
        assert web.reports[-1] == f"web: FailedCreate: {why}"


async def test_a_pod_that_names_no_service_account_has_the_default_one(tmp_path: Path) -> None:
    """Every namespace has an account `default`. It stands for no identity, so the pod gets a token and no client id."""
    patch = [ONE, {"op": "remove", "path": "/spec/template/spec/serviceAccountName"}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)) as web:
        environment = await web.environment()
        assert "AZURE_CLIENT_ID" not in environment
        assert "AZURE_FEDERATED_TOKEN_FILE" in environment


async def test_init_containers_come_first(tmp_path: Path) -> None:
    """An init container ends before the others start, and shares their volumes."""
    init = {
        "name": "prepare",
        "command": ["python", "-c", "import os; open(os.environ['SCRATCH'], 'w').write('prepared')"],
        "env": [{"name": "SCRATCH", "value": "/scratch/work"}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    patch = [ONE, {"op": "add", "path": "/spec/template/spec/initContainers", "value": [init]}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)) as web:
        scratch = (await web.environment())["SCRATCH"]
        assert content_of(scratch) == "prepared"


async def test_an_overlay_that_cannot_be_rendered_is_said(tmp_path: Path) -> None:
    """Kustomize's own sentence is shown."""
    with pytest.raises(RenderError, match=r"kustomize cannot render .*nothing-here"):
        async with running(tmp_path / "state", tmp_path / "nothing-here"):
            pass


@pytest.mark.parametrize("text", ["2026-13-01", "2026-12-01", "2026-01-01 25:00:00", "yes", "12:99", "1e3", "0x1"])
async def test_text_that_looks_like_something_else_stays_text(tmp_path: Path, text: str) -> None:
    """What is in quotes in a manifest reaches the pod as it was written, also if it looks like a date or a number."""
    variable = {"op": "add", "path": f"{CONTAINER}/env/-", "value": {"name": "LOOKS_LIKE", "value": text}}
    (deployment,) = (
        each for each in await render(variant(tmp_path / "overlay", [variable])) if each["kind"] == "Deployment"
    )
    assert deployment["spec"]["template"]["spec"]["containers"][0]["env"][-1]["value"] == text


async def test_a_field_that_is_not_honoured_stops_the_start(tmp_path: Path) -> None:
    """Nothing is started from manifests that ask for more than is done."""
    patch = [{"op": "add", "path": "/spec/template/spec/hostNetwork", "value": True}]
    with pytest.raises(ManifestError, match=r"Deployment/web: spec\.template\.spec\.hostNetwork"):
        async with running(tmp_path / "state", variant(tmp_path / "overlay", patch)):
            pass


async def test_a_job_is_made_of_a_suspended_cron_job(tmp_path: Path) -> None:
    """Its output is reported, its exit code returned, its arguments can be replaced, and it has an identity too."""
    async with running(tmp_path / "state", WEB) as web:
        printed: list[str] = []
        assert await web.cluster.run_job("greet", None, printed.append) == 0
        assert printed[-1] == "hello world"
        assert await web.cluster.run_job("greet", ["4", "you"], printed.append) == 4
        assert printed[-2] == "hello you"
        assert "greet ended with exit code 4" in printed[-1]
        with pytest.raises(KeyError):
            await web.cluster.run_job("unknown", None, printed.append)
        assert {pod.workload for pod in web.cluster.pods()} == {"web"}


async def test_a_job_that_fails_is_tried_again_as_often_as_it_says(tmp_path: Path) -> None:
    """`backoffLimit` more pods, and the exit code of the last."""
    patch = [{"op": "replace", "path": "/spec/jobTemplate/spec/backoffLimit", "value": 1}]
    async with running(tmp_path / "state", variant(tmp_path / "overlay", patch, "CronJob"), ready=False) as web:
        printed: list[str] = []
        assert await web.cluster.run_job("greet", ["4", "you"], printed.append) == 4
        assert printed.count("hello you") == 2
