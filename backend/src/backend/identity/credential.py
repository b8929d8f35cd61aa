"""The workload's one identity: Microsoft Entra Workload ID."""

from azure.identity.aio import WorkloadIdentityCredential

from workload.aio import WatchedCredential


def workload_identity() -> WatchedCredential:
    """Return the credential that the webhook's variables describe. It uses AKS's token proxy if there is one.

    Raises `ValueError`, which names what is missing, if the webhook has not mutated the pod. The credential retries
    once. Each client retries a request, its token included, so more retries would hide an error for a long time.
    """
    return WatchedCredential(WorkloadIdentityCredential(enable_azure_proxy=True, retry_total=1))
