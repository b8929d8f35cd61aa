"""`make deploy` against stand-ins: the whole sequence, run twice, and what becomes of it when it is interrupted."""

from pathlib import Path

import pytest
import yaml

from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")
DEPLOYMENTS = {
    "learn by Bicep": (),
    "production by Bicep": ("--profile", "production"),
    "exposed by Bicep": ("--hostname", "orders.example.com"),
    "learn by Terraform": ("--iac", "terraform"),
}

FAILURES = {
    "az group exists": "AuthorizationFailed: the client has no permission",
    "az role definition list": "Forbidden: the client may not read role definitions",
    "az resource list": "AuthorizationFailed: the client may not list resources",
    "az vm list-skus": "ReadTimeout",
    "az deployment sub create": "QuotaExceeded: 4 cores are left in westeurope",
    "az identity list": "GatewayTimeout",
    "az role assignment list": "Forbidden: the client may not read role assignments",
    "az cosmosdb sql role": "The account is being updated",
    "az identity federated-credential list": "TooManyRequests",
    "az acr build": "failed to download context",
    "az aks get-credentials": "The resource was not found",
    "kubelogin convert-kubeconfig": "no such flag",
    "kubectl kustomize": "accumulating resources: missing",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize("options", DEPLOYMENTS.values(), ids=DEPLOYMENTS)
def test_a_deployment_runs_through_again_changes_nothing_and_tells_no_secret(
    checkout: Checkout, options: tuple[str, ...]
) -> None:
    """One run makes everything, a second changes nothing, and the vault's secrets went there by environment alone."""
    first = checkout.succeed("up", *WEST, *options)
    assert "frontend is ready" in first.output
    assert "backend is ready" in first.output
    made, recorded = checkout.cloud, checkout.recorded()
    assert len(made["images"]) == 2
    again = checkout.succeed("up")
    assert again.output.splitlines()[-3:] == first.output.splitlines()[-3:]
    assert checkout.recorded() == recorded
    for kept in ("vaults", "images", "groups", "roles"):
        assert checkout.cloud[kept] == made[kept]
    assert checkout.cloud["applied"][0] == checkout.cloud["applied"][1]
    assert ("HTTPRoute" in checkout.cloud["applied"][0]) is ("--hostname" in options)
    assert ("orders.example.com" in checkout.cloud["applied"][0]) is ("--hostname" in options)

    ((vault),) = made["vaults"].values()
    values = [value for versions in vault["secrets"].values() for value in versions]
    assert len(values) == (4 if "--hostname" in options else 3)
    for line in (line for value in values for line in value.splitlines() if not line.startswith("-----")):
        assert line not in first.printed + again.printed
        assert line.encode() not in checkout.files()


def test_what_is_applied_has_the_deployments_own_names(checkout: Checkout) -> None:
    """Endpoints and images are this deployment's, under another name too, and no file of the checkout changes."""
    before = (checkout.root / "k8s/overlays/aks/outputs.yaml").read_text()
    checkout.succeed("up", *WEST, "--name", "receipts")
    suffix = checkout.recorded("receipts")["suffix"]
    applied = list(yaml.safe_load_all(checkout.cloud["applied"][0]))
    frontend = next(o for o in applied if o["kind"] == "Deployment" and o["metadata"]["name"] == "frontend")
    container = frontend["spec"]["template"]["spec"]["containers"][0]
    assert container["image"].startswith(f"receipts{suffix}.azurecr.io/receipts/frontend:")
    assert f"https://receipts-{suffix}.vault.azure.net/" in [variable.get("value") for variable in container["env"]]
    built = {image.split("/", 1)[1] for image in (container["image"],)}
    assert built <= set(checkout.cloud["images"])
    assert not [o for o in applied if o["kind"] in {"ConfigMap", "Gateway"}]
    assert (checkout.root / "k8s/overlays/aks/outputs.yaml").read_text() == before


def test_changed_sources_are_built_and_nothing_else(checkout: Checkout) -> None:
    """A change of a service's source is another tag, which is built and applied."""
    checkout.succeed("up", *WEST)
    (checkout.root / "frontend" / "changed.py").write_text("changed = True\n")
    checkout.succeed("up")
    first, second = (image.rsplit(":", 1)[1] for image in checkout.cloud["images"][::2])
    assert first != second
    assert first in checkout.cloud["applied"][0]
    assert second in checkout.cloud["applied"][1]


@pytest.mark.parametrize("profile", ["learn", "production"])
def test_an_image_that_the_registry_lost_is_built_again(checkout: Checkout, profile: str) -> None:
    """The registry is asked whether it has the image, so one that was purged is built, and one that is there is not."""
    checkout.succeed("up", *WEST, "--profile", profile)
    [frontend, backend] = checkout.cloud["images"]
    checkout.change_cloud(images=[frontend])
    checkout.succeed("up")
    assert checkout.cloud["images"] == [frontend, backend]


def test_the_base_image_comes_through_the_registrys_cache(checkout: Checkout) -> None:
    """Each build gets the cached image by the Dockerfile's own digest, and a pull that is refused is tried again."""
    checkout.fail("az acr build", "toomanyrequests: Rate exceeded", times=2)
    checkout.succeed("up", *WEST)
    registry = f"keyless{checkout.recorded()['suffix']}.azurecr.io/keyless/python:"
    [digest] = {
        line.split("@")[1] for line in Path("frontend/Dockerfile").read_text().splitlines() if "BASE_IMAGE=" in line
    }
    bases = [call[call.index("--build-arg") + 1] for call in checkout.calls("az") if call[1:3] == ["acr", "build"]]
    assert len(bases) == 4
    assert all(base.startswith(f"BASE_IMAGE={registry}") and base.endswith(digest) for base in bases)


def test_roles_that_take_their_time_are_asked_for_again(checkout: Checkout) -> None:
    """A cluster that refuses its deployer, and a pod that is not ready, are asked again until they accept."""
    checkout.fail("can-i", "no", times=2)
    assert checkout.run("up", *WEST).code == 0
    checkout.fail("rollout status deployment/backend", "error: timed out waiting for the condition", times=2)
    assert checkout.run("up").code == 0


def test_a_private_cluster_is_reached_through_azure_alone(checkout: Checkout) -> None:
    """In production nothing speaks to the API server from here, and a command that fails in there fails here."""
    checkout.succeed("up", *WEST, "--profile", "production")
    assert {call[1] for call in checkout.calls("kubectl")} == {"kustomize"}
    assert not checkout.calls("kubelogin")
    checkout.fail("in the cluster: apply", "error: unable to recognize manifests", times=99)
    refused = checkout.run("up", "--patience", "1")
    assert refused.code == 1
    assert "unable to recognize manifests" in refused.errors


def test_half_a_pair_of_keys_is_replaced_by_a_whole_one(checkout: Checkout) -> None:
    """If a run is interrupted between the two keys, the next one makes a new pair, and says so."""
    checkout.change_cloud(stop_after=2)
    broken = checkout.run("up", *WEST)
    assert broken.code == 1
    assert "At least one resource deployment operation failed" in broken.errors
    checkout.fail("rest --method put", "Forbidden", times=1)  # and once more, in the middle of the repair
    assert checkout.run("up").code == 1
    mended = checkout.succeed("up")
    assert "a new pair was made" in mended.output
    (vault,) = checkout.cloud["vaults"].values()
    public, private = vault["secrets"]["receipt-public-key"][-1], vault["secrets"]["receipt-signing-key"][-1]
    assert _belong_together(public, private)
    versions = len(vault["secrets"]["receipt-public-key"])
    assert checkout.cloud["tags"]["receipt-signing-key"]["kid"] == f"version{versions}"
    assert "replace" not in checkout.cloud["tags"]["receipt-public-key"]
    assert "a new pair" not in checkout.succeed("up").output


def test_a_failure_stops_with_the_tools_own_words_and_the_next_run_goes_on(checkout: Checkout) -> None:
    """If a step fails, it is named with its reason and without a traceback, and the next run succeeds."""
    for match, words in FAILURES.items():
        checkout.fail(match, words)
        failed = checkout.run("up", *WEST)
        assert failed.code == 1, match
        assert words in failed.errors
        assert match in failed.errors
        assert "Traceback" not in failed.errors
    checkout.succeed("up", *WEST)
    assert len(checkout.cloud["images"]) == 2


def test_a_pod_that_never_gets_ready_ends_the_wait_with_its_reason(checkout: Checkout) -> None:
    """After the given time the run fails, and prints the last answer."""
    checkout.fail("rollout status", "error: timed out waiting for the condition", times=999)
    failed = checkout.run("up", *WEST, "--patience", "1")
    assert failed.code == 1
    assert "frontend is ready: still not so after 1 s" in failed.errors
    assert "timed out waiting for the condition" in failed.errors
    assert "Its last words" in failed.errors


def test_a_secret_that_a_tool_repeats_is_blotted_out(checkout: Checkout) -> None:
    """If a tool's error contains a secret that it was given, the secret is not printed."""
    words = "InvalidTemplate: {KEYLESS_FRONTEND_SIGNING_KEY} and {KEYLESS_RECEIPT_SIGNING_KEY}"
    checkout.fail("az deployment sub create", words)
    failed = checkout.run("up", *WEST)
    assert "InvalidTemplate: *** and" in failed.errors
    assert failed.errors.count("***") == 2


def _belong_together(public: str, private: str) -> bool:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    key = load_pem_private_key(private.encode(), None).public_key()
    return key.public_bytes_raw() == load_pem_public_key(public.encode()).public_bytes_raw()  # type: ignore[union-attr]
