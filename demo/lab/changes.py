"""A lab's change in words, a line for each part."""

from collections.abc import Iterator

import yaml

from demo.lab.lab import Change


def change_in_words(change: Change) -> Iterator[str]:
    yield from _of_manifests(change)
    yield from _of_access(change)
    yield from _of_azure(change)


def _of_manifests(change: Change) -> Iterator[str]:
    if change.overlay:
        yield f"the overlay is k8s/overlays/{change.overlay}"
    for patch in change.manifests:
        for operation in patch["patch"]:
            path = operation["path"].replace("~1", "/")
            value = f": {operation['value']}" if "value" in operation else ""
            yield f"{patch['target']['kind']} {patch['target']['name']}: {operation['op']} {path}{value}"


def _of_access(change: Change) -> Iterator[str]:
    for grant in change.take:
        yield f"infra/access.yaml: {grant.workload} loses {grant.role} on {grant.scope}"
    for grant in change.give:
        yield f"infra/access.yaml: {grant.workload} gets {grant.role} on {grant.scope}"
    for grant in change.renew:
        yield f"infra/access.yaml: {grant.workload} had no {grant.role} on {grant.scope}, and gets it just now"
    for name, fields in change.workloads.items():
        written = yaml.safe_dump(fields, default_flow_style=True, width=10_000).strip()
        yield f"the federated credentials of the identity {name}: {written}"
    for service, added in change.entities.items():
        yield f"infra/access.yaml: there is also {' and '.join(f'{service}/{name}' for name in added)}"
    for name in change.delete:
        yield f"the identity {name} is deleted"


def _of_azure(change: Change) -> Iterator[str]:
    if change.propagation:
        yield f"Azure needs {change.propagation} s until a role that is given or taken counts"
    if change.federation:
        yield f"identities trust the cluster by {change.federation}"
    for service, kind in change.faults.items():
        yield f"the service {service} is {kind}"
    if change.clock:
        yield f"Azure's clock is {change.clock} s ahead of the cluster's"
    if change.rotateIssuerKey:
        yield "the cluster's issuer signs with a new key, and publishes that alone"
    for secret, how in change.secrets.items():
        yield f"the secret {secret} is {how}"
    for workload in (*change.newPods, *change.restart):
        yield f"Deployment {workload}: gets a new pod"
    for workload in change.kill:
        yield f"the containers of {workload} are killed, and begin anew in the same pod"
