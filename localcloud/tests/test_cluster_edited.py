"""An overlay that is edited while its cluster runs: rolled out, or refused in a sentence."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.clusters import WEB, Running, running, until
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.manifest import read
from localcloud.cluster.render import render
from localcloud.cluster.sources import Sources

CLIENT_ID = "azure.workload.identity/client-id"
LABEL = "azure.workload.identity/use"


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A copy of `overlays/web` with one replica, for the test to edit."""
    folder = tmp_path / "overlay"
    folder.mkdir()
    for path in WEB.iterdir():
        if path.is_file():
            (folder / path.name).write_text(path.read_text().replace("replicas: 2", "replicas: 1"))
    return folder


def edit(overlay: Path, old: str, new: str, name: str = "web.yaml") -> None:
    """Replaces the first occurrence in one of the overlay's files."""
    text = (overlay / name).read_text()
    assert old in text
    (overlay / name).write_text(text.replace(old, new, 1))


def only(web: Running) -> str | None:
    """The name of the only pod, if there is one and it is ready."""
    pods = web.cluster.pods()
    return pods[0].name if len(pods) == 1 and pods[0].ready else None


EDITS = {
    "annotation of the service account": ("11111111-2222", "99999999-2222", "AZURE_CLIENT_ID", "99999999-2222"),
    "annotation for the tenant": (
        "  annotations:\n",
        "  annotations:\n    azure.workload.identity/tenant-id: another\n",
        "AZURE_TENANT_ID",
        "another",
    ),
    "label": (f'{LABEL}: "true"', f'{LABEL}: "false"', "AZURE_CLIENT_ID", None),
    "variable": ("value: /scratch/work", "value: elsewhere", "SCRATCH", "elsewhere"),
}


@pytest.mark.parametrize("name", EDITS)
async def test_an_edit_takes_effect_on_a_rolling_restart(tmp_path: Path, overlay: Path, name: str) -> None:
    """The old pod serves until the new one is ready, and the new one has what the edit gives it."""
    old, new, variable, value = EDITS[name]
    async with running(tmp_path / "state", overlay) as web:
        first = only(web)
        edit(overlay, old, new)
        await until(lambda: only(web) not in (None, first))
        found = (await web.environment()).get(variable)
        assert (found or "").startswith(value or "") if value else found is None
        assert any("has changed: new pods of web" in line for line in web.reports)


async def test_a_service_account_is_changed_for_another(tmp_path: Path, overlay: Path) -> None:
    """A pod whose service account does not exist is refused and the old one stays; made, the new pod gets in."""
    async with running(tmp_path / "state", overlay) as web:
        first = only(web)
        edit(overlay, "serviceAccountName: web", "serviceAccountName: other")
        await until(lambda: any('"other" not found' in pod.reason for pod in web.cluster.pods()))
        assert [pod.name for pod in web.cluster.pods() if pod.ready] == [first]
        edit(
            overlay,
            "apiVersion: v1\n",
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: other}\n---\napiVersion: v1\n",
        )
        await until(lambda: only(web) not in (None, first))


async def test_a_broken_edit_leaves_both_pods_and_goes_when_it_is_taken_back(tmp_path: Path, overlay: Path) -> None:
    """The new pod says what it lacks and stays, and so does the old one. After the edit is undone it is alone."""
    async with running(tmp_path / "state", overlay) as web:
        first = only(web)
        (tmp_path / "blocker").write_text("no access to the vault")
        edit(
            overlay,
            "            - name: SCRATCH\n",
            f"            - {{name: BLOCKER, value: {tmp_path}/blocker}}\n            - name: SCRATCH\n",
        )
        await until(lambda: "no access to the vault" in [pod.reason for pod in web.cluster.pods()])
        assert [pod.name for pod in web.cluster.pods() if pod.ready] == [first]
        edit(overlay, f"            - {{name: BLOCKER, value: {tmp_path}/blocker}}\n", "")
        await until(lambda: only(web) == first)


async def test_a_broken_start_is_mended_by_an_edit(tmp_path: Path, overlay: Path) -> None:
    """A pod that was never ready is replaced at once by one that is."""
    edit(overlay, '"python", "-c", "$(PROGRAM)"', '"no-such-program"')
    async with running(tmp_path / "state", overlay, ready=False) as web:
        await until(lambda: any("no-such-program" in pod.reason for pod in web.cluster.pods()))
        edit(overlay, '"no-such-program"', '"python", "-c", "$(PROGRAM)"')
        await until(lambda: only(web) is not None)


