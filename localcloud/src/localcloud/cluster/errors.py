"""What the cluster tells the person who started it: each message is a sentence for the terminal."""


class ClusterError(Exception):
    """The cluster cannot do what it was asked to."""


class RenderError(ClusterError):
    """Kustomize refuses the overlay; the message names the file and how to write it, if that is known."""


class ManifestError(ClusterError):
    """The manifests ask for what the local cluster does not do; one line for each fault."""


class ServicePortTaken(ClusterError):
    """The local port of a Service is in use."""


class RolloutError(ClusterError):
    """The new pods of a restart did not become ready; the old ones still run."""


class ContainerConfigError(ClusterError):
    """A container or a volume names what does not exist, such as a ConfigMap or a key of it."""
