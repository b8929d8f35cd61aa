"""The workload-identity webhook's mutation: what it adds to a pod, what it leaves, and whom it refuses."""

import copy
from typing import Any

import pytest
from localcloud.cluster.webhook import MOUNT_PATH, NotAdmitted, TokenEndpoint, WebhookSettings, mutate, volume_name

SETTINGS = WebhookSettings(tenant_id="the-cluster's-tenant")
BINDINGS = WebhookSettings(
    tenant_id="the-cluster's-tenant",
    token_endpoint=TokenEndpoint(
        annotation_suffix="identity-binding",
        audience="api://AKSIdentityBinding",
        proxy="https://kubernetes.default.svc",
        sni_name="a0.ests.aks",
        ca_config_map="kube-root-ca.crt",
    ),
)
EXPIRATION = "azure.workload.identity/service-account-token-expiration"


def pod(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "web-1",
            "labels": {"azure.workload.identity/use": "true"},
            "annotations": annotations,
        },
        "spec": {
            "serviceAccountName": "web",
            "initContainers": [{"name": "prepare"}],
            "containers": [{"name": "web", "env": [{"name": "LEVEL", "value": "info"}]}, {"name": "aside"}],
        },
    }


def account(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "annotations": {"azure.workload.identity/client-id": "the-client"} | annotations}
    }


def admitted(result: dict[str, Any] | NotAdmitted) -> dict[str, Any]:
    assert not isinstance(result, NotAdmitted), result
    return result


def variables(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container.get("env", [])}


def token_source(mutated: dict[str, Any]) -> dict[str, Any]:
    source: dict[str, Any] = mutated["spec"]["volumes"][-1]["projected"]["sources"][0]["serviceAccountToken"]
    return source


def test_every_container_gets_the_identity() -> None:
    """Containers and init containers alike get the four variables, after their own, and the token's mount."""
    mutated = admitted(mutate(pod(), account(), SETTINGS))
    for container in (*mutated["spec"]["initContainers"], *mutated["spec"]["containers"]):
        given = variables(container)
        given.pop("LEVEL", None)
        assert given == {
            "AZURE_CLIENT_ID": "the-client",
            "AZURE_TENANT_ID": "the-cluster's-tenant",
            "AZURE_FEDERATED_TOKEN_FILE": "/var/run/secrets/azure/wi/token/azure-identity-token",
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
        }
        assert container["volumeMounts"] == [
            {"name": volume_name({"name": "web-1"}), "mountPath": MOUNT_PATH, "readOnly": True}
        ]
    assert next(iter(variables(mutated["spec"]["containers"][0]))) == "LEVEL"


def test_the_token_is_for_entra_and_lives_an_hour() -> None:
    """The projected volume holds one token with Entra's audience and the default expiry."""
    mutated = admitted(mutate(pod(), account(), SETTINGS))
    assert mutated["spec"]["volumes"] == [
        {
            "name": volume_name({"name": "web-1"}),
            "projected": {
                "sources": [
                    {
                        "serviceAccountToken": {
                            "path": "token/azure-identity-token",
                            "expirationSeconds": 3600,
                            "audience": "api://AzureADTokenExchange",
                        }
                    }
                ]
            },
        }
    ]


def test_the_volume_is_named_after_the_pod() -> None:
    """The name is a prefix and the SHA-256 of the pod's name, 63 characters in all; without a name, of its prefix."""
    assert volume_name({"name": "web-1"}) == "azure-workload-identity-reserved-c4719afa76fa448b5eca99e6736885"
    assert len(volume_name({"generateName": "web-"})) == 63
    assert volume_name({"generateName": "web-"}) == volume_name({"name": "web- (prefix)"})


def test_the_arguments_are_not_changed() -> None:
    """The mutation is a pure function."""
    given, its_account = pod(), account()
    before = copy.deepcopy((given, its_account))
    mutate(given, its_account, SETTINGS)
    assert (given, its_account) == before


@pytest.mark.parametrize("label", ["True", "TRUE", "yes", "", None])
def test_only_the_exact_label_counts(label: str | None) -> None:
    """A pod whose label is not exactly "true" is left alone, even if its service account is missing."""
    given = pod()
    given["metadata"]["labels"] = {} if label is None else {"azure.workload.identity/use": label}
    assert mutate(given, None, SETTINGS) == given


def test_a_variable_that_is_there_is_kept() -> None:
    """A variable of the same name is never overwritten, not even an empty one."""
    given = pod()
    given["spec"]["containers"][0]["env"] = [{"name": "AZURE_CLIENT_ID", "value": ""}]
    mutated = admitted(mutate(given, account(), SETTINGS))
    assert variables(mutated["spec"]["containers"][0])["AZURE_CLIENT_ID"] == ""


def test_a_volume_and_a_mount_of_its_name_are_replaced() -> None:
    """Unlike variables, a volume and a mount that use the reserved name are replaced in their place."""
    given = pod()
    name = volume_name(given["metadata"])
    given["spec"]["volumes"] = [{"name": name, "emptyDir": {}}, {"name": "other", "emptyDir": {}}]
    given["spec"]["containers"][0]["volumeMounts"] = [{"name": name, "mountPath": "/mine"}]
    mutated = admitted(mutate(given, account(), SETTINGS))
    assert [volume["name"] for volume in mutated["spec"]["volumes"]] == [name, "other"]
    assert "projected" in mutated["spec"]["volumes"][0]
    assert [mount["mountPath"] for mount in mutated["spec"]["containers"][0]["volumeMounts"]] == [MOUNT_PATH]


