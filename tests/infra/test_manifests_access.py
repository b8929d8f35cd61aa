"""Manifests, access model and infrastructure speak of the same identities, in every overlay.

A pod becomes an identity by its namespace, its service account, a label and an annotation. Each is compared here with
`infra/access.yaml`, with the federated credentials of both languages' snapshots, and with the infrastructure's outputs.
"""

import pytest
from localcloud.cluster.webhook import NotAdmitted, WebhookSettings, mutate

from tests.infra import access_of_bicep
from tests.infra.derived import MODEL, subjects_of_model
from tests.infra.manifests import EXPOSED, OVERLAYS, named, of_kind, outputs, pod_templates, rendered, strings

APPLICATION = ("frontend", "backend", "redrive", "repair")
AZURE = tuple(overlay for overlay in OVERLAYS if not overlay.startswith(("local", "kind")))
CLIENT_ID = "azure.workload.identity/client-id"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_service_accounts_are_those_of_the_model(overlay: str) -> None:
    """Subject and client id of each service account that stands for an identity: the model's, and no others."""
    accounts = {
        f"system:serviceaccount:{item['metadata']['namespace']}:{item['metadata']['name']}": annotations[CLIENT_ID]
        for item in of_kind(overlay, "ServiceAccount")
        for annotations in [item["metadata"].get("annotations", {})]
        if CLIENT_ID in annotations
    }
    subjects = subjects_of_model()
    expected = {subjects[name]: outputs(overlay)[f"{name}ClientId"] for name in APPLICATION}
    if overlay in EXPOSED:
        [trust] = (trust for trust in access_of_bicep.deployment("exposed").trusts if trust.identity == "gateway")
        expected[trust.subject] = outputs(overlay)["gatewayClientId"]
    assert accounts == expected


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_gets_its_own_identity(overlay: str) -> None:
    """The webhook gives each workload's pods the client id of that workload alone, and the local cloud's pod none."""
    given = {}
    for namespace, name, template in pod_templates(overlay):
        account = named(overlay, "ServiceAccount", template["spec"]["serviceAccountName"])
        assert account["metadata"]["namespace"] == namespace
        admitted = mutate(template, account, WebhookSettings("tenant"))
        assert not isinstance(admitted, NotAdmitted)
        (container,) = admitted["spec"]["containers"]
        given[name] = {item["name"]: item.get("value") for item in container["env"]}.get("AZURE_CLIENT_ID")
    expected = {name: outputs(overlay)[f"{name}ClientId"] for name in APPLICATION}
    assert given == expected | ({"localcloud": None} if overlay == "kind" else {})


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_placeholder_is_filled_in(overlay: str) -> None:
    """No value is left to be filled in by hand, and what the replacements read is not applied."""
    assert [text for text in strings(rendered(overlay)) if "filled-in" in text] == []
    assert of_kind(overlay, "ConfigMap") == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_endpoints_are_those_of_the_outputs(overlay: str) -> None:
    """Each endpoint is the infrastructure's, and each workload is told those of the services that it is granted."""
    endpoints = {
        "AZURE_KEYVAULT_RESOURCEENDPOINT": ("keyVault", "keyVaultEndpoint"),
        "AZURE_COSMOS_RESOURCEENDPOINT": ("cosmos", "cosmosEndpoint"),
        "AZURE_STORAGEBLOB_RESOURCEENDPOINT": ("blob", "blobEndpoint"),
        "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE": ("serviceBus", "serviceBusNamespace"),
    }
    for namespace, name, template in pod_templates(overlay):
        if namespace != "keyless":
            continue
        told = {item["name"]: item.get("value") for item in template["spec"]["containers"][0]["env"]}
        granted = {grant["scope"].split("/")[0] for grant in MODEL["workloads"][name]["grants"]}
        assert {variable: told[variable] for variable in endpoints if variable in told} == {
            variable: outputs(overlay)[output]
            for variable, (service, output) in endpoints.items()
            if service in granted
        }


@pytest.mark.parametrize("overlay", ["aks", "eks"])
def test_the_outputs_have_the_infrastructures_names(overlay: str) -> None:
    """An overlay for Azure is filled in with what the infrastructure hands over, and the tag of the images."""
    assert set(outputs(overlay)) == access_of_bicep.deployment("exposed").outputs | {"imageTag"}


@pytest.mark.parametrize("overlay", AZURE)
def test_images_come_from_the_infrastructures_registry(overlay: str) -> None:
    """Each image is `{registry}/{name}/{service}:{tag}`; the worker, redrive and repair share one."""
    given = outputs(overlay)
    images = {name: template["spec"]["containers"][0]["image"] for _, name, template in pod_templates(overlay)}
    assert images == {
        name: f"{given['registryLoginServer']}/keyless/{image}:{given['imageTag']}"
        for name, image in zip(APPLICATION, ("frontend", "backend", "backend", "backend"), strict=True)
    }


@pytest.mark.parametrize("overlay", ["local-keda", *AZURE])
def test_keda_scales_the_worker_as_an_identity_of_its_own(overlay: str) -> None:
    """The queue's length is asked for as `keda`, and the number of workers is in no manifest but KEDA's."""
    scaled = named(overlay, "ScaledObject", "backend")
    [trigger] = scaled["spec"]["triggers"]
    authentication = named(overlay, "TriggerAuthentication", trigger["authenticationRef"]["name"])
    assert authentication["spec"] == {
        "podIdentity": {"provider": "azure-workload", "identityId": outputs(overlay)["kedaClientId"]}
    }
    [queue] = (grant["scope"].removeprefix("serviceBus/") for grant in MODEL["workloads"]["keda"]["grants"])
    namespace = outputs(overlay)["serviceBusNamespace"].removesuffix(".servicebus.windows.net")
    assert trigger["type"] == "azure-servicebus"
    assert (trigger["metadata"]["namespace"], trigger["metadata"]["queueName"]) == (namespace, queue)
    worker = named(overlay, "Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert worker["metadata"]["namespace"] == scaled["metadata"]["namespace"]
    assert "replicas" not in worker["spec"]


def test_the_pods_on_kind_find_the_local_cloud_under_azures_names() -> None:
    """Every name of the outputs, and Entra's, leads to the Service's address, and every SDK trusts its CA."""
    address = named("kind", "Service", "localcloud")["spec"]["clusterIP"]
    hosts = {
        outputs("kind")[name].removeprefix("https://").rstrip("/").removesuffix(":443")
        for name in ("keyVaultEndpoint", "cosmosEndpoint", "blobEndpoint", "serviceBusNamespace")
    } | {"login.microsoftonline.com"}
    for namespace, _, template in pod_templates("kind"):
        if namespace == "localcloud":
            continue
        [alias] = template["spec"]["hostAliases"]
        assert (alias["ip"], set(alias["hostnames"])) == (address, hosts)
        (container,) = template["spec"]["containers"]
        env = {item["name"]: item.get("value") for item in container["env"]}
        assert env["SSL_CERT_FILE"] == env["REQUESTS_CA_BUNDLE"] == "/etc/localcloud/ca.pem"
        assert {"name": "localcloud-ca", "mountPath": "/etc/localcloud", "readOnly": True} in container["volumeMounts"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_manifest_holds_a_credential(overlay: str) -> None:
    """No Secret, no reference to one, no key and no connection string."""
    assert of_kind(overlay, "Secret") == []
    text = str(rendered(overlay)).lower()
    for trace in ("secretkeyref", "secretref", "accountkey", "sharedaccesskey", "connectionstring", "client_secret"):
        assert trace not in text
