"""The workload-identity webhook, called by a real API server, does to every pod what it does on the laptop."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localcloud.cluster.registration import CONFIGURATION, WEBHOOK
from localcloud.cluster.webhook import LABEL, WebhookSettings, mutate
from localcloud.entra.discovery import AUTHORITY

from tests.cluster.api_server import ApiServer
from tests.cluster.pods import DEFAULT_ACCOUNT, create, everything, pod
from tests.cluster.sidecars import adding_sidecars
from tests.cluster.webhook import serving
from tests.infra.manifests import APPLIED, Object, named, outputs, pod_templates, rendered

TENANT = outputs("aks")["tenantId"]
FOLDER = "/var/run/secrets/azure/wi"
PROXY = ("https://kubernetes.default.svc", "0123456789abcdef01234567")
BINDING = "azure.workload.identity/use-identity-binding"


@pytest.fixture(scope="module")
def webhook(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with serving(api, tmp_path_factory.mktemp("webhook"), f"--tenant={TENANT}", "--token-proxy", *PROXY):
        yield


def admitted(api: ApiServer, asked: Object) -> Object:
    """The pod as the API server would store it."""
    made = create(api, asked, "--output=json")
    assert made.returncode == 0, made.stderr
    stored: Object = json.loads(made.stdout)
    return stored


def frontend() -> Object:
    """A pod of the overlay `aks` that passes the webhook."""
    [template] = [template for _, name, template in pod_templates("aks") if name == "frontend"]
    return pod("keyless", "frontend", copy.deepcopy(template))


@pytest.mark.parametrize("overlay", APPLIED)
@pytest.mark.usefixtures("webhook")
def test_every_pod_gets_its_variables_volume_and_mount(api: ApiServer, overlay: str) -> None:
    """A labelled pod is admitted with what azure-identity needs; a pod without the label stays as it is."""
    assert api.apply([*everything(overlay), DEFAULT_ACCOUNT]).returncode == 0
    for namespace, name, template in pod_templates(overlay):
        stored = admitted(api, pod(namespace, name, template))
        volumes = [volume for volume in stored["spec"]["volumes"] if "projected" in volume]
        for container in stored["spec"]["containers"]:
            variables = {each["name"]: each.get("value") for each in container["env"]}
            mounts = [mount for mount in container["volumeMounts"] if mount["mountPath"] == FOLDER]
            if template["metadata"]["labels"].get(LABEL) != "true":
                assert not [variable for variable in variables if variable.startswith("AZURE_FEDERATED")]
                assert (volumes, mounts) == ([], [])
                continue
            assert variables["AZURE_CLIENT_ID"] == outputs(overlay)[f"{name}ClientId"]
            assert variables["AZURE_TENANT_ID"] == TENANT
            assert variables["AZURE_AUTHORITY_HOST"] == f"{AUTHORITY}/"
            assert variables["AZURE_FEDERATED_TOKEN_FILE"] == f"{FOLDER}/token/azure-identity-token"
            bound = template["metadata"].get("annotations", {}).get(BINDING) == "true"
            assert (variables.get("AZURE_KUBERNETES_TOKEN_PROXY") == PROXY[0]) is bound
            [mount], [volume] = mounts, volumes
            assert mount == {"name": volume["name"], "mountPath": FOLDER, "readOnly": True}
            assert volume["projected"]["sources"] == (sources_of_binding() if bound else sources_of_credential())


def sources_of_credential(audience: str = "api://AzureADTokenExchange") -> list[Object]:
    """The volume of a pod whose identity trusts the cluster: its token for Entra."""
    token = {"audience": audience, "expirationSeconds": 3600, "path": "token/azure-identity-token"}
    return [{"serviceAccountToken": token}]


def sources_of_binding() -> list[Object]:
    """The volume of a pod that uses an identity binding: its token for the cluster's token proxy, and that one's CA."""
    ca = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca-cert/ca.crt"}], "optional": False}
    return [*sources_of_credential("api://AKSIdentityBinding"), {"configMap": ca}]


@pytest.mark.usefixtures("webhook")
def test_the_laptops_pods_are_the_clusters(api: ApiServer) -> None:
    """The API server stores what the laptop's webhook makes of the same pod, and its own defaults beside it."""
    assert api.apply(rendered("aks")).returncode == 0
    on_the_laptop = mutate(
        frontend(), named("aks", "ServiceAccount", "frontend"), WebhookSettings(TENANT, f"{AUTHORITY}/")
    )
    assert isinstance(on_the_laptop, dict)
    assert holds(admitted(api, frontend())["spec"], on_the_laptop["spec"])


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        ("service-account-token-expiration", "600", "token expiration 600 not valid"),
        ("service-account-token-expiration", "an hour", 'parsing "an hour": invalid syntax'),
        ("inject-proxy-sidecar", "true", "asks for a sidecar that is not emulated"),
    ],
)
@pytest.mark.usefixtures("webhook")
def test_what_the_webhook_refuses_is_not_admitted(api: ApiServer, annotation: str, value: str, reason: str) -> None:
    """The client that creates the pod is told the webhook's name and its reason."""
    assert api.apply(rendered("aks")).returncode == 0
    asked = frontend()
    asked["metadata"]["annotations"] = {f"azure.workload.identity/{annotation}": value}
    refused = create(api, asked)
    assert refused.returncode == 1
    assert f'admission webhook "{WEBHOOK}" denied the request: ' in refused.stderr
    assert reason in refused.stderr


