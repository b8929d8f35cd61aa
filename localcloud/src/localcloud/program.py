"""The running program: start the cloud, then the cluster on it, and stop them in the opposite order."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from localcloud.authorization.model import TENANT_ID, AccessFileError
from localcloud.blob.azurite import AzuriteError
from localcloud.cloud import Cloud, PortTaken
from localcloud.cluster.cluster import Cluster
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.projection import Projection, Projections
from localcloud.cluster.sources import Sources
from localcloud.cluster.webhook import WebhookSettings
from localcloud.dashboard.server import Dashboard
from localcloud.doctor.history import History
from localcloud.doctor.laptop import Laptop
from localcloud.entra.discovery import AUTHORITY
from localcloud.operator import readiness
from localcloud.operator.advice import Advice
from localcloud.operator.control import ControlPlane, StatePathTooLong, socket_path
from localcloud.operator.control.rehearsal import Rehearsal
from localcloud.operator.environment import node_environment
from localcloud.operator.lines import refusal, say, step
from localcloud.operator.notices import NoticeHandler, Notices
from localcloud.operator.terminal import Terminal
from localcloud.settings import Settings
from localcloud.state_folder import StateFolderError


class StateFolderNotEmpty(Exception):
    """`--ephemeral` removes its state folder at the end, so the folder must be empty or absent at the start."""


FAILURES = (
    AccessFileError,
    AzuriteError,
    ClusterError,
    PortTaken,
    StateFolderError,
    StateFolderNotEmpty,
    StatePathTooLong,
    OSError,
    sqlite3.Error,
)
"""What `run` raises if it can't start. Each message is a sentence for the terminal."""


async def run(
    settings: Settings,
    overlay: Path | None,
    service_ports: Mapping[str, int],
    projections: Sequence[Projection],
    *,
    ephemeral: bool,
) -> None:
    """Run until SIGINT, SIGTERM, SIGHUP or the end of the parent process. Raises `FAILURES`.

    Without an overlay there is no cluster. `projections` keep tokens for workloads that run elsewhere.
    """
    if ephemeral and settings.state.exists() and any(settings.state.iterdir()):
        raise StateFolderNotEmpty(
            f"{settings.state} holds something, and --ephemeral would remove it: choose another folder"
        )
    socket_path(settings.state)  # raises before anything is started if the path is too long
    os.umask(0o077)  # other users can't read what is written from now on, even if they can enter the folder
    stop = stop_signal()
    try:
        async with contextlib.AsyncExitStack() as stack:
            notices = await stack.enter_async_context(_telling())
            sources = Sources(overlay) if overlay is not None else None
            cloud, advice = await stack.enter_async_context(_running_cloud(settings, sources, notices))
            projected = Projections(cloud.issuer.issue_token, time.time)
            for projection in projections:
                projected.add(projection)
            keeping_fresh = asyncio.create_task(projected.keep_fresh(), name="projections")
            stack.callback(keeping_fresh.cancel)
            dashboard = Dashboard(cloud, advice)
            cluster, history, rehearsal = None, History(), None
            if overlay is not None:
                cloud.audit.listen(history.hear)
                cluster = await stack.enter_async_context(
                    _running_cluster(cloud, overlay, service_ports, notices, advice)
                )
                rehearsal = Rehearsal(cloud, cluster, advice, overlay)
            laptop = Laptop(cloud, cluster, history, advice) if cluster else None
            await _serve_dashboard(dashboard, cluster, laptop)
            stack.push_async_callback(dashboard.close)
            control = ControlPlane(cloud, cluster, projected, laptop, dashboard.url, rehearsal)
            await control.start()
            stack.push_async_callback(control.close)
            await stop.wait()
            say("stopping …")
    finally:
        if ephemeral:
            shutil.rmtree(settings.state, ignore_errors=True)
    step("stopped; nothing is left running")


@contextlib.asynccontextmanager
async def _telling() -> AsyncIterator[Notices]:
    """Print as notices what the program and its libraries log."""
    notices = Notices()
    handler = NoticeHandler(notices)
    logging.getLogger().addHandler(handler)
    counting = asyncio.create_task(notices.keep_counting(), name="notices")
    try:
        yield notices
    finally:
        counting.cancel()
        logging.getLogger().removeHandler(handler)
        notices.close()


@contextlib.asynccontextmanager
async def _running_cloud(
    settings: Settings, sources: Sources | None, notices: Notices
) -> AsyncIterator[tuple[Cloud, Advice]]:
    cloud = Cloud(settings, report=say, notices=notices)
    advice = Advice(
        cloud.model,
        settings.access,
        cloud.federation,
        sources,
        is_deleted=lambda name: cloud.secrets.get_deleted(name) is not None,
        pending=cloud.roles.pending,
    )
    cloud.audit.listen(Terminal(advice, notices).hear)
    await cloud.start()
    step(f"Azure's names are answered through {cloud.proxy_url}, AMQP on port {cloud.amqp_port}")
    try:
        yield cloud, advice
    finally:
        await cloud.close()


@contextlib.asynccontextmanager
async def _running_cluster(
    cloud: Cloud, overlay: Path, service_ports: Mapping[str, int], notices: Notices, advice: Advice
) -> AsyncIterator[Cluster]:
    cluster = Cluster(
        overlay=overlay,
        state=cloud.settings.state,
        issue_token=cloud.issuer.issue_token,
        webhook=WebhookSettings(TENANT_ID, f"{AUTHORITY}/", cloud.api_server.token_endpoint),
        api_server=cloud.api_server,
        node_environment=node_environment(cloud),
        service_ports=service_ports,
        report=say,
    )
    await cluster.start()
    watching = asyncio.create_task(readiness.watch(cluster.pods, notices, advice), name="readiness")
    try:
        yield cluster
    finally:
        watching.cancel()
        await cluster.stop()


async def _serve_dashboard(dashboard: Dashboard, cluster: Cluster | None, laptop: Laptop | None) -> None:
    if moved := await dashboard.start(cluster, laptop):
        refusal(moved)
    else:
        step(f"the dashboard is on {dashboard.url}")


def stop_signal() -> asyncio.Event:
    """Return an event that SIGINT, SIGTERM, SIGHUP (a closed terminal) or the end of the parent process sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` asks for
            loop.add_signal_handler(number, stop.set)
    parent = os.getppid()

    def look() -> None:
        if os.getppid() != parent:
            stop.set()
        else:
            loop.call_later(1, look)

    look()
    return stop
