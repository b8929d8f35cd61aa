"""Print each refusal at the terminal, with what to correct."""

from collections.abc import Callable

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import AccessModel
from localcloud.operator import advice
from localcloud.operator.notices import Notices


class Terminal:
    """Listen to the audit trail and print its refusals."""

    def __init__(self, model: Callable[[], AccessModel], issuer: str, notices: Notices) -> None:
        self._model = model
        self._issuer = issuer
        self._notices = notices

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Print the entry if it is a refusal."""
        if isinstance(entry, ExchangeEntry):
            if entry.result != "ok":
                who = entry.pod or entry.subject or entry.client_id
                what = f"{who}: {entry.result} {entry.detail}"
                self._notices.refuse(what, advice.on_exchange(entry, self._model(), self._issuer), (entry.result, who))
        elif not entry.allowed:
            who = entry.pod or entry.workload or entry.principal or "an unknown caller"
            what = f"{who}: denied {entry.action} on {entry.scope}"
            fix = advice.on_access(entry, self._model())
            self._notices.refuse(what, fix, (entry.action, entry.scope, who, entry.reason))
