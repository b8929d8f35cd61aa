"""kubectl for the deployment's cluster: directly if its API server is public, else through `az aks command invoke`."""

import json
import shlex
from pathlib import Path
from typing import Protocol

from infra.deploy.programs import ProgramFailed, Programs
from infra.deploy.record import Deployment

# The manifests own the fields that they set. Other fields stay as they are, such as the replicas that KEDA sets.
_APPLY = ("apply", "--server-side", "--force-conflicts", "--filename")


class Cluster(Protocol):
    def kubectl(self, *arguments: str) -> str:
        """Run kubectl as the account that is signed in to Azure. Raises `ProgramFailed`."""

    def apply(self, manifests: Path) -> str:
        """Apply a file of manifests."""


class PublicCluster:
    """kubectl with a kubeconfig of its own. kubelogin takes its tokens from the Azure CLI."""

    def __init__(self, programs: Programs, deployment: Deployment) -> None:
        self._programs = programs
        self.kubeconfig = deployment.folder / "kubeconfig"
        named = ("--resource-group", deployment.group, "--name", deployment.cluster)
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
        named = ("--resource-group", self._deployment.group, "--name", self._deployment.cluster)
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
    """Return the cluster. Raises `ProgramFailed` if Azure does not give its address and certificate."""
    return PrivateCluster(programs, deployment) if deployment.private else PublicCluster(programs, deployment)
