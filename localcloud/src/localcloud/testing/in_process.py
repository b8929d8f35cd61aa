"""A local cloud in a thread of the test's process: its services, its access model and its trail."""

import asyncio
import contextlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp.connector
import pytest

from localcloud.authorization.audit import AccessEntry
from localcloud.authorization.model import TENANT_ID, AccessModel, client_id
from localcloud.authorization.model_file import Change
from localcloud.cloud import Cloud
from localcloud.entra.discovery import AUTHORITY
from localcloud.operator.environment import environment_of
from localcloud.settings import Settings
from localcloud.testing.changes import granted, no_workload, revoked
from localcloud.testing.watching import Denials, Watch

_PATIENCE = 60.0  # seconds for a start or a stop


class RunningCloud:
    """A started cloud in a loop of its own, and its services as the settings of a pod name them.

    `folder` is removed at the end.
    """

    def __init__(self, cloud: Cloud, loop: asyncio.AbstractEventLoop, folder: Path) -> None:
        self.cloud = cloud
        self.loop = loop
        self.folder = folder
        self._watch = Watch(cloud.audit)
        self._changes: list[Change] = []
        self.is_watched = False

    # --- the access model ---

    def grant(self, workload: str, role: str, scope: str) -> AbstractContextManager[None]:
        """Grant a role to a workload, at once. As a context manager it is taken back at the end of the block.

        Raises `ValueError` with a sentence if there is no such workload, role or entity.
        """
        return self._change(granted(workload, role, scope))

    def revoke(
        self, workload: str, role: str, scope: str | None = None, action: str | None = None
    ) -> AbstractContextManager[None]:
        """Take a role away from a workload, at once: on this scope, or wherever it has it.

        With an `action` the workload keeps the rest of the role. As a context manager it is given back at the end of
        the block.

        Raises `ValueError` with a sentence if the workload is not granted that.
        """
        return self._change(revoked(workload, role, scope, action))

    def enforce(self, model: Mapping[str, Any]) -> AbstractContextManager[None]:
        """Put a whole access model in force, written as in the file. Entities are those of the start.

        As a context manager it ends with the block. Raises `ValueError` if the model is wrong.
        """
        checked = AccessModel.model_validate(model)
        return self._change(lambda _model: checked)

    def restore(self) -> None:
        """Put the access file's own model in force."""
        self._changes.clear()
        self.cloud.model.change()

    # --- the trail ---

    def accesses(self, workload: str | None = None) -> list[AccessEntry]:
        """Return what was accessed so far, allowed or denied, by this workload or by all."""
        return [entry for entry in self._watch.accesses if workload in (None, entry.workload)]

    def expects_denials(self) -> AbstractContextManager[Denials]:
        """Expect that something is denied in the block. A denial elsewhere fails a test that is watched."""
        return self._watch.expects_denials()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch a test: its trail begins empty, and the access file's own model is in force again at its end."""
        self._watch.clear()
        self.is_watched = True
        try:
            yield
        finally:
            self.is_watched = False
            self.restore()

    def check(self) -> None:
        """Raise `UnexpectedDenial` if anything was denied since the test began that it did not expect."""
        self._watch.check()

    # --- a workload's side ---

    def environment(self, workload: str) -> dict[str, str]:
        """Return the variables with which a program of the workload finds its identity and the services."""
        return dict(environment_of(self.cloud, workload, self.token_file(workload)))

    @contextmanager
    def acting_as(self, workload: str) -> Iterator[None]:
        """Give this process the workload's variables for the block."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment(workload).items():
                patch.setenv(name, value)
            yield

    def set_secret(self, name: str, value: str, tags: Mapping[str, str] | None = None) -> str:
        """Set a secret, as a deployment does, and return its version."""
        return self.cloud.secrets.put(name, value, tags)

    @property
    def vault_url(self) -> str:
        return f"https://{self.cloud.settings.vault_host}"

    @property
    def cosmos_url(self) -> str:
        return f"https://{self.cloud.settings.cosmos_host}:443/"

    @property
    def blob_url(self) -> str:
        return f"https://{self.cloud.settings.blob_host}"

    @property
    def namespace(self) -> str:
        return self.cloud.settings.servicebus_host

    @property
    def amqp_endpoint(self) -> str:
        return f"sb://127.0.0.1:{self.cloud.amqp_port}"

    @property
    def ca_bundle(self) -> str:
        return str(self.cloud.ca_bundle)

    def token_file(self, workload: str, **claims: Any) -> Path:
        """Write a projected token of the workload's service account to a file of its own.

        `claims` replace arguments of `Issuer.issue_token`, such as `audience` or `lifetime_seconds`.
        Raises `ValueError` with a sentence if there is no such workload.
        """
        workloads = self.cloud.model().workloads
        if workload not in workloads:
            raise ValueError(no_workload(workload, workloads))
        account = workloads[workload]
        arguments: dict[str, Any] = {
            "namespace": account.namespace,
            "service_account": account.serviceAccount,
            "service_account_uid": f"uid-of-{workload}",
            "pod_name": f"{workload}-0",
            "pod_uid": f"uid-of-{workload}-0",
            "audience": self.cloud.audience_of(workload),
            "lifetime_seconds": 3600,
        }
        file = self.folder / f"token-{uuid.uuid4().hex}"
        file.touch(mode=0o600)
        file.write_text(self.cloud.issuer.issue_token(**arguments | claims))
        return file

    def workload_identity(self, workload: str) -> dict[str, str]:
        """The arguments of a `WorkloadIdentityCredential`, which the webhook puts into a pod's environment."""
        return {
            "tenant_id": TENANT_ID,
            "client_id": client_id(workload),
            "token_file_path": str(self.token_file(workload)),
        }

    def _change(self, change: Change) -> AbstractContextManager[None]:
        self.cloud.model.change(*self._changes, change)
        self._changes.append(change)
        return _Undoing(lambda: self._undo(change))

    def _undo(self, undone: Change) -> None:
        """Take one change back. A later one that does not apply without it goes too."""
        kept: list[Change] = []
        for change in self._changes:
            if change is undone:
                continue
            with contextlib.suppress(ValueError):
                self.cloud.model.change(*kept, change)
                kept.append(change)
        self.cloud.model.change(*kept)
        self._changes = kept


