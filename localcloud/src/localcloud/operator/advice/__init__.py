"""What to fix, and where: one sentence for each refusal that a learner can cause.

Each names the file on the laptop and, if it is about a role, the role and the scope. If a refusal has two possible
causes, it says which is the likelier and why.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import AccessModel
from localcloud.authorization.propagation import Pending
from localcloud.cluster.sources import Sources
from localcloud.entra.federation import Federation
from localcloud.operator.advice.accesses import AccessAdvice
from localcloud.operator.advice.exchanges import ExchangeAdvice
from localcloud.operator.advice.known import Known
from localcloud.operator.advice.pods import PodAdvice


class Advice:
    """`access` is the file of the access model, `sources` the overlay's files.

    `is_deleted` says whether the vault can still recover a secret, `pending` which roles of a workload were changed and
    are not in force as they are written.
    """

    def __init__(
        self,
        model: Callable[[], AccessModel],
        access: Path,
        federation: Federation,
        sources: Sources | None = None,
        is_deleted: Callable[[str], bool] = lambda _secret: False,
        pending: Callable[[str], Sequence[Pending]] = lambda _workload: (),
    ) -> None:
        self._known = known = Known(model, access, federation, sources)
        self.pods = PodAdvice(known, is_deleted)
        self.accesses = AccessAdvice(known, self.pods, pending)
        self._exchanges = ExchangeAdvice(known, self.pods)

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Remember what the workloads use, so that a role that none uses can be told from one that is needed."""
        self._known.hear(entry)

    def read_from(self, overlay: Path, access: Path) -> None:
        """Look for places in this overlay and this access model from now on."""
        self._known.read_from(overlay, access)

    def on_exchange(self, entry: ExchangeEntry) -> str | None:
        """Return the advice for a refused token exchange, or nothing if the code speaks for itself."""
        return self._exchanges.on_exchange(entry)

    def on_access(self, entry: AccessEntry) -> str | None:
        """Return the advice for a denied access."""
        return self.accesses.on_access(entry)

    def on_pod(self, reason: str, workload: str) -> str | None:
        """Return the advice for a pod that is not ready though nothing was refused to it, by what the SDK says."""
        return self.pods.on_pod(reason, workload)
