"""Projected tokens for workloads that this program does not run itself, for example in other containers.

Each workload has a folder of its own and mounts it at the webhook's path, so none sees another's token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.cluster.environment import PodIdentity
from localcloud.cluster.projected_token import IssueToken, ProjectedToken, keep_fresh
from localcloud.cluster.resources import ServiceAccountToken
from localcloud.cluster.webhook import AUDIENCE, TOKEN_PATH


@dataclass(frozen=True, slots=True)
class Projection:
    """A service account and the folder for its token. The token's path in it is the webhook's."""

    namespace: str
    service_account: str
    folder: Path

    @classmethod
    def parse(cls, text: str) -> "Projection":
        """Read `NAMESPACE/SERVICEACCOUNT=FOLDER`. Raises `ValueError`."""
        account, _, folder = text.partition("=")
        namespace, _, name = account.partition("/")
        if not (namespace and name and folder):
            raise ValueError(f"not NAMESPACE/SERVICEACCOUNT=FOLDER: {text}")
        return cls(namespace, name, Path(folder))


class Projections:
    """Keep the tokens of other programs' workloads in their folders."""

    def __init__(self, issue_token: IssueToken, clock: Callable[[], float]) -> None:
        self._issue_token = issue_token
        self._clock = clock
        self._tokens: dict[Projection, ProjectedToken] = {}

    def add(self, projection: Projection, audience: str = AUDIENCE) -> Path:
        """Write the token for this audience, in place of one for another, and return its file.

        Raises `OSError` if the folder is not writable.
        """
        source = ServiceAccountToken(path=TOKEN_PATH, audience=audience)
        path = projection.folder / source.path
        known = self._tokens.get(projection)
        if known is None or known.audience != audience:
            pod = PodIdentity.new(projection.service_account, projection.namespace, projection.service_account)
            self._tokens[projection] = ProjectedToken(path, source, pod, self._issue_token, self._clock)
        return path

    async def keep_fresh(self) -> None:
        """Renew each token when it is due, until cancelled."""
        await keep_fresh(self._tokens.values())
