"""The doctor on a real cluster, by recorded answers of kubectl and az.

Their shapes are those of az's reference: `az identity`, `az role assignment`, `az cosmosdb sql role` and
`az keyvault secret` below https://learn.microsoft.com/cli/azure/reference-index.
"""

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from localcloud.authorization.model import AccessModel
from localcloud.authorization.workload import Workload
from localcloud.doctor.azure import Azure, CommandFailed, Deployed, run
from localcloud.doctor.chain import ChainLink, examine

ISSUER = "https://westeurope.oic.prod-aks.azure.com/72f988bf-0000-0000-0000-000000000000/1b2c3d4e/"
TENANT, WEB, WORKER = "72f988bf-0000-0000-0000-000000000000", "aaaa-client", "bbbb-client"
VAULT = "/subscriptions/s/resourceGroups/shop-rg/providers/Microsoft.KeyVault/vaults/v"
USE, CLIENT_ID = "azure.workload.identity/use", "azure.workload.identity/client-id"
COSMOS = "/subscriptions/s/resourceGroups/shop-rg/providers/Microsoft.DocumentDB/databaseAccounts/c"
WRITER = f"{COSMOS}/sqlRoleDefinitions/1111"
NOW = 1_795_600_000.0
MODEL = AccessModel.model_validate(
    {
        "entities": {
            "keyVault": {"mine": {}, "yours": {}},
            "cosmos": {"orders": {"database": "shop", "partitionKey": "/id"}},
        },
        "roles": {
            "Order Writer": {"kind": "cosmos", "dataActions": ["Microsoft.DocumentDB/databaseAccounts/readMetadata"]}
        },
        "workloads": {
            name: {
                "namespace": "shop",
                "serviceAccount": name,
                "grants": [
                    {"role": "Key Vault Secrets User", "scope": f"keyVault/{secret}"},
                    {"role": "Order Writer", "scope": "cosmos/orders"},
                ],
            }
            for name, secret in (("web", "mine"), ("worker", "yours"))
        },
    }
)
TOKEN = {"serviceAccountToken": {"audience": "api://AzureADTokenExchange", "expirationSeconds": 3600, "path": "t"}}
HEALTHY: dict[str, Any] = {
    "openid": {"issuer": ISSUER},
    "deployments": [
        {
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web", USE: "true"}},
                    "spec": {"serviceAccountName": "web"},
                },
            },
        }
    ],
    "cronjobs": [],
    "serviceaccounts": [
        {"metadata": {"name": "web", "annotations": {CLIENT_ID: WEB}}},
        {"metadata": {"name": "worker", "annotations": {CLIENT_ID: WORKER}}},
    ],
    "pods": [
        {
            "metadata": {"name": "web-1", "labels": {"app": "web"}, "creationTimestamp": "2026-11-25T10:00:00Z"},
            "spec": {
                "volumes": [{"name": "azure-identity-token", "projected": {"sources": [TOKEN]}}],
                "containers": [
                    {
                        "name": "web",
                        "env": [
                            {"name": "AZURE_CLIENT_ID", "value": WEB},
                            {"name": "AZURE_FEDERATED_TOKEN_FILE", "value": "/var/run/secrets/azure/wi/token"},
                        ],
                    }
                ],
            },
            "status": {"conditions": [{"type": "Ready", "status": "False"}]},
        }
    ],
    "identities": [
        {"name": "shop-web", "clientId": WEB, "principalId": "pw", "tenantId": TENANT},
        {"name": "shop-worker", "clientId": WORKER, "principalId": "pk", "tenantId": TENANT},
    ],
    "credentials": {
        f"shop-{name}": [
            {
                "name": "aks",
                "issuer": ISSUER,
                "subject": f"system:serviceaccount:shop:{name}",
                "audiences": ["api://AzureADTokenExchange"],
            }
        ]
        for name in ("web", "worker")
    },
    "cosmosdb": [{"name": "c"}],
    "definitions": [
        {"id": WRITER, "name": "1111", "roleName": "Order Writer shop", "typePropertiesType": "CustomRole"}
    ],
    "sql": [
        {"principalId": "pw", "roleDefinitionId": WRITER, "scope": f"{COSMOS}/dbs/shop/colls/orders"},
        {"principalId": "pk", "roleDefinitionId": WRITER, "scope": f"{COSMOS}/dbs/shop/colls/orders"},
    ],
    "vaults": [{"name": "v"}],
    "secrets": [{"id": "https://v.vault.azure.net/secrets/mine", "name": "mine", "attributes": {"enabled": True}}],
    "deleted": [],
    "log": "",
    "assignments": {
        "pw": [{"roleDefinitionName": "Key Vault Secrets User", "scope": f"{VAULT}/secrets/mine"}],
        "pk": [{"roleDefinitionName": "Key Vault Secrets User", "scope": f"{VAULT}/secrets/yours"}],
    },
}


