"""The page of the journey with identity bindings: which way the token came, and what the token proxy compares."""

from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from localcloud.entra.federation import Way
from localcloud.testing import RunningCloud, reached_as_from_a_pod

from tests.access.application import hand_over_keys
from tests.bindings import take_roles_of_manifests
from tests.e2e.waiting import until
from tests.journey.workloads import serving

WORKLOADS = ("frontend", "backend")


@pytest.fixture(scope="module")
def bound(start_cloud: Callable[..., RunningCloud]) -> Iterator[RunningCloud]:
    """A cloud whose identities are bound to its cluster, reached as from a pod."""
    started = start_cloud(Path("infra/access.yaml"), federation="bindings")
    with reached_as_from_a_pod(started):
        hand_over_keys(started)
        yield started


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_chain_with_bindings_is_whole(bound: RunningCloud, workload: str) -> None:
    """The page says that the cluster asks Entra, and nothing that it compares differs."""
    take_roles_of_manifests(bound)
    with serving(workload, bound) as url:
        found = until(
            lambda: httpx.get(f"{url}/identity", trust_env=False, timeout=30).json(),
            lambda answer: len(answer["tokens"]) == 4,
        )
        page = httpx.get(f"{url}/identity", headers={"Accept": "text/html"}, trust_env=False, timeout=30).text
    assert (found["exchange"]["way"], found["exchange"]["state"]) == ("bindings", "ok")
    compared = {part["name"]: part for part in found["exchange"]["compared"]}
    assert compared["aud"]["presented"] == compared["aud"]["trusted"] == "api://AKSIdentityBinding"
    assert {part["same"] for part in compared.values()} == {True}
    assert "asks Entra in the pod's place" in unescape(page)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_chain_breaks_at_the_token_proxy(bound: RunningCloud, workload: str) -> None:
    """Without a ClusterRole the exchange fails in the proxy's words, and no service is reached."""
    bound.cloud.api_server.roles.take([], [])
    with serving(workload, bound) as url:
        found = until(
            lambda: httpx.get(f"{url}/identity", trust_env=False, timeout=30).json(),
            lambda answer: answer["exchange"]["state"] == "failed",
        )
    assert "ManagedIdentityForbidden" in found["exchange"]["failure"]["text"]
    assert {access["state"] for access in found["accesses"]} == {"unreached"}


def test_a_chain_with_credentials_says_so(bound: RunningCloud) -> None:
    """Without the token proxy's variables the pod asks Entra itself."""
    bound.cloud.federation.way = Way.CREDENTIALS
    with serving("frontend", bound) as url:
        found = httpx.get(f"{url}/identity", trust_env=False, timeout=30).json()
    bound.cloud.federation.way = Way.BINDINGS
    assert (found["exchange"]["way"], found["exchange"]["state"]) == ("credentials", "ok")
