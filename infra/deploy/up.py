"""`make deploy`: deploy the application and wait until it is ready. A repeat changes only what has changed."""

import shlex

from infra.deploy import images, keys
from infra.deploy.azure import Azure
from infra.deploy.cluster import Cluster, PublicCluster, reach
from infra.deploy.languages import language
from infra.deploy.leftovers import revoke
from infra.deploy.manifests import render_application
from infra.deploy.programs import Failed, NotYet, Programs, say, until_granted
from infra.deploy.record import Deployment

WORKLOADS = ("frontend", "backend")


def up(programs: Programs, azure: Azure, deployment: Deployment, patience: float) -> None:
    """Deploy. Raises `Failed` at the first step that fails; the next run goes on from there. `patience`: seconds."""
    deployer = azure.principal(azure.account())
    deployment.renew_receipt_keys |= keys.are_half_made(azure.vault_secrets(deployment))
    deployment.save()  # before anything is made, so that an interrupted first run keeps its suffix

    say(
        f"… infrastructure by {deployment.iac}, profile {deployment.profile}: the first time about a quarter of an hour"
    )
    moves = deployment.moves
    deployment.outputs = language(programs, deployment).apply(deployment, deployer)
    deployment.save()
    say(f"✓ infrastructure in {deployment.group}")

    if not moves:
        _revoke_leftovers(azure, deployment, patience)

    if deployment.renew_receipt_keys:
        keys.rotate_receipt_key(azure, deployment)
        deployment.renew_receipt_keys = False
        deployment.save()
        say("✓ an interrupted deployment had left one of the two receipt keys: a new pair was made")

    tag = images.services_tag()
    for image in WORKLOADS:
        say(f"✓ image {images.build(programs, deployment, image, tag)}")

    cluster = reach(programs, deployment)
    manifests = render_application(programs, deployment, tag)
    enter = ("auth", "can-i", "*", "*", "--all-namespaces")
    until_granted(lambda: cluster.kubectl(*enter), "The cluster lets its deployer in", patience)
    # Repeated too: an add-on's kinds may not be installed yet.
    until_granted(lambda: cluster.apply(manifests), "The manifests are accepted", patience)
    if not deployment.hostname:
        cluster.kubectl("delete", "namespace", "keyless-gateway", "--ignore-not-found")
    say("✓ manifests applied")
    for workload in WORKLOADS:
        _await_ready(cluster, workload, patience)
        say(f"✓ {workload} is ready: it has every access that it needs")
    _settle_federation(programs, azure, deployment, cluster, patience)
    say(_how_to_look(cluster, deployment))


def _revoke_leftovers(azure: Azure, deployment: Deployment, patience: float) -> None:
    if deployment.iac == "bicep":
        for line in until_granted(lambda: revoke(azure, deployment), "What is left over is revoked", patience, NotYet):
            say(f"✓ revoked, since the model no longer grants it: {line}")


def _settle_federation(
    programs: Programs, azure: Azure, deployment: Deployment, cluster: Cluster, patience: float
) -> None:
    """If the pods have moved to another way of federating, take the old one away. Until now both have worked."""
    moved = deployment.moves
    deployment.federated = deployment.federation
    if moved:
        deployment.outputs = language(programs, deployment).apply(deployment, azure.principal(azure.account()))
        _revoke_leftovers(azure, deployment, patience)
        if deployment.federation == "credentials":
            kinds = "clusterroles,clusterrolebindings"
            cluster.kubectl("delete", kinds, "--selector", "app.kubernetes.io/part-of=keyless", "--ignore-not-found")
        say(f"✓ every pod has moved: identities trust the cluster by {deployment.federation} alone")
    deployment.save()


def _await_ready(cluster: Cluster, workload: str, patience: float) -> None:
    """Wait for the rollout. A pod is ready once every service gives it access, so this waits for the roles."""
    named = (f"deployment/{workload}", "--namespace", "keyless")
    rollout = ("rollout", "status", *named, "--timeout", "60s")
    try:
        until_granted(lambda: cluster.kubectl(*rollout), f"{workload} is ready", patience)
    except Failed as error:
        raise Failed(f"{error}\nIts last words:\n{cluster.kubectl('logs', *named, '--tail', '10')}") from error


def _how_to_look(cluster: Cluster, deployment: Deployment) -> str:
    if not isinstance(cluster, PublicCluster):
        where = "  From a machine within the network: kubectl port-forward --namespace keyless service/frontend 8080"
    else:
        kubectl = shlex.join(["kubectl", "--kubeconfig", str(cluster.kubeconfig)])
        where = f"  {kubectl} port-forward --namespace keyless service/frontend 8080\n  then http://127.0.0.1:8080/"
    return f"\n{where}\n  make smoke NAME={deployment.name}      the end-to-end tests, within the cluster"
