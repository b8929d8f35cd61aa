"""How each broken link is mended on the laptop: the sentences of the terminal, with the file and the line."""

from localcloud.authorization.audit import AccessEntry, ExchangeEntry
from localcloud.authorization.model import principal_id
from localcloud.doctor.facts import AbsentSecret, Access, Facts, PendingRole, Remedy, WideRole
from localcloud.doctor.link import moment
from localcloud.operator.advice import Advice


class LaptopRemedies:
    """What to edit on the laptop: the sentences of the terminal."""

    def __init__(self, advice: Advice) -> None:
        self._advice = advice

    def manifest(self, _facts: Facts) -> Remedy:
        return Remedy("correct what it names. The last good version of the manifests stays in force.")

    def label(self, facts: Facts) -> Remedy:
        return self._lacking(facts, "'token_file_path'")

    def mutation(self, facts: Facts) -> Remedy:
        if facts.skipped:
            return Remedy(*self._advice.on_skipped(facts.workload))
        if facts.lacks.startswith("FailedCreate"):
            return Remedy(f"the pod is not admitted: {facts.lacks.partition(': ')[2]}. Correct what it names.")
        return Remedy("the pod was made before it had its label: `make restart` makes a new one.")

    def service_account(self, facts: Facts) -> Remedy:
        return Remedy(*self._advice.on_service_account(facts.workload, facts.meant_account or facts.account))

    def annotation(self, facts: Facts) -> Remedy:
        return self._lacking(facts, "'client_id'")

    def tenant(self, facts: Facts) -> Remedy:
        return self._exchange(facts, "AADSTS90002", None)

    def client_id(self, facts: Facts) -> Remedy:
        if (facts.client_id or "").lower() != (facts.annotation or "").lower():
            return Remedy(*self._advice.on_client_id_of_container(facts.workload))
        if facts.found is None:
            return self._exchange(facts, "AADSTS700016", None)
        token = facts.token
        if token and any(trusted.subject == token.subject for trusted in facts.found.credentials):
            return Remedy(self._advice.on_shared_identity(facts.workload, facts.found.name))
        return self._exchange(facts, "AADSTS700213", facts.found.name)

    def credential(self, facts: Facts, code: str) -> Remedy:
        return self._exchange(facts, code, facts.found.name if facts.found else None)

    def exchange(self, facts: Facts) -> Remedy:
        if facts.exchange is None and (advised := self._advice.on_pod(facts.lacks, facts.workload)):
            return Remedy(advised)
        code = facts.exchange.code if facts.exchange and facts.exchange.code else "AADSTS700024"
        return self._exchange(facts, code, facts.found.name if facts.found else None)

    def role(self, facts: Facts, access: Access) -> Remedy:
        name = facts.found.name if facts.found else ""
        principal = principal_id(name)
        denied = AccessEntry(
            principal, name, facts.pod, None, access.action, access.scope, allowed=False, reason="no grant"
        )
        return Remedy(self._advice.on_access(denied) or "")

    def pending(self, facts: Facts, role: PendingRole) -> Remedy:
        if role.what == "given":
            return Remedy(f"nothing is to be edited: wait until {moment(role.until)}, or `localcloud propagation 0`.")
        return Remedy(
            f"if nothing may use it until {moment(role.until)}, stop {facts.workload}; no new token ends it sooner."
        )

    def wide(self, facts: Facts, role: WideRole) -> Remedy:
        return Remedy(self._advice.on_wide_role(facts.workload, role.role, role.scope, role.used))

    def secret(self, _facts: Facts, secret: AbsentSecret) -> Remedy:
        return Remedy(self._advice.on_secret(secret.name))

    def _lacking(self, facts: Facts, argument: str) -> Remedy:
        said = f"Missing required arguments: {argument}."
        return Remedy(self._advice.on_pod(said, facts.workload) or "")

    def _exchange(self, facts: Facts, code: str, workload: str | None) -> Remedy:
        token = facts.token
        namespace, _, account = facts.account.partition("/")
        entry = ExchangeEntry(
            client_id=facts.client_id or "",
            workload=workload,
            pod=facts.pod or None,
            issuer=token.issuer if token else None,
            subject=token.subject if token else f"system:serviceaccount:{namespace}:{account}",
            resource=None,
            result=code,
            uti=None,
        )
        return Remedy(self._advice.on_exchange(entry) or (facts.exchange.text if facts.exchange else ""))