def examined(answers: dict[str, Any], model: AccessModel = MODEL) -> tuple[list[ChainLink], list[Sequence[str]]]:
    """The links of the only workload, and the commands that were run."""
    commands: list[Sequence[str]] = []

    def answer(command: Sequence[str]) -> str:
        commands.append(command)
        words = list(command)
        match words:
            case ["kubectl", "get", "--raw", *_]:
                return json.dumps(answers["openid"])
            case ["kubectl", "get", kind, *_]:
                return json.dumps({"items": answers[kind]})
            case ["kubectl", "logs", *_]:
                return str(answers["log"])
            case ["az", "identity", "list", *_]:
                return json.dumps(answers["identities"])
            case ["az", "identity", "federated-credential", "list", *_]:
                return json.dumps(answers["credentials"][words[words.index("--identity-name") + 1]])
            case ["az", "role", "assignment", "list", *_]:
                return json.dumps(answers["assignments"][words[words.index("--assignee") + 1]])
            case ["az", "cosmosdb", "list", *_]:
                return json.dumps(answers["cosmosdb"])
            case ["az", "cosmosdb", "sql", "role", "definition", "list", *_]:
                return json.dumps(answers["definitions"])
            case ["az", "cosmosdb", "sql", "role", "assignment", "list", *_]:
                return json.dumps(answers["sql"])
            case ["az", "keyvault", "list", *_]:
                return json.dumps(answers["vaults"])
            case ["az", "keyvault", "secret", which, *_] if which in ("list", "list-deleted"):
                if answers["secrets"] is None:
                    raise CommandFailed("az keyvault secret: (Forbidden) Caller is not authorized")
                return json.dumps(answers["secrets" if which == "list" else "deleted"])
        raise AssertionError(command)

    azure = Azure(Deployed("shop", "shop-rg"), model, answer, lambda: NOW)
    (facts,) = azure.facts()
    return examine(facts, azure.remedies), commands


def test_a_healthy_cluster_is_only_read() -> None:
    """No link is bad, what can't be read is unknown, and every command lists or gets."""
    links, commands = examined(HEALTHY)
    assert [link.name for link in links if link.state == "bad"] == []
    assert [link.name for link in links if link.state == "unknown"] == ["token's times", "exchange"]
    assert [command for command in commands if not {"get", "list", "list-deleted", "logs"} & set(command)] == []


def template(answers: dict[str, Any]) -> dict[str, Any]:
    return dict(answers["deployments"][0]["spec"]["template"])


def unmutated(answers: dict[str, Any]) -> None:
    answers["pods"][0]["spec"] = {"volumes": [], "containers": [{"name": "web"}]}


def skipped(answers: dict[str, Any]) -> None:
    """The webhook mounts the volume all the same, and gives the container nothing."""
    template(answers)["metadata"]["annotations"] = {"azure.workload.identity/skip-containers": "web"}
    answers["pods"][0]["spec"]["containers"] = [{"name": "web"}]


def annotations(answers: dict[str, Any]) -> dict[str, str]:
    return dict.__getitem__(answers["serviceaccounts"][0]["metadata"], "annotations")


def annotated(answers: dict[str, Any], client_id: str) -> None:
    """The service account has another client id, and so has the pod that is made with it."""
    annotations(answers)[CLIENT_ID] = client_id
    answers["pods"][0]["spec"]["containers"][0]["env"][0]["value"] = client_id


def in_container(answers: dict[str, Any]) -> None:
    variable = {"name": "AZURE_CLIENT_ID", "value": WORKER}
    template(answers)["spec"]["containers"] = [{"name": "web", "env": [variable]}]
    answers["pods"][0]["spec"]["containers"][0]["env"][0] = variable


def shared(answers: dict[str, Any]) -> None:
    annotated(answers, WORKER)
    answers["credentials"]["shop-worker"].append(answers["credentials"]["shop-web"][0])


