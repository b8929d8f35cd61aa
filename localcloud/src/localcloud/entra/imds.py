"""The instance metadata service (IMDS), as a pod meets it whose node has no identity for it: it gives no token.

https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token. On AKS the pod would
ask the node at 169.254.169.254. Here the request comes through the proxy, so that it never leaves the machine.
"""

import json

TOKEN_PATH = "/metadata/identity/oauth2/token"  # noqa: S105 - a path
ADVICE = (
    "use workload identity: WorkloadIdentityCredential, or DefaultAzureCredential in a pod with the label "
    "azure.workload.identity/use and a service account with its client id"
)


def answer(target: str) -> tuple[int, str]:
    """Return the status and the JSON for a path with its query.

    A token is refused as for a machine without an identity, 400 `invalid_request`, and the sentence says what to use.
    """
    if target.partition("?")[0] == TOKEN_PATH:
        return 400, _error("invalid_request", f"Identity not found. There is no managed identity of a node: {ADVICE}.")
    return 404, _error("not_found", "The local cloud has no instance metadata: a pod is a process here.")


def _error(code: str, sentence: str) -> str:
    return json.dumps({"error": code, "error_description": sentence})
