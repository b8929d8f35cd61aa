"""What to fix if Entra refuses to exchange a token."""

from localcloud.authorization.audit import ExchangeEntry
from localcloud.authorization.model import TENANT_ID, AccessModel, client_id
from localcloud.authorization.workload import EXCHANGE_AUDIENCE, FederatedCredential, Workload
from localcloud.cluster.sources import shown
from localcloud.cluster.webhook import CLIENT_ID
from localcloud.cluster.webhook import TENANT_ID as TENANT_ANNOTATION
from localcloud.operator.advice import bindings
from localcloud.operator.advice.knowledge import account_of
from localcloud.operator.advice.pods import PodAdvice


class ExchangeAdvice(PodAdvice):
    """By the code of the refusal: https://learn.microsoft.com/entra/identity-platform/reference-error-codes."""

    def on_exchange(self, entry: ExchangeEntry) -> str | None:
        """The advice for a refused token exchange, or nothing if the code speaks for itself."""
        model = self._model
        if said := bindings.on_exchange(entry, model, self._federation, self._sources):
            return said
        match entry.result:
            case "AADSTS700016" | "IdentityBindingNotFound":
                return self._on_unknown_client(entry, model)
            case "AADSTS90002":
                return (
                    f"the tenant is {TENANT_ID}. Take the annotation {TENANT_ANNOTATION} away from the service account"
                    f" of {entry.pod or entry.subject or 'the pod'}, or correct it."
                )
            case "AADSTS700024":
                return (
                    "the projected token is not valid now: its times are in the sentence. Look at the cluster's clock "
                    "(here `localcloud faults` tells Azure's), and whether the pod reads the token's file again after "
                    "it was renewed."
                )
            case "AADSTS7000272":
                return (
                    f"the issuer {entry.issuer} no longer publishes the key that signed the token: the cluster's key "
                    "was rotated. A fresh token helps: the kubelet writes one within the hour, a new pod has one now."
                )
            case "AADSTS90061":
                return (
                    f"Entra can't fetch the keys of the issuer {entry.issuer}. It asks over the internet, so see that "
                    f"`curl --fail {entry.issuer}.well-known/openid-configuration` works from outside; here "
                    "`localcloud faults` tells whether the issuer is made to fail."
                )
        workload = model.workloads.get(entry.workload or "")
        if workload is None or entry.workload is None:
            return None
        return self._on_trust(entry, entry.workload, workload, model)

    def _on_trust(self, entry: ExchangeEntry, name: str, workload: Workload, model: AccessModel) -> str | None:
        """The advice if the identity does not trust what was presented."""
        match entry.result:
            case "AADSTS70025":
                return (
                    f"the federated credential of the identity {name} was deleted. Make it "
                    f"again, for the issuer {entry.issuer}, the subject {workload.subject} and the audience "
                    f"{EXCHANGE_AUDIENCE}: {self._workload_in_file(name)}."
                )
            case "AADSTS700211":
                return self._on_issuer(entry, name)
            case "AADSTS700212":
                trusted = self._nearest_trust(name, entry).audience
                if trusted != EXCHANGE_AUDIENCE:
                    return (
                        f"the federated credential of the identity {name} trusts the audience {trusted}, and "
                        f"projected tokens are for {EXCHANGE_AUDIENCE}. Correct the credential: "
                        f"{self._workload_in_file(name)}."
                    )
                return (
                    f"the identity {name} trusts tokens for the audience {EXCHANGE_AUDIENCE}, and the "
                    "projected token is for another: look at the pod's token volume."
                )
            case "AADSTS700213" | "AADSTS7002137" | "AADSTS7002138":
                return self._on_subject(entry, name, workload, model)
        return None

    def _on_unknown_client(self, entry: ExchangeEntry, model: AccessModel) -> str:
        deleted = next((name for name in self._names(entry) if client_id(name) == entry.client_id.lower()), None)
        if deleted:
            return (
                f"the identity {deleted} was deleted: {shown(self._access)} has no workload {deleted} any more, and "
                "the client id in the manifests is right. Put the workload back; on Azure, a new identity has a new "
                "client id."
            )
        expected = self._expected_client(entry, model)
        place = self._place_of_value(entry.client_id, account_of(entry.subject))
        return (
            f"no identity has the client id {entry.client_id}. Correct the annotation {CLIENT_ID} of the service "
            f"account{expected}{place}."
        )

    def _on_issuer(self, entry: ExchangeEntry, name: str) -> str:
        trusted = self._nearest_trust(name, entry).issuer
        if entry.issuer and trusted.rstrip("/") == entry.issuer.rstrip("/"):
            why = "They differ in the last slash alone, and must be equal to the letter."
        else:
            why = "It is another cluster's, or that of this one before it was made anew."
        return (
            f"the identity {name} trusts the issuer {trusted}, and the token is from {entry.issuer}. {why} Correct the "
            f"credential: {self._workload_in_file(name)}."
        )

    def _on_subject(self, entry: ExchangeEntry, name: str, workload: Workload, model: AccessModel) -> str:
        trusted = self._nearest_trust(name, entry).subject
        said = f"the identity {name} trusts {trusted} and the pod is {entry.subject}."
        own = next((each for each, other in model.workloads.items() if other.subject == entry.subject), None)
        account = account_of(entry.subject)
        if own is not None and own != name and self._place_of_variable("AZURE_CLIENT_ID"):
            return f"{said} {_as_sentence(self.on_client_id_of_container(own)[0])}"
        if trusted != workload.subject:
            return f"{said} The credential is wrong: {self._workload_in_file(name)}."
        if entry.result != "AADSTS700213":
            return f"{said} Upper and lower case count: write both alike, the service account as the credential has it."
        if own is not None and own != name and self._deployment_of(entry.pod) != name:
            return (
                f"the client id is that of another workload: the service account {account} has {name}'s, and {said} "
                f"Write {own}'s own, {client_id(own)}, into the annotation {CLIENT_ID} of {account}"
                f"{self._place_of_value(entry.client_id, account)}."
            )
        deployment = self._deployment_of(entry.pod) or name
        field = ("spec", "template", "spec", "serviceAccountName")
        if account != workload.serviceAccount:
            place = self._place("Deployment", deployment, field)
            return (
                f"{said} Its client id is {name}'s, so the service account is likelier wrong than the credential: "
                f"correct serviceAccountName to {workload.serviceAccount}{place}."
            )
        return (
            f"{said} The namespace differs: move the pod to {workload.namespace}, or correct the namespace of the "
            f"workload {name} in {shown(self._access)}."
        )

    def _nearest_trust(self, workload: str, entry: ExchangeEntry) -> FederatedCredential:
        """The federated credential that is most like what was presented."""

        def likeness(credential: FederatedCredential) -> tuple[bool, bool, bool]:
            same_issuer = credential.issuer == entry.issuer
            nearly = credential.issuer.rstrip("/") == (entry.issuer or "").rstrip("/")
            return same_issuer, nearly, credential.subject == entry.subject

        return max(self._federation.credentials_of(workload), key=likeness)

    def _expected_client(self, entry: ExchangeEntry, model: AccessModel) -> str:
        for name, workload in model.workloads.items():
            if workload.subject == entry.subject:
                return f" {workload.serviceAccount} to {client_id(name)}"
        return ""


def _as_sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
