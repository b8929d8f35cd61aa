"""Identity bindings in a local cloud without a cluster: the ClusterRoles of the application's manifests."""

from localcloud.cluster.manifest import read
from localcloud.testing import RunningCloud

from tests.infra.manifests import rendered


def take_roles_of_manifests(running: RunningCloud) -> None:
    """Let each service account use the identities that the overlay `local-bindings` lets it use."""
    manifests = read(list(rendered("local-bindings")))
    running.cloud.api_server.roles.take(manifests.cluster_roles.values(), manifests.cluster_role_bindings.values())
