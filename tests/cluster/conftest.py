"""The API server that the tests share, with the custom resources that the manifests use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.api_server import ApiServer, running

CRDS = Path(__file__).parents[1] / "crds"


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Skips if there is no API server to run."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if not assets:
        pytest.skip("KUBEBUILDER_ASSETS names no API server: export KUBEBUILDER_ASSETS=$(setup-envtest use -p path)")
    with running(Path(assets), tmp_path_factory.mktemp("api")) as server:
        made = server.kubectl("apply", "--server-side", *(f"--filename={file}" for file in sorted(CRDS.glob("*.yaml"))))
        assert made.returncode == 0, made.stderr
        established = server.kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        assert established.returncode == 0, established.stderr
        yield server
