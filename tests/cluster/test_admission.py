"""A real API server takes every overlay: its objects, and the pods that controllers make of them."""

import copy

import pytest

from tests.cluster.api_server import ApiServer
from tests.cluster.pods import DEFAULT_ACCOUNT, create, everything, pod
from tests.infra.manifests import APPLIED, of_kind, pod_templates, rendered


@pytest.mark.parametrize("overlay", APPLIED)
def test_every_object_is_taken_without_a_warning(api: ApiServer, overlay: str) -> None:
    """Server-side apply, strict fields, every rule of the custom resources, and no warning about a pod template."""
    objects = everything(overlay)
    applied = api.apply(objects)
    assert applied.returncode == 0, applied.stderr
    assert applied.stderr == ""
    assert len(applied.stdout.splitlines()) == len(objects)


@pytest.mark.parametrize("overlay", APPLIED)
def test_every_pod_is_admitted(api: ApiServer, overlay: str) -> None:
    """Each pod as a controller would make it passes the admission of its namespace, which enforces `restricted`."""
    assert api.apply([*everything(overlay), DEFAULT_ACCOUNT]).returncode == 0
    for namespace, name, template in pod_templates(overlay):
        made = create(api, pod(namespace, name, template))
        assert made.returncode == 0, made.stderr


def test_a_pod_that_is_less_hardened_is_refused(api: ApiServer) -> None:
    """The same pod without one of its settings is refused, and the refusal names the setting."""
    assert api.apply(rendered("aks")).returncode == 0
    namespace, name, template = next(pod_templates("aks"))
    lesser = copy.deepcopy(template)
    del lesser["spec"]["securityContext"]["seccompProfile"]
    refused = create(api, pod(namespace, name, lesser))
    assert refused.returncode == 1
    assert 'violates PodSecurity "restricted:latest": seccompProfile' in refused.stderr


def test_the_gateways_proxies_are_admitted_where_the_gateway_is(api: ApiServer) -> None:
    """Application routing's proxies have no seccomp profile, so only the Gateway's own namespace admits them."""
    assert api.apply(rendered("aks-exposed")).returncode == 0
    _, _, template = next(pod_templates("aks-exposed"))
    proxy = copy.deepcopy(template)
    del proxy["spec"]["securityContext"]["seccompProfile"]
    proxy["spec"]["serviceAccountName"] = "gateway"
    [gateway] = of_kind("aks-exposed", "Gateway")
    admitted = create(api, pod(gateway["metadata"]["namespace"], "proxy", proxy))
    assert admitted.returncode == 0, admitted.stderr


def test_a_field_that_does_not_exist_is_refused(api: ApiServer) -> None:
    """One misspelt field stops the apply."""
    [gateway] = copy.deepcopy(of_kind("aks-exposed", "Gateway"))
    gateway["spec"]["listener"] = []
    refused = api.apply([gateway])
    assert refused.returncode == 1
    assert 'unknown field "listener"' in refused.stderr
