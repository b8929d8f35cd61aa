"""`make deploy`: deploy the application and wait until it is ready. A repeat changes only what has changed."""

import shlex

from infra.deploy import capacity, images, keys, permissions
from infra.deploy.azure import Azure
from infra.deploy.certificate import store
from infra.deploy.cluster import Cluster, PublicCluster, reach
from infra.deploy.languages import language
from infra.deploy.leftovers import revoke
from infra.deploy.manifests import render_application
from infra.deploy.patience import REPLICATION, UNAVAILABLE, until_granted, until_it_works
from infra.deploy.programs import Failed, NotYet, Programs, say
from infra.deploy.record import Deployment

WORKLOADS = ("frontend", "backend")


def up(programs: Programs, azure: Azure, deployment: Deployment, certificate: str, patience: float) -> None:
    """Deploy. Raises `Failed` at the first step that fails; the next run goes on from there.

    `certificate` is the Gateway's PEM text, or empty. `patience` is in seconds.
    """
    _make_infrastructure(programs, azure, deployment, patience)
    if deployment.hostname:
        store(azure, deployment, certificate)

    tag = images.services_tag()
    for image in WORKLOADS:
        say(f"✓ image {images.build(programs, deployment, image, tag, patience)}")

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
    if deployment.moves:
        _take_the_old_way_away(programs, azure, deployment, cluster, patience)
    say(_how_to_look(cluster, deployment))


def _make_infrastructure(programs: Programs, azure: Azure, deployment: Deployment, patience: float) -> None:
    account = azure.account()
    deployer = azure.principal(account)
    permissions.check(azure, account, deployer)
    if not azure.cluster_exists(deployment):
        capacity.check(azure, deployment)
    deployment.deployers[deployer.object_id] = deployer.kind
    keys.mark_if_half_made(azure, deployment, azure.vault_secrets(deployment))

    say(
        f"… infrastructure by {deployment.iac}, profile {deployment.profile}: the first time about a quarter of an hour"
    )
    language(programs, azure, deployment).prepare(deployment, deployer, patience)
    _apply(programs, azure, deployment, patience)
    say(f"✓ infrastructure in {deployment.group}")
    if not deployment.moves:  # while the pods move, both ways have to work
        _revoke_leftovers(azure, deployment, patience)
    if keys.replace_marked_pair(azure, deployment, azure.vault_secrets(deployment)):
        say("✓ an interrupted deployment had left one of the two receipt keys: a new pair was made")


def _apply(programs: Programs, azure: Azure, deployment: Deployment, patience: float) -> None:
    tool = language(programs, azure, deployment)
    passing = REPLICATION | UNAVAILABLE
    deployment.outputs = until_it_works(lambda: tool.apply(deployment), "The infrastructure is made", patience, passing)


def _revoke_leftovers(azure: Azure, deployment: Deployment, patience: float) -> None:
    if deployment.iac == "bicep":
        for line in until_granted(lambda: revoke(azure, deployment), "What is left over is revoked", patience, NotYet):
            say(f"✓ revoked, since the model no longer grants it: {line}")


def _take_the_old_way_away(
    programs: Programs, azure: Azure, deployment: Deployment, cluster: Cluster, patience: float
) -> None:
    """Take the old way of federating away, now that the pods have moved. Until now both have worked."""
    deployment.federated = deployment.federation
    _apply(programs, azure, deployment, patience)
    _revoke_leftovers(azure, deployment, patience)
    if deployment.federation == "credentials":
        kinds = "clusterroles,clusterrolebindings"
        cluster.kubectl("delete", kinds, "--selector", "app.kubernetes.io/part-of=keyless", "--ignore-not-found")
    say(f"✓ every pod has moved: identities trust the cluster by {deployment.federation} alone")


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
