"""What to fix for a pod that is not ready though nothing was refused to it."""

from localcloud.cluster.webhook import CLIENT_ID, LABEL, SKIP_CONTAINERS
from localcloud.doctor import symptoms
from localcloud.operator.advice.knowledge import Knowledge


class PodAdvice(Knowledge):
    """By what the SDK's credential, the vault or the service account says."""

    def on_pod(self, reason: str, workload: str) -> str | None:
        """The advice for a pod that is not ready though nothing was refused to it, by what the SDK says.

        The webhook gives a pod all three arguments of the credential, or, if the service account has no client id, all
        but that.
        """
        if secret := symptoms.missing_secret(reason):
            return self.on_secret(secret)
        _before, found, lacking = reason.partition("Missing required arguments: ")
        if not found:
            return symptoms.advice(reason, self._place_of_variable)
        template = ("spec", "template")
        if "token_file_path" in lacking and self._skips_containers:
            return self.on_skipped(workload)[0]
        if "token_file_path" in lacking:
            place = self._place("Deployment", workload, (*template, "metadata", "labels", LABEL))
            return f'the webhook has left the pod alone: it needs the label {LABEL}: "true", on the pod{place}.'
        account = self._account_of(workload)
        place = self._place("ServiceAccount", account, ("metadata", "annotations", CLIENT_ID))
        own = self._client_id_of(account)
        return f"the pod's service account needs the annotation {CLIENT_ID}{f': {own}' if own else ''}{place}."

    def on_secret(self, name: str) -> str:
        """The advice for a secret that the vault does not have."""
        if self._is_deleted(name):
            return (
                f"the secret {name} was deleted, and can be recovered with all its versions: `localcloud "
                f"recover-secret {name}`, on Azure `az keyvault secret recover --vault-name <vault> --name {name}`."
            )
        return (
            f"the vault has no secret {name}, and none that could be recovered: what makes it has not run, or it was "
            "purged. A role on it exists all the same, because a role does not need its secret."
        )

    def on_skipped(self, workload: str) -> tuple[str, str]:
        """The advice for a container that the webhook was told to skip, and the place of that annotation."""
        place = self._place("Deployment", workload, ("spec", "template", "metadata", "annotations", SKIP_CONTAINERS))
        return (
            f"the annotation {SKIP_CONTAINERS} of the pod names the container, so that the webhook gives it nothing. "
            f"Take the container out of it{place}.",
            place.strip(" ()"),
        )

    def on_client_id_of_container(self, workload: str) -> tuple[str, str]:
        """The advice for a pod whose client id is not the annotation's, and the place that it comes from."""
        place = self._place_of_variable("AZURE_CLIENT_ID")
        if place:
            return (
                "the webhook sets no variable that the container has already. Take AZURE_CLIENT_ID out of the "
                f"container's env{place}: the annotation {CLIENT_ID} says who the pod is.",
                place.strip(" ()"),
            )
        return f"the pod was made before the annotation was changed: `make restart DEPLOYMENT={workload}`.", ""

    def on_service_account(self, workload: str, meant: str) -> tuple[str, str]:
        """The advice for a pod under another service account than `meant`, and the place of that field."""
        place = self._place("Deployment", workload, ("spec", "template", "spec", "serviceAccountName"))
        namespace, _, account = meant.partition("/")
        return f"set serviceAccountName to {account}, in the namespace {namespace}{place}.", place.strip(" ()")
