"""Projected tokens for workloads that this program does not run itself: those in containers beside it, say.

Each gets a folder of its own, which it mounts where the webhook would mount its volume; so nobody sees another's token.
"""

from collections.abc import Callable, Sequence
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
    """The tokens are in their folders as soon as this is made. Raises `OSError` for a folder that is not writable."""

    def __init__(self, projections: Sequence[Projection], issue_token: IssueToken, clock: Callable[[], float]) -> None:
        source = ServiceAccountToken(path=TOKEN_PATH, audience=AUDIENCE)
        self._tokens = [
            ProjectedToken(
                projection.folder / source.path,
                source,
                PodIdentity.new(projection.service_account, projection.namespace, projection.service_account),
                issue_token,
                clock,
            )
            for projection in projections
        ]

    async def keep_fresh(self) -> None:
        """Until cancelled."""
        await keep_fresh(self._tokens)
