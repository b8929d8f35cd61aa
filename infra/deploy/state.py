"""The place of Terraform's state: a storage account of its own, so that a pipeline and other people go on from it.

It takes Entra tokens only, and keeps earlier versions. Its name follows from subscription and deployment, so that every
machine finds it. `make destroy` deletes it last.
"""

import hashlib
import json
from pathlib import Path

from infra.deploy.azure import Azure, Principal
from infra.deploy.record import Deployment

_CONTAINER = "state"
_ROLE = "Storage Blob Data Contributor"


def group(deployment: Deployment) -> str:
    return f"{deployment.name}-state-rg"


def exists(azure: Azure, deployment: Deployment) -> bool:
    return azure.group_exists(group(deployment), deployment.subscription)


def make(azure: Azure, deployment: Deployment, deployer: Principal) -> None:
    """Make account and container through the control plane, and let the deployer write. A repeat changes nothing."""
    subscription = ("--subscription", deployment.subscription)
    in_group = ("--resource-group", group(deployment), *subscription)
    account = _account(deployment)
    tags = ("--tags", f"application={deployment.name}")
    azure.tell("group", "create", "--name", group(deployment), "--location", deployment.location, *tags, *subscription)
    azure.tell(
        *("storage", "account", "create", "--name", account, *in_group, "--location", deployment.location, *tags),
        *("--sku", "Standard_ZRS" if deployment.private else "Standard_LRS", "--kind", "StorageV2"),
        *("--allow-shared-key-access", "false", "--allow-blob-public-access", "false"),
        *("--https-only", "true", "--min-tls-version", "TLS1_2"),
    )
    azure.tell(
        *("storage", "account", "blob-service-properties", "update", "--account-name", account, *in_group),
        *("--enable-versioning", "true", "--enable-delete-retention", "true", "--delete-retention-days", "30"),
    )
    azure.tell("storage", "container-rm", "create", "--storage-account", account, "--name", _CONTAINER, *in_group)
    azure.tell(
        *("role", "assignment", "create", "--role", _ROLE, "--scope", _container_id(deployment)),
        *("--assignee-object-id", deployer.object_id, "--assignee-principal-type", deployer.kind),
    )


def delete(azure: Azure, deployment: Deployment) -> None:
    if exists(azure, deployment):
        azure.delete_group(group(deployment), deployment.subscription)


def write_backend(deployment: Deployment, folder: Path) -> None:
    """Tell Terraform in this folder where its state is.

    https://developer.hashicorp.com/terraform/language/backend/azurerm
    """
    backend = {
        "subscription_id": deployment.subscription,
        "resource_group_name": group(deployment),
        "storage_account_name": _account(deployment),
        "container_name": _CONTAINER,
        "key": f"{deployment.name}.tfstate",
        "use_azuread_auth": True,
        "use_cli": True,
    }
    content = {"terraform": {"backend": {"azurerm": backend}}}
    (folder / "backend.tf.json").write_text(json.dumps(content, indent=2) + "\n")


def _account(deployment: Deployment) -> str:
    """Return a name that is unique in the world: at most 12 characters of the deployment's, then 10 of a digest."""
    digest = hashlib.sha256(f"{deployment.subscription}/{deployment.name}".encode()).hexdigest()
    return f"{deployment.name}{digest[:10]}"


def _container_id(deployment: Deployment) -> str:
    in_group = f"/subscriptions/{deployment.subscription}/resourceGroups/{group(deployment)}"
    account = f"{in_group}/providers/Microsoft.Storage/storageAccounts/{_account(deployment)}"
    return f"{account}/blobServices/default/containers/{_CONTAINER}"
