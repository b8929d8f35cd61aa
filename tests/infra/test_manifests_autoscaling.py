"""The frontend on AKS: its processor time decides how many pods run."""

import pytest

from tests.infra.manifests import OVERLAYS, named, of_kind

AKS = [overlay for overlay in OVERLAYS if overlay.startswith("aks")]


@pytest.mark.parametrize("overlay", AKS)
def test_the_frontend_scales_by_its_processor_time(overlay: str) -> None:
    """The autoscaler is the only one to set its number of pods, asks for a share of a request that is there, and never
    leaves fewer pods than the disruption budget needs to let a node go."""
    [scaler] = of_kind(overlay, "HorizontalPodAutoscaler")
    assert scaler["metadata"]["namespace"] == "keyless"
    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"}
    frontend = named(overlay, "Deployment", "frontend")["spec"]
    assert "replicas" not in frontend
    [metric] = scaler["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"
    assert all("cpu" in container["resources"]["requests"] for container in frontend["template"]["spec"]["containers"])
    budget = named(overlay, "PodDisruptionBudget", "frontend")["spec"]
    assert scaler["spec"]["minReplicas"] > budget.get("minAvailable", 1)


@pytest.mark.parametrize("overlay", AKS)
def test_no_two_scalers_have_one_target(overlay: str) -> None:
    """KEDA makes an autoscaler for the worker, so this one has another target."""
    targets = [
        scaler["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for scaler in of_kind(overlay, kind)
    ]
    assert sorted(targets) == ["backend", "frontend"]
