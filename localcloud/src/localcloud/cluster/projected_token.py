"""A projected service-account token: a file that always holds a valid one.

The kubelet renews it when 80% of its lifetime has passed
(https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken).
"""

import asyncio
import logging
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from localcloud.cluster.environment import PodIdentity
from localcloud.cluster.resources import ServiceAccountToken
from localcloud.pauses import Pauses

_RENEWAL = 0.8  # of a token's life
_LOOK = 1.0  # seconds between looks at the clock, which may be a test's

_log = logging.getLogger(__name__)


class IssueToken(Protocol):
    """Issue a projected token for a pod, as the cluster's issuer does."""

    def __call__(
        self,
        *,
        namespace: str,
        service_account: str,
        service_account_uid: str,
        pod_name: str,
        pod_uid: str,
        audience: str,
        lifetime_seconds: int,
    ) -> str: ...


class ProjectedToken:
    """The token of one pod in one file. The constructor writes the file."""

    def __init__(
        self,
        path: Path,
        source: ServiceAccountToken,
        pod: PodIdentity,
        issue_token: IssueToken,
        clock: Callable[[], float],
    ) -> None:
        self._path = path
        self._source = source
        self._pod = pod
        self._issue_token = issue_token
        self._clock = clock
        self._renew_at = 0.0
        self.renew_if_due()

    @property
    def audience(self) -> str:
        return self._source.audience

    def renew_if_due(self) -> None:
        """Write a new token if the one in the file has reached 80% of its lifetime."""
        now = self._clock()
        if now >= self._renew_at:
            replace(self._path, self._issue())
            self._renew_at = now + _RENEWAL * self._source.expiration_seconds

    def _issue(self) -> str:
        return self._issue_token(
            namespace=self._pod.namespace,
            service_account=self._pod.service_account,
            service_account_uid=self._pod.service_account_uid,
            pod_name=self._pod.name,
            pod_uid=self._pod.uid,
            audience=self._source.audience,
            lifetime_seconds=self._source.expiration_seconds,
        )


async def keep_fresh(tokens: Collection[ProjectedToken]) -> None:
    """Renew each token when it is due, until cancelled. Tokens may be added meanwhile.

    If a token can't be written, for example to a full disk, it is tried again after a pause.
    """
    pauses = Pauses(_LOOK, 30.0, 60.0)
    while True:
        await asyncio.sleep(_LOOK)
        try:
            for token in tuple(tokens):
                token.renew_if_due()
        except OSError as error:
            _log.warning("a projected token can't be renewed at the moment: %s", error)
            await asyncio.sleep(pauses.next())


def replace(path: Path, content: str) -> None:
    """Replace the file, readable by its owner only. A reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as file:
        file.write(content)
    unfinished.replace(path)
