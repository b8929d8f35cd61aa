"""`make destroy`: delete everything that costs money or occupies a name, as far as Azure allows."""

from infra.deploy.azure import Azure
from infra.deploy.languages import language
from infra.deploy.programs import Programs, say
from infra.deploy.record import Deployment


def destroy(programs: Programs, azure: Azure, deployment: Deployment) -> None:
    """Delete the deployment. A repeat skips what is gone already."""
    deployer = azure.principal(azure.account())
    if azure.group_exists(deployment):
        roles = azure.custom_roles(deployment)
        say("… about ten minutes")
        language(programs, deployment).destroy(deployment, deployer)
        if azure.group_exists(deployment):
            azure.delete_group(deployment)
        for role in roles:  # they outlive their scope, and nothing else deletes them
            azure.delete_role(deployment, role)
    say(f"✓ {deployment.group} is gone")
    if azure.deleted_vault(deployment):
        if deployment.private:
            say(f"  The vault {deployment.unique} is purge-protected: Azure keeps it, deleted, for 90 days.")
        else:
            azure.purge_vault(deployment)
            say(f"✓ the vault {deployment.unique} is purged")
    deployment.forget()
