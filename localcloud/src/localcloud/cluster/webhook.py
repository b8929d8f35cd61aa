"""What the workload-identity webhook 1.6.0 does to a pod at its creation, as one pure function.

Source: https://github.com/Azure/azure-workload-identity/blob/v1.6.0/pkg/webhook/webhook.go and
https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html
"""

import copy
import hashlib
import re
from dataclasses import dataclass
from typing import Any

LABEL = "azure.workload.identity/use"
CLIENT_ID = "azure.workload.identity/client-id"
TENANT_ID = "azure.workload.identity/tenant-id"
TOKEN_EXPIRATION = "azure.workload.identity/service-account-token-expiration"  # noqa: S105 - an annotation
SKIP_CONTAINERS = "azure.workload.identity/skip-containers"
INJECT_PROXY_SIDECAR = "azure.workload.identity/inject-proxy-sidecar"

AUDIENCE = "api://AzureADTokenExchange"
MOUNT_PATH = "/var/run/secrets/azure/wi"
TOKEN_PATH = "token/azure-identity-token"  # noqa: S105 - a path
CA_PATH = "ca-cert/ca.crt"

_VOLUME_PREFIX = "azure-workload-identity-reserved-"
_VOLUME_NAME_LENGTH = 63
_SHORTEST, _LONGEST = 3600, 86400  # seconds that a projected token may live

Object = dict[str, Any]  # a Kubernetes object as JSON


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """The webhook's custom token endpoint: what AKS sets for identity bindings.

    A pod asks for it with the annotation `azure.workload.identity/use-<annotation_suffix>: "true"`. The CA is the key
    `ca.crt` of a ConfigMap in the pod's namespace.
    """

    annotation_suffix: str
    audience: str
    proxy: str
    sni_name: str
    ca_config_map: str


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """The webhook's configuration. `tenant_id` is for every service account that names no other tenant."""

    tenant_id: str
    authority_host: str = "https://login.microsoftonline.com/"
    token_endpoint: TokenEndpoint | None = None


@dataclass(frozen=True, slots=True)
class NotAdmitted:
    """The pod is not admitted. `reason` is the answer to the client that creates it."""

    reason: str


def mutate(pod: Object, service_account: Object | None, settings: WebhookSettings) -> Object | NotAdmitted:
    """Return the pod as it is admitted, or the refusal. The arguments stay as they are.

    `service_account` is the one that the pod names, `None` if there is none of that name.
    """
    metadata, spec = pod.get("metadata", {}), pod.get("spec", {})
    if metadata.get("labels", {}).get(LABEL) != "true":
        return pod  # the API server does not call the webhook
    if service_account is None:
        name = spec.get("serviceAccountName") or "default"
        return NotAdmitted(f'ServiceAccount "{name}" not found')
    annotations = metadata.get("annotations", {})
    if INJECT_PROXY_SIDECAR in annotations:  # its mere presence asks for it, even "false"
        return NotAdmitted(f"the annotation {INJECT_PROXY_SIDECAR} asks for a sidecar that is not emulated: remove it")
    granted = service_account.get("metadata", {}).get("annotations", {})
    expiration = _expiration(annotations.get(TOKEN_EXPIRATION) or granted.get(TOKEN_EXPIRATION))
    if isinstance(expiration, NotAdmitted):
        return expiration

    endpoint = _token_endpoint(annotations, settings)
    variables = {
        "AZURE_CLIENT_ID": granted.get(CLIENT_ID, ""),
        "AZURE_TENANT_ID": granted.get(TENANT_ID, settings.tenant_id),  # an empty annotation beats the cluster's
        "AZURE_FEDERATED_TOKEN_FILE": f"{MOUNT_PATH}/{TOKEN_PATH}",
        "AZURE_AUTHORITY_HOST": settings.authority_host,
    }
    if endpoint:
        variables |= {
            "AZURE_KUBERNETES_TOKEN_PROXY": endpoint.proxy,
            "AZURE_KUBERNETES_SNI_NAME": endpoint.sni_name,
            "AZURE_KUBERNETES_CA_FILE": f"{MOUNT_PATH}/{CA_PATH}",
        }
    skipped = {name.strip() for name in annotations.get(SKIP_CONTAINERS, "").split(";")}
    volume = _volume(metadata, expiration, endpoint)

    admitted = copy.deepcopy(pod)
    for container in [*admitted["spec"].get("initContainers", []), *admitted["spec"].get("containers", [])]:
        if container["name"] not in skipped:
            _add_variables(container, variables)
            mount = {"name": volume["name"], "mountPath": MOUNT_PATH, "readOnly": True}
            _put(container.setdefault("volumeMounts", []), mount)
    _put(admitted["spec"].setdefault("volumes", []), volume)  # even if every container is skipped
    return admitted


def volume_name(metadata: Object) -> str:
    """Return the name of the token's volume, which is made from the pod's name, or from its `generateName`."""
    pod_name = metadata.get("name") or f"{metadata.get('generateName', '')} (prefix)"
    digest = hashlib.sha256(pod_name.encode()).hexdigest()
    return (_VOLUME_PREFIX + digest)[:_VOLUME_NAME_LENGTH]


def _expiration(annotation: str | None) -> int | NotAdmitted:
    if not annotation:
        return _SHORTEST
    if not re.fullmatch(r"[+-]?[0-9]+", annotation):
        return NotAdmitted(f'strconv.ParseInt: parsing "{annotation}": invalid syntax')
    seconds = int(annotation)
    if not _SHORTEST <= seconds <= _LONGEST:
        return NotAdmitted(
            f"token expiration {seconds} not valid. Expected value to be between {_SHORTEST} and {_LONGEST}"
        )
    return seconds


def _token_endpoint(annotations: Object, settings: WebhookSettings) -> TokenEndpoint | None:
    endpoint = settings.token_endpoint
    if endpoint is None:
        return None
    asked = annotations.get(f"azure.workload.identity/use-{endpoint.annotation_suffix}", "")
    return endpoint if asked.lower() == "true" else None


def _volume(metadata: Object, expiration: int, endpoint: TokenEndpoint | None) -> Object:
    token = {
        "path": TOKEN_PATH,
        "expirationSeconds": expiration,
        "audience": endpoint.audience if endpoint else AUDIENCE,
    }
    sources: list[Object] = [{"serviceAccountToken": token}]
    if endpoint:
        items = [{"key": "ca.crt", "path": CA_PATH}]
        sources.append({"configMap": {"name": endpoint.ca_config_map, "items": items, "optional": False}})
    return {"name": volume_name(metadata), "projected": {"sources": sources}}


def _add_variables(container: Object, variables: dict[str, str]) -> None:
    present = {variable["name"] for variable in container.get("env", [])}
    added = [{"name": name, "value": value} for name, value in variables.items() if value and name not in present]
    if added:
        container.setdefault("env", []).extend(added)


def _put(named: list[Object], item: Object) -> None:
    """Replace the item of the same name, or append the item."""
    for index, existing in enumerate(named):
        if existing["name"] == item["name"]:
            named[index] = item
            return
    named.append(item)