Break = Callable[[dict[str, Any]], object]
LABEL_COMMAND = "kubectl patch deployment web --namespace shop --patch"
BROKEN: dict[str, tuple[Break, str, str]] = {
    "label": (lambda a: template(a)["metadata"]["labels"].pop(USE), "label", LABEL_COMMAND),
    "label misspelt": (
        lambda a: template(a)["metadata"]["labels"].update({f"{USE}d": template(a)["metadata"]["labels"].pop(USE)}),
        "label",
        LABEL_COMMAND,
    ),
    "label on the Deployment": (
        lambda a: a["deployments"][0]["metadata"].update(labels={USE: template(a)["metadata"]["labels"].pop(USE)}),
        "label",
        LABEL_COMMAND,
    ),
    "pod older than the label": (unmutated, "mutation", "kubectl rollout restart deployment web"),
    "container skipped": (skipped, "mutation", "azure.workload.identity~1skip-containers"),
    "service account": (
        lambda a: template(a)["spec"].update(serviceAccountName="worker"),
        "service account",
        "kubectl set serviceaccount deployment web --namespace shop web",
    ),
    "annotation": (
        lambda a: a["serviceaccounts"][0]["metadata"].pop("annotations"),
        "annotation",
        f"{CLIENT_ID}={WEB}",
    ),
    "annotation misspelt": (
        lambda a: a["serviceaccounts"][0]["metadata"].update(annotations={CLIENT_ID.replace("-", "_"): WEB}),
        "annotation",
        f"{CLIENT_ID}={WEB} azure.workload.identity/client_id-",
    ),
    "tenant": (
        lambda a: annotations(a).update({"azure.workload.identity/tenant-id": "another"}),
        "tenant",
        "azure.workload.identity/tenant-id-",
    ),
    "client id unknown": (lambda a: annotated(a, "zzzz"), "client id", f"--overwrite {CLIENT_ID}={WEB}"),
    "client id of another": (lambda a: annotated(a, WORKER), "client id", f"--overwrite {CLIENT_ID}={WEB}"),
    "client id in the container": (in_container, "client id", "kubectl set env deployment web --namespace shop"),
    "annotation changed while running": (
        lambda a: annotations(a).update({CLIENT_ID: WORKER}),
        "client id",
        "kubectl rollout restart deployment web",
    ),
    "shared identity": (shared, "client id", f"--overwrite {CLIENT_ID}={WEB}"),
    "identity deleted": (lambda a: a["identities"].pop(0), "client id", "the identity is gone"),
    "credential deleted": (
        lambda a: a["credentials"].update({"shop-web": []}),
        "issuer",
        "az identity federated-credential create --name aks --identity-name shop-web --resource-group shop-rg",
    ),
    "issuer": (
        lambda a: a["credentials"]["shop-web"][0].update(issuer=ISSUER.rstrip("/")),
        "issuer",
        "az identity federated-credential update",
    ),
    "subject": (
        lambda a: a["credentials"]["shop-web"][0].update(subject="system:serviceaccount:shop:Web"),
        "subject",
        "--subject system:serviceaccount:shop:web",
    ),
    "audience": (
        lambda a: a["credentials"]["shop-web"][0].update(audiences=["api://other"]),
        "audience",
        "--audiences api://AzureADTokenExchange",
    ),
    "token expired": (
        lambda a: a.update(log="AADSTS700024: Client assertion is not within its valid time range. Trace ID: 1"),
        "exchange",
        "node's clock",
    ),
    "key rotated": (
        lambda a: a.update(log='{"message": "AADSTS7000272: The certificate with identifier 1 could not be found"}'),
        "exchange",
        "kubectl rollout restart deployment web",
    ),
    "issuer unreachable": (
        lambda a: a.update(log="AADSTS90061: Request to External OIDC endpoint failed."),
        "exchange",
        f"curl --fail {ISSUER}.well-known/openid-configuration",
    ),
    "proxy": (lambda a: a.update(log="('Unable to connect to proxy', …)"), "exchange", "Correct HTTPS_PROXY"),
    "authority": (lambda a: a.update(log="[SSL: CERTIFICATE_VERIFY_FAILED]"), "exchange", "REQUESTS_CA_BUNDLE"),
    "role": (lambda a: a["assignments"].update(pw=[]), "role", '"Key Vault Secrets User" on the id of keyVault/mine'),
    "role on another secret": (
        lambda a: a["assignments"]["pw"][0].update(scope=f"{VAULT}/secrets/yours"),
        "role",
        "keyVault/mine",
    ),
    "role on the whole vault": (
        lambda a: a["assignments"]["pw"][0].update(scope=VAULT),
        "role",
        f'az role assignment delete --role "Key Vault Secrets User" --scope {VAULT}',
    ),
    "role of the control plane": (
        lambda a: a["assignments"]["pw"][0].update(roleDefinitionName="Contributor"),
        "role",
        '"Key Vault Secrets User" on the id of keyVault/mine',
    ),
    "Azure's role on Cosmos DB": (
        lambda a: (
            a["sql"].pop(0),
            a["assignments"]["pw"].append(
                {"roleDefinitionName": "Order Writer", "scope": f"{COSMOS}/dbs/shop/colls/orders"}
            ),
        ),
        "role",
        "az cosmosdb sql role assignment create",
    ),
    "role given a minute ago": (
        lambda a: a["assignments"]["pw"][0].update(createdOn="2026-11-25T09:45:40.000000+00:00"),
        "role",
        "wait until 09:55:40",
    ),
    "secret deleted": (
        lambda a: a["deleted"].append(a["secrets"].pop()),
        "action",
        "az keyvault secret recover --vault-name <vault> --name mine",
    ),
    "secret missing": (lambda a: a["secrets"][0].update(name="other"), "action", "set the secret mine"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_broken_link_is_named_with_the_command_that_mends_it(name: str) -> None:
    """One link is bad, and its fix is a command of az or kubectl."""
    change, link, command = BROKEN[name]
    answers = copy.deepcopy(HEALTHY)
    change(answers)
    links, _commands = examined(answers)
    assert [(each.name, command in each.fix) for each in links if each.state == "bad"] == [(link, True)], links


@pytest.mark.parametrize("scope", [VAULT, "/subscriptions/s/resourceGroups/shop-rg", "/subscriptions/s"])
def test_a_wider_scope_is_more_than_is_needed(scope: str) -> None:
    """A role on the vault, the group or the subscription works, and is named, since no error ever tells of it."""
    answers = copy.deepcopy(HEALTHY)
    answers["assignments"]["pw"][0]["scope"] = scope
    (link,) = [link for link in examined(answers)[0] if link.state == "bad"]
    assert (link.name, link.actual) == ("role", f"it is on {scope}, and counts on all of it")


def ready(answers: dict[str, Any]) -> dict[str, Any]:
    answers = copy.deepcopy(answers)
    answers["pods"][0]["status"]["conditions"][0]["status"] = "True"
    return answers


UNHARMED: dict[str, Break] = {
    "an old refusal in the log of a pod that is ready": lambda a: a.update(log="AADSTS700024: not valid"),
    "a role given a minute ago, of a pod that is ready": lambda a: a["assignments"]["pw"][0].update(
        createdOn="2026-11-25T09:45:40.000000+00:00"
    ),
    "secrets that may not be listed": lambda a: a.update(secrets=None),
}


@pytest.mark.parametrize("name", UNHARMED)
def test_what_harms_nothing_is_no_broken_link(name: str) -> None:
    """The doctor is silent about it."""
    answers = ready(HEALTHY)
    UNHARMED[name](answers)
    assert [link.name for link in examined(answers)[0] if link.state == "bad"] == []


KEDA = {
    "namespace": "kube-system",
    "serviceAccount": "keda-operator",
    "grants": [{"role": "Key Vault Secrets User", "scope": "keyVault/mine"}],
}


@pytest.mark.parametrize(
    ("identity", "broken"), [("bbbb-client", []), (None, ["annotation"]), ("aaaa-client", ["client id"])]
)
def test_kedas_operator_asks_with_the_identity_of_its_trigger(identity: str | None, broken: list[str]) -> None:
    """Its Deployment stands in another namespace, and its client id in a TriggerAuthentication of its name."""
    answers = ready(HEALTHY)
    answers["deployments"][0]["metadata"]["name"] = "keda-operator"
    template(answers)["spec"]["serviceAccountName"] = "keda-operator"
    answers["serviceaccounts"] = [{"metadata": {"name": "keda-operator"}}]
    answers["pods"][0]["spec"]["containers"][0]["env"].pop(0)
    answers["identities"] = [
        {"name": "shop-keda", "clientId": WORKER, "principalId": "pw", "tenantId": TENANT},
        {"name": "shop-web", "clientId": WEB, "principalId": "pw", "tenantId": TENANT},
    ]
    subject = "system:serviceaccount:kube-system:keda-operator"
    answers["credentials"]["shop-keda"] = [answers["credentials"]["shop-web"][0] | {"subject": subject}]
    pod_identity = {"provider": "azure-workload"} | ({"identityId": identity} if identity else {})
    trigger = {"metadata": {"name": "keda"}, "spec": {"podIdentity": pod_identity}}
    answers["triggerauthentications.keda.sh"] = [trigger]
    workloads = {"web": MODEL.workloads["web"], "keda": Workload.model_validate(KEDA)}
    links, _commands = examined(answers, MODEL.model_copy(update={"workloads": workloads}))
    assert [link.name for link in links if link.state == "bad"] == broken


def test_a_program_that_is_not_there_is_named() -> None:
    """Without kubectl or az there is a sentence and no traceback; a refusal is the program's own words."""
    with pytest.raises(CommandFailed, match="no-such-program is not installed"):
        run(["no-such-program", "get"])
    with pytest.raises(CommandFailed, match=r"ls: .*nowhere"):
        run(["ls", "/nowhere"])
