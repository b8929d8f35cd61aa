"""`make destroy`: delete everything that costs money or occupies a name, as far as Azure allows."""

from infra.deploy import outlived, state
from infra.deploy.azure import Azure
from infra.deploy.languages import Terraform
from infra.deploy.programs import Programs, say
from infra.deploy.record import Deployment


def destroy(programs: Programs, azure: Azure, deployment: Deployment) -> None:
    """Delete the deployment. A repeat deletes what is left, also if the group is gone already."""
    if state.exists(azure, deployment):  # it knows app registrations too, which no group holds
        say("… what Terraform made, in about ten minutes")
        Terraform(programs, azure).destroy(deployment)
    if azure.group_exists(deployment.group, deployment.subscription):
        say(f"… {deployment.group}, in about ten minutes")
        azure.delete_group(deployment.group, deployment.subscription)
    say(f"✓ {deployment.group} is gone")
    outlived.remove(azure, deployment.group_id)
    state.delete(azure, deployment)
