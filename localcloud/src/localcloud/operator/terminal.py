"""What was refused, told to the person at the terminal: calmly, and with what to fix."""

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.operator.advice import Advice
from localcloud.operator.attempts import without_attempt
from localcloud.operator.notices import Notices


class Terminal:
    """Print the refusals of the audit trail."""

    def __init__(self, advice: Advice, notices: Notices) -> None:
        self._advice = advice
        self._notices = notices

    def hear(self, entry: ExchangeEntry | AccessEntry) -> None:
        """Print the entry if it is a refusal."""
        self._advice.hear(entry)
        if isinstance(entry, ExchangeEntry):
            if entry.result != "ok":
                who = entry.pod or entry.subject or entry.client_id
                what = f"{who}: {entry.result} {entry.detail}"
                key = (entry.result, who, without_attempt(entry.detail or ""))
                self._notices.refuse(what, self._advice.on_exchange(entry), key)
        elif not entry.allowed:
            who = entry.pod or entry.workload or entry.principal or "an unknown caller"
            what = f"{who}: denied {entry.action} on {entry.scope}"
            fix = self._advice.on_access(entry)
            self._notices.refuse(what, fix, (entry.action, entry.scope, who, entry.reason))
