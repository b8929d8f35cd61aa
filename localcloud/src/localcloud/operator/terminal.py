"""What was refused, told to the person at the terminal: calmly, and with what to fix."""

from collections.abc import Callable

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import AccessModel
from localcloud.operator import advice
from localcloud.operator.notices import Notices


class Terminal:
    """Listens to the audit trail and tells its refusals."""

    def __init__(self, model: Callable[[], AccessModel], issuer: str, notices: Notices) -> None:
        self._model = model
        self._issuer = issuer
        self._notices = notices

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Says what was refused; what was allowed is not worth a line."""
        if isinstance(entry, ExchangeEntry):
            if entry.result != "ok":
                who = entry.pod or entry.subject or entry.client_id
                what = f"{who}: {entry.result} {entry.detail}"
                self._notices.refuse(what, advice.on_exchange(entry, self._model(), self._issuer), (entry.result, who))
        elif not entry.allowed:
            who = entry.pod or entry.workload or entry.principal or "somebody"
            what = f"{who}: denied {entry.action} on {entry.scope}"
            fix = advice.on_access(entry, self._model())
            self._notices.refuse(what, fix, (entry.action, entry.scope, who, entry.reason))