def test_without_the_annotation_there_is_no_client_id() -> None:
    """A service account without a client id gives every variable but that one."""
    mutated = admitted(mutate(pod(), {"metadata": {"name": "web"}}, SETTINGS))
    given = variables(mutated["spec"]["containers"][1])
    assert "AZURE_CLIENT_ID" not in given
    assert given["AZURE_TENANT_ID"] == "the-cluster's-tenant"


@pytest.mark.parametrize(("annotation", "expected"), [("another", "another"), ("", None)])
def test_the_accounts_tenant_beats_the_clusters(annotation: str, expected: str | None) -> None:
    """The tenant annotation wins over the cluster's tenant, and an empty one leaves the variable out."""
    service_account = account(**{"azure.workload.identity/tenant-id": annotation})
    mutated = admitted(mutate(pod(), service_account, SETTINGS))
    assert variables(mutated["spec"]["containers"][1]).get("AZURE_TENANT_ID") == expected


def test_a_missing_service_account_is_refused() -> None:
    """The refusal names the service account."""
    assert mutate(pod(), None, SETTINGS) == NotAdmitted('ServiceAccount "web" not found')


@pytest.mark.parametrize(
    ("on_pod", "on_account", "expected"),
    [("7200", "86400", 7200), ("", "86400", 86400), (None, "3600", 3600), (None, None, 3600)],
)
def test_the_pods_expiration_beats_the_accounts(on_pod: str | None, on_account: str | None, expected: int) -> None:
    """The pod's annotation wins, then the service account's, then an hour; an empty one counts as none."""
    given = pod(**({EXPIRATION: on_pod} if on_pod is not None else {}))
    service_account = account(**({EXPIRATION: on_account} if on_account is not None else {}))
    assert token_source(admitted(mutate(given, service_account, SETTINGS)))["expirationSeconds"] == expected


@pytest.mark.parametrize("expiration", ["3599", "86401", "-1"])
def test_an_expiration_out_of_range_is_refused(expiration: str) -> None:
    """The refusal says what is expected."""
    refusal = mutate(pod(**{EXPIRATION: expiration}), account(), SETTINGS)
    assert refusal == NotAdmitted(
        f"token expiration {expiration} not valid. Expected value to be between 3600 and 86400"
    )


@pytest.mark.parametrize("expiration", ["1h", "3600.0", " 3600", "3_600"])
def test_an_expiration_that_is_no_number_is_refused(expiration: str) -> None:
    """Only what Go's ParseInt takes is a number."""
    assert isinstance(mutate(pod(**{EXPIRATION: expiration}), account(), SETTINGS), NotAdmitted)


def test_skipped_containers_get_nothing_but_the_volume_is_there() -> None:
    """Containers named in the annotation are left alone; with all of them skipped the volume is still added."""
    annotation = {"azure.workload.identity/skip-containers": "prepare; web ;aside"}
    mutated = admitted(mutate(pod(**annotation), account(), SETTINGS))
    original = pod()
    assert mutated["spec"]["containers"] == original["spec"]["containers"]
    assert mutated["spec"]["initContainers"] == original["spec"]["initContainers"]
    assert len(mutated["spec"]["volumes"]) == 1


def test_the_proxy_sidecar_is_refused_by_name() -> None:
    """The sidecar is not emulated, and its annotation's mere presence asks for it."""
    refusal = mutate(pod(**{"azure.workload.identity/inject-proxy-sidecar": "false"}), account(), SETTINGS)
    assert isinstance(refusal, NotAdmitted)
    assert "inject-proxy-sidecar" in refusal.reason


@pytest.mark.parametrize("value", ["true", "TRUE"])
def test_a_bound_pod_is_sent_to_the_token_proxy(value: str) -> None:
    """With the custom token endpoint a pod's token has its audience, and three more variables lead to the proxy."""
    mutated = admitted(mutate(pod(**{"azure.workload.identity/use-identity-binding": value}), account(), BINDINGS))
    given = variables(mutated["spec"]["containers"][1])
    assert given["AZURE_KUBERNETES_TOKEN_PROXY"] == "https://kubernetes.default.svc"
    assert given["AZURE_KUBERNETES_SNI_NAME"] == "a0.ests.aks"
    assert given["AZURE_KUBERNETES_CA_FILE"] == "/var/run/secrets/azure/wi/ca-cert/ca.crt"
    assert token_source(mutated)["audience"] == "api://AKSIdentityBinding"
    assert mutated["spec"]["volumes"][-1]["projected"]["sources"][1] == {
        "configMap": {
            "name": "kube-root-ca.crt",
            "items": [{"key": "ca.crt", "path": "ca-cert/ca.crt"}],
            "optional": False,
        }
    }


@pytest.mark.parametrize(
    ("value", "settings"), [("1", BINDINGS), ("false", BINDINGS), ("true", SETTINGS)], ids=["1", "false", "off"]
)
def test_an_annotation_that_does_not_bind_is_ignored_in_silence(value: str, settings: WebhookSettings) -> None:
    """Any other value, or a webhook without the endpoint, gives plain workload identity."""
    mutated = admitted(mutate(pod(**{"azure.workload.identity/use-identity-binding": value}), account(), settings))
    assert mutated["spec"] == admitted(mutate(pod(), account(), SETTINGS))["spec"]
