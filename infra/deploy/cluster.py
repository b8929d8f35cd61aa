"""The way to the cluster: with kubectl where its API server is public, else by Azure's own command."""

import json
import shlex
from pathlib import Path
from typing import Protocol

from infra.deploy.programs import ProgramFailed, Programs
from infra.deploy.record import Deployment

# What stands in the manifests is theirs; what does not, such as the replicas that KEDA sets, is left alone.
_APPLY = ("apply", "--server-side", "--force-conflicts", "--filename")


class Cluster(Protocol):
    def kubectl(self, *arguments: str) -> str:
        """Runs kubectl as who is signed in to Azure; raises `ProgramFailed`."""

    def apply(self, manifests: Path) -> str:
        """Applies a file of manifests."""


class PublicCluster:
    """kubectl with a kubeconfig of its own, whose tokens kubelogin takes from the Azure CLI."""

    def __init__(self, programs: Programs, deployment: Deployment) -> None:
        self._programs = programs
        self.kubeconfig = deployment.folder / "kubeconfig"
        named = ("--resource-group", deployment.group, "--name", f"{deployment.name}-aks")
        programs.run(
            *("az", "aks", "get-credentials", *named, "--subscription", deployment.subscription),
            *("--file", str(self.kubeconfig), "--overwrite-existing", "--format", "exec"),
        )
        programs.run("kubelogin", "convert-kubeconfig", "--login", "azurecli", "--kubeconfig", str(self.kubeconfig))

    def kubectl(self, *arguments: str) -> str:
        return self._programs.run("kubectl", "--kubeconfig", str(self.kubeconfig), *arguments)

    def apply(self, manifests: Path) -> str:
        return self.kubectl(*_APPLY, str(manifests))


class PrivateCluster:
    """`az aks command invoke` runs kubectl in a pod of the cluster, with the caller's own token.

    https://learn.microsoft.com/azure/aks/access-private-cluster
    """

    def __init__(self, programs: Programs, deployment: Deployment) -> None:
        self._programs = programs
        self._deployment = deployment

    def kubectl(self, *arguments: str) -> str:
        return self._invoke(("kubectl", *arguments))

    def apply(self, manifests: Path) -> str:
        return self._invoke(("kubectl", *_APPLY, manifests.name), "--file", str(manifests))

    def _invoke(self, command: tuple[str, ...], *more: str) -> str:
        named = ("--resource-group", self._deployment.group, "--name", f"{self._deployment.name}-aks")
        answer = self._programs.run(
            *("az", "aks", "command", "invoke", *named, "--subscription", self._deployment.subscription),
            *("--command", shlex.join(command), *more),
            *("--output", "json"),  # without it the CLI prints the exit code among words, and ends with 0 in any case
        )
        result = json.loads(answer)
        logs = str(result.get("logs") or "")
        if result.get("exitCode") != 0:
            raise ProgramFailed(command, result.get("exitCode") or 1, logs.strip() or str(result.get("reason")))
        return logs


def reach(programs: Programs, deployment: Deployment) -> Cluster:
    """Raises `ProgramFailed` when the cluster's address and certificate can't be had."""
    return PrivateCluster(programs, deployment) if deployment.private else PublicCluster(programs, deployment)
