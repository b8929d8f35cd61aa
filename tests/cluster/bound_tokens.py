"""Tokens of a real API server, each bound to a pod that the API server has admitted: what a kubelet projects there."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from tests.cluster.api_server import ApiServer
from tests.infra.manifests import Object

AUDIENCE = "api://AzureADTokenExchange"


class BoundTokens:
    """An `IssueToken` for the local cluster. It has the pod admitted first, if the API server has none of that name.

    `templates` has a pod of each service account, by namespace and account; a pod is made of it under its own name.
    """

    def __init__(self, api: ApiServer, templates: Mapping[tuple[str, str], Object]) -> None:
        self._api = api
        self._templates = templates
        self.pods: dict[str, Object] = {}

    def __call__(
        self,
        *,
        namespace: str,
        service_account: str,
        pod_name: str,
        audience: str,
        lifetime_seconds: int,
        **_local_uids: str,  # the API server has its own
    ) -> str:
        if pod_name not in self.pods:
            self.pods[pod_name] = self._admitted(namespace, service_account, pod_name)
        made = self._api.kubectl(
            f"--namespace={namespace}",
            "create",
            "token",
            service_account,
            f"--audience={audience}",
            f"--duration={lifetime_seconds}s",
            "--bound-object-kind=Pod",
            f"--bound-object-name={pod_name}",
            f"--bound-object-uid={self.pods[pod_name]['metadata']['uid']}",
        )
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def token(self, namespace: str, service_account: str, pod_name: str) -> str:
        """Return a token of this pod for Entra, as the webhook's volume has it."""
        return self(
            namespace=namespace,
            service_account=service_account,
            pod_name=pod_name,
            audience=AUDIENCE,
            lifetime_seconds=3600,
        )

    def delete(self, pod_name: str) -> None:
        """Delete the pod on the API server, where no kubelet keeps it."""
        namespace = self.pods.pop(pod_name)["metadata"]["namespace"]
        gone = self._api.kubectl(f"--namespace={namespace}", "delete", "pod", pod_name, "--now")
        assert gone.returncode == 0, gone.stderr

    def close(self) -> None:
        """Delete every pod that was made."""
        for name in tuple(self.pods):
            self.delete(name)

    def _admitted(self, namespace: str, service_account: str, name: str) -> Object:
        pod = copy.deepcopy(self._templates[namespace, service_account])
        pod["metadata"]["name"] = name
        made = self._api.kubectl("create", "--validate=strict", "--output=json", "--filename=-", given=pod)
        assert made.returncode == 0, made.stderr
        stored: dict[str, Any] = json.loads(made.stdout)
        return stored


def authenticated(api: ApiServer, token: str) -> tuple[bool, str]:
    """Whether a TokenReview of the API server accepts the token, and its error if it does not."""
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [AUDIENCE]},
    }
    made = api.kubectl("create", "--output=json", "--filename=-", given=review)
    assert made.returncode == 0, made.stderr
    status = json.loads(made.stdout)["status"]
    return status.get("authenticated", False), status.get("error", "")