@pytest.mark.usefixtures("webhook")
def test_a_service_account_without_a_client_id_gets_the_rest(api: ApiServer) -> None:
    """The pod is admitted without `AZURE_CLIENT_ID`, as by the real webhook. The SDK then names the variable."""
    assert api.apply([*rendered("aks"), DEFAULT_ACCOUNT]).returncode == 0
    asked = frontend()
    asked["spec"]["serviceAccountName"] = "default"
    [container] = admitted(api, asked)["spec"]["containers"]
    variables = {each["name"] for each in container["env"]}
    assert "AZURE_CLIENT_ID" not in variables
    assert {"AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"} <= variables


@pytest.mark.usefixtures("webhook")
def test_a_pod_without_its_service_account_is_refused_before_the_webhook(api: ApiServer) -> None:
    """The API server looks for the account first. The laptop's cluster refuses the pod in the same words."""
    assert api.apply(rendered("aks")).returncode == 0
    asked = frontend()
    asked["spec"]["serviceAccountName"] = "other"
    refused = create(api, asked)
    assert refused.returncode == 1
    assert 'pods "frontend" is forbidden: error looking up service account keyless/other: ' in refused.stderr
    assert 'serviceaccount "other" not found' in refused.stderr


@pytest.mark.usefixtures("webhook")
def test_a_container_that_another_webhook_adds_gets_its_identity_too(api: ApiServer) -> None:
    """The API server calls the webhook again for it (`reinvocationPolicy`), and nothing is added twice."""
    assert api.apply(rendered("aks")).returncode == 0
    with adding_sidecars(api):
        stored = admitted(api, frontend())
    application, sidecar = stored["spec"]["containers"]
    assert [each["name"] for each in sidecar["env"] if each["name"].startswith("AZURE_")] == [
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_AUTHORITY_HOST",
    ]
    variables = [each["name"] for each in application["env"]]
    assert len(variables) == len(set(variables))
    assert [volume["name"] for volume in stored["spec"]["volumes"] if "projected" in volume] == [
        mount["name"] for mount in sidecar["volumeMounts"]
    ]


@pytest.mark.usefixtures("webhook")
def test_it_is_registered_as_the_published_one(api: ApiServer) -> None:
    """The API server's own view of the registration has the published selector, policies and rule."""
    found = api.kubectl("get", "--output=json", "mutatingwebhookconfiguration", CONFIGURATION)
    [registered] = json.loads(found.stdout)["webhooks"]
    assert {name: value for name, value in registered.items() if name not in ("clientConfig", "timeoutSeconds")} == {
        "name": "mutation.azure-workload-identity.io",
        "admissionReviewVersions": ["v1", "v1beta1"],
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {"matchLabels": {"azure.workload.identity/use": "true"}},
        "reinvocationPolicy": "IfNeeded",
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}
        ],
        "sideEffects": "None",
    }


def test_without_the_webhook_no_labelled_pod_is_admitted(api: ApiServer, tmp_path: Path) -> None:
    """If it is registered and dead, a labelled pod is refused, and a pod without the label is not."""
    assert api.apply(rendered("aks")).returncode == 0
    with serving(api, tmp_path / "state") as program:
        program.kill()
        program.wait()
        refused = create(api, frontend())
        assert refused.returncode == 1
        assert f'failed calling webhook "{WEBHOOK}"' in refused.stderr
        unlabelled = frontend()
        del unlabelled["metadata"]["labels"][LABEL]
        assert create(api, unlabelled).returncode == 0


def test_it_takes_its_registration_away_when_it_stops(api: ApiServer, tmp_path: Path) -> None:
    """After SIGTERM the cluster calls it no more: a labelled pod is admitted as it is."""
    assert api.apply(rendered("aks")).returncode == 0
    with serving(api, tmp_path / "state") as program:
        program.terminate()
        assert program.wait(30) == 0
        [container] = admitted(api, frontend())["spec"]["containers"]
        assert "AZURE_CLIENT_ID" not in {each["name"] for each in container["env"]}


def holds(whole: Any, part: Any) -> bool:
    """Whether everything in `part` is in `whole`, which may have more fields; lists must be equally long."""
    if isinstance(part, dict):
        return all(key in whole and holds(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(holds(mine, other) for mine, other in zip(whole, part, strict=True))
    return bool(whole == part)
