"""The programs that a deployment needs on this machine."""

from infra.deploy.programs import Failed, ProgramFailed, Programs

_HOW = {
    "az": "The Azure CLI is missing: https://learn.microsoft.com/cli/azure/install-azure-cli",
    "terraform": "Terraform 1.11 or newer is missing: https://developer.hashicorp.com/terraform/install",
    "kubectl": "kubectl is missing: `az aks install-cli` brings it.",
    "kubelogin": "kubelogin is missing, which signs in to a cluster without local accounts: `az aks install-cli`.",
}


def check_az(programs: Programs) -> None:
    """Raises `Failed` without the Azure CLI, which is needed to find out what else is."""
    if not programs.has("az"):
        raise Failed(_HOW["az"])


def check(programs: Programs, iac: str, *, private: bool) -> None:
    """Raises `Failed` with a sentence for each missing program."""
    needed = ["az", "kubectl"]
    if iac == "terraform":
        needed.append("terraform")
    if not private:  # a private cluster is reached through Azure's own API
        needed.append("kubelogin")
    missing = [_HOW[program] for program in needed if not programs.has(program)]
    if iac == "bicep" and programs.has("az") and not _answers(programs, "az", "bicep", "version"):
        missing.append("Bicep is missing: `az bicep install` brings it.")
    if missing:
        raise Failed("\n".join(missing))


def _answers(programs: Programs, *command: str) -> bool:
    try:
        programs.run(*command)
    except ProgramFailed:
        return False
    return True
