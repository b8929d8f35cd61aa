"""For tests of an application: a local cloud in the test's own process, reached as a pod reaches Azure."""

from localcloud.testing.raw_sender import RawSender
from localcloud.testing.running_cloud import RunningCloud, reached_as_from_a_pod, running_cloud

__all__ = ["RawSender", "RunningCloud", "reached_as_from_a_pod", "running_cloud"]
