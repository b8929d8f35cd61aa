"""Projected tokens for workloads that this program does not run itself: those in containers beside it, say.

Each gets a folder of its own, which it mounts where the webhook would mount its volume; so nobody sees another's token.
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
    """Whose token is to be in which folder, at `token/azure-identity-token` as the webhook has it."""

    namespace: str
    service_account: str
    folder: Path

    @classmethod
    def parse(cls, text: str) -> "Projection":
        """Reads `NAMESPACE/SERVICEACCOUNT=FOLDER`; raises `ValueError`."""
        account, _, folder = text.partition("=")
        namespace, _, name = account.partition("/")
        if not (namespace and name and folder):
            raise ValueError(f"not NAMESPACE/SERVICEACCOUNT=FOLDER: {text}")
        return cls(namespace, name, Path(folder))


class Projections:
    """Keeps the tokens of workloads elsewhere in their folders."""

    def __init__(self, issue_token: IssueToken, clock: Callable[[], float]) -> None:
        self._issue_token = issue_token
        self._clock = clock
        self._tokens: dict[Projection, ProjectedToken] = {}

    def add(self, projection: Projection) -> Path:
        """Write the token and return its file. Raises `OSError` if the folder is not writable."""
        source = ServiceAccountToken(path=TOKEN_PATH, audience=AUDIENCE)
        path = projection.folder / source.path
        if projection not in self._tokens:
            pod = PodIdentity.new(projection.service_account, projection.namespace, projection.service_account)
            self._tokens[projection] = ProjectedToken(path, source, pod, self._issue_token, self._clock)
        return path

    async def keep_fresh(self) -> None:
        """Renew each token when it is due, until cancelled."""
        await keep_fresh(self._tokens.values())
