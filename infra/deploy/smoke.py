"""`make smoke`: run the end-to-end tests as a Job in the cluster, from which a private deployment can be reached."""

from infra.deploy import images
from infra.deploy.azure import Azure
from infra.deploy.cluster import Cluster, reach
from infra.deploy.languages import language
from infra.deploy.manifests import render_smoke
from infra.deploy.patience import until_granted
from infra.deploy.programs import Failed, NotYet, ProgramFailed, Programs, say
from infra.deploy.record import Deployment

_JOB = ("job/smoke", "--namespace", "keyless")


def smoke(programs: Programs, azure: Azure, deployment: Deployment, patience: float) -> None:
    """Run the tests and print their output. Raises `Failed` if one fails. `patience` is in seconds."""
    try:
        deployment.outputs = language(programs, azure, deployment).outputs(deployment)
    except ProgramFailed as error:
        raise Failed(f"The deployment of {deployment.name} has no outputs: `make deploy` first.\n{error}") from error
    image = images.build(programs, deployment, "tests", images.tests_tag(), patience)
    say(f"✓ image {image}")
    cluster = reach(programs, deployment)
    manifests = render_smoke(programs, deployment, image)
    cluster.kubectl("delete", *_JOB, "--ignore-not-found", "--wait")
    cluster.apply(manifests)
    say("… the tests run in the cluster")
    succeeded = until_granted(lambda: _outcome(cluster), "The tests' Job has an outcome", patience, NotYet)
    say(cluster.kubectl("logs", *_JOB).rstrip())
    if not succeeded:
        raise Failed("The end-to-end tests failed: see above.")
    say("✓ the end-to-end tests passed")


def _outcome(cluster: Cluster) -> bool:
    """Whether the Job succeeded; raises `NotYet` while it runs."""
    counts = cluster.kubectl("get", *_JOB, "--output", "jsonpath={.status.succeeded}/{.status.failed}").strip()
    succeeded, _, failed = counts.partition("/")
    if not succeeded and not failed:
        raise NotYet("it is still running")
    return bool(succeeded)
