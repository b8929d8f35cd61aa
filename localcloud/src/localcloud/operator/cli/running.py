"""The verbs that start something: the local cloud, the webhook of another cluster, and the installation of Azurite."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from localcloud.operator.cli.verbs import Verbs, fail, settings_of

if TYPE_CHECKING:
    from localcloud.cluster.projection import Projection


def add_to(verbs: Verbs) -> None:
    run = verbs.add("run", _run, "run the cloud, with a cluster if you give an overlay")
    run.add_argument("--overlay", type=Path, help="the kustomize overlay that the cluster runs")
    run.add_argument("--ephemeral", action="store_true", help="remove the state folder at the end")
    run.add_argument("--service-port", type=_service_port, action="append", default=[], metavar="SERVICE=PORT")
    run.add_argument(
        "--project",
        type=_projection,
        action="append",
        default=[],
        metavar="NAMESPACE/SERVICEACCOUNT=FOLDER",
        help="keep this service account's projected token in a folder, for a workload that runs elsewhere",
    )
    what = "serve the workload-identity webhook to a cluster whose API server reaches this host"
    webhook = verbs.add("webhook", _webhook, what)
    webhook.add_argument("--kubeconfig", type=Path, required=True, help="its current context is the cluster")
    webhook.add_argument("--tenant", help="of service accounts that name no other (default: this cloud's)")
    webhook.add_argument(
        "--token-proxy",
        nargs=2,
        metavar=("URL", "CLUSTERID"),
        help="of the cluster, for pods that use identity bindings",
    )
    verbs.add("install", _install, "install Azurite, which the cloud needs, by npm from a lock file")


def _run(arguments: argparse.Namespace) -> int:
    from localcloud import program

    settings = settings_of(arguments)
    try:
        asyncio.run(
            program.run(
                settings,
                arguments.overlay,
                dict(arguments.service_port),
                arguments.project,
                ephemeral=arguments.ephemeral,
            )
        )
    except program.FAILURES as error:
        return fail(error)
    return 0


def _webhook(arguments: argparse.Namespace) -> int:
    from localcloud import webhook_program
    from localcloud.authorization.model import TENANT_ID
    from localcloud.cluster.bindings.api_server import token_endpoint
    from localcloud.cluster.webhook import WebhookSettings
    from localcloud.entra.discovery import AUTHORITY

    endpoint = token_endpoint(*arguments.token_proxy) if arguments.token_proxy else None
    webhook = WebhookSettings(arguments.tenant or TENANT_ID, f"{AUTHORITY}/", endpoint)
    try:
        asyncio.run(webhook_program.run(settings_of(arguments), arguments.kubeconfig, webhook))
    except webhook_program.FAILURES as error:
        return fail(error)
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from localcloud.blob.install import install

    return install(settings_of(arguments).azurite)


def _service_port(text: str) -> tuple[str, int]:
    service, _, port = text.partition("=")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"not SERVICE=PORT: {text}")
    return service, int(port)


def _projection(text: str) -> "Projection":
    from localcloud.cluster.projection import Projection

    try:
        return Projection.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