async def test_deployments_and_services_come_and_go(tmp_path: Path, overlay: Path) -> None:
    """A second Deployment with its Service is started and taken away; the number of replicas is followed."""
    whole = (overlay / "web.yaml").read_text()
    second = (
        whole.replace("name: web\n", "name: two\n").replace("app: web", "app: two").replace("port: 8080", "port: 0")
    )
    _account, service, deployment, _job = second.split("---\n")
    async with running(tmp_path / "state", overlay) as web:
        service = service.replace("port: 0", f"port: {_free()}")
        deployment = deployment.replace("serviceAccountName: two", "serviceAccountName: web")
        (overlay / "web.yaml").write_text(
            "---\n".join([whole.replace("replicas: 1", "replicas: 2"), service, deployment])
        )
        await until(lambda: sorted(pod.workload for pod in web.cluster.pods() if pod.ready) == ["two", "web", "web"])
        async with httpx.AsyncClient(base_url=web.cluster.service_url("two")) as two:
            assert (await two.get("/")).json()["pod"].startswith("two-")
        (overlay / "web.yaml").write_text(whole)
        await until(lambda: [pod.workload for pod in web.cluster.pods()] == ["web"])
        assert list(web.cluster.service_urls()) == ["web"]


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


REFUSED: dict[str, tuple[str, str, str, list[str]]] = {
    "label unquoted": (
        "web.yaml",
        f'{LABEL}: "true"',
        f"{LABEL}: true",
        ["overlay/web.yaml:", "Deployment/web: ", LABEL, 'write "true", with the quotes'],
    ),
    "number unquoted": ("web.yaml", 'value: "8080"', "value: 8080", ["web.yaml:", 'write "8080", with the quotes']),
    "field misspelt": (
        "web.yaml",
        "serviceAccountName: web",
        "serviceAcountName: web",
        ["web.yaml:", "serviceAcountName", "did you mean serviceAccountName?"],
    ),
    "colon forgotten": ("web.yaml", "replicas: 1", "replicas 1", ["web.yaml:", "is no YAML", "a colon and a space"]),
    "tab": ("web.yaml", "  replicas: 1", "\treplicas: 1", ["web.yaml:", "with spaces, not with a tab"]),
    "kustomization's field": (
        "kustomization.yaml",
        "resources:",
        "resourcess:",
        ["kustomization.yaml:", "no field 'resourcess'", "did you mean resources?"],
    ),
    "file that is not there": (
        "kustomization.yaml",
        "- web.yaml",
        "- wbe.yaml",
        ["kustomization.yaml:", "names wbe.yaml", "did you mean web.yaml?"],
    ),
    "patch of nothing": (
        "kustomization.yaml",
        "resources:",
        "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: wbe}}'}]\nresources:",
        ["kustomization.yaml:", "patches the Deployment wbe", "did you mean web?"],
    ),
    "kind that is not run": ("web.yaml", "kind: CronJob", "kind: DaemonSet", ["web.yaml:", "DaemonSet/greet"]),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_refused_names_file_field_and_how_to_write_it(overlay: Path, name: str) -> None:
    """The line is the one that is wrong, or the next, where a parser notices."""
    file, old, new, words = REFUSED[name]
    before = (overlay / file).read_text()
    line = before[: before.index(old)].count("\n") + 1
    edit(overlay, old, new, file)
    with pytest.raises(ClusterError) as refused:
        read(await render(overlay), Sources(overlay))
    said = str(refused.value)
    assert [word for word in words if word not in said] == [], said
    assert any(f"{file}:{near}" in said for near in (line, line + 1)), said


async def test_after_a_refused_edit_the_last_good_stays(tmp_path: Path, overlay: Path) -> None:
    """The refusal is reported, the pod stays, and the next good edit is taken."""
    async with running(tmp_path / "state", overlay) as web:
        first = only(web)
        edit(overlay, f'{LABEL}: "true"', f"{LABEL}: true")
        await until(lambda: any("stays in force" in report for report in web.reports))
        assert 'write "true", with the quotes' in web.reports[-2]
        assert only(web) == first
        edit(overlay, f"{LABEL}: true", f'{LABEL}: "true" # as text')
        edit(overlay, "/scratch/work", "elsewhere")
        await until(lambda: only(web) not in (None, first))


async def test_a_patch_is_named_before_its_base(tmp_path: Path) -> None:
    """If the overlay's own patch sets the field wrongly, its file is named and not that of the base."""
    folder = tmp_path / "patched"
    folder.mkdir()
    (folder / "base").symlink_to(WEB)
    kustomization: dict[str, Any] = {"resources": ["base"], "patches": [{"path": "patch.yaml"}]}
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization))
    good = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: test}\n"
        "spec:\n  template:\n    spec:\n      automountServiceAccountToken: false\n"
    )
    (folder / "patch.yaml").write_text(good)
    async with running(tmp_path / "state", folder) as web:
        edit(folder, "automountServiceAccountToken: false", "hostNetwork: true", "patch.yaml")
        await until(lambda: any("stays in force" in report for report in web.reports))
        assert "patch.yaml:7: Deployment/web: spec.template.spec.hostNetwork: " in web.reports[-2]