class _Undoing(AbstractContextManager[None]):
    """Does nothing at the beginning of a block, and takes something back at its end."""

    def __init__(self, undo: Callable[[], None]) -> None:
        self._undo = undo

    def __exit__(self, *_error: object) -> None:
        self._undo()


@contextmanager
def running_cloud(access: Path, **settings: Any) -> Iterator[RunningCloud]:
    """Start a cloud with this access model on free ports; stop it and remove its folder at the end.

    `settings` are those of `localcloud.settings.Settings`.
    """
    folder = Path(tempfile.mkdtemp(prefix="cloud-"))
    free_ports = {"proxy_port": 0, "amqp_port": 0}
    cloud = Cloud(Settings(**{"access": access, "state": folder / "state", **free_ports, **settings}), report=_ignore)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="localcloud", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(cloud.start(), loop).result(_PATIENCE)
        yield RunningCloud(cloud, loop, folder)
    finally:
        asyncio.run_coroutine_threadsafe(cloud.close(), loop).result(_PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        shutil.rmtree(folder)


@contextmanager
def reached_as_from_a_pod(running: RunningCloud) -> Iterator[pytest.MonkeyPatch]:
    """Lead Azure's names in this process to the cloud, and trust its CA under them."""
    environment = {
        "HTTPS_PROXY": running.cloud.proxy_url,
        "HTTP_PROXY": running.cloud.proxy_url,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "REQUESTS_CA_BUNDLE": running.ca_bundle,
        "SSL_CERT_FILE": running.ca_bundle,
        "AZURE_AUTHORITY_HOST": f"{AUTHORITY}/",
    }
    # aiohttp reads SSL_CERT_FILE when it is imported. In a test's process that is before the cloud has a CA.
    aiohttp.connector._SSL_CONTEXT_VERIFIED.load_verify_locations(running.ca_bundle)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("https_proxy", "CURL_CA_BUNDLE", "SSL_CERT_DIR"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        yield patch


def _ignore(_line: str) -> None:
    """A test reads the audit trail; the terminal's lines would only stand between its own."""
