"""The doctor on a real cluster, by recorded answers of kubectl and az."""

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from localcloud.authorization.model import AccessModel
from localcloud.doctor.azure import Azure, CommandFailed, Deployed, run
from localcloud.doctor.chain import Link, examine

ISSUER = "https://westeurope.oic.prod-aks.azure.com/72f988bf-0000-0000-0000-000000000000/1b2c3d4e/"
TENANT, WEB, WORKER = "72f988bf-0000-0000-0000-000000000000", "aaaa-client", "bbbb-client"
VAULT = "/subscriptions/s/resourceGroups/shop-rg/providers/Microsoft.KeyVault/vaults/v"
USE, CLIENT_ID = "azure.workload.identity/use", "azure.workload.identity/client-id"
MODEL = AccessModel.model_validate(
    {
        "entities": {"keyVault": {"mine": {}, "yours": {}}},
        "workloads": {
            name: {
                "namespace": "shop",
                "serviceAccount": name,
                "grants": [{"role": "Key Vault Secrets User", "scope": f"keyVault/{secret}"}],
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
            "spec": {"volumes": [{"name": "azure-identity-token", "projected": {"sources": [TOKEN]}}]},
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
    "assignments": {
        "pw": [{"roleDefinitionName": "Key Vault Secrets User", "scope": f"{VAULT}/secrets/mine"}],
        "pk": [{"roleDefinitionName": "Key Vault Secrets User", "scope": f"{VAULT}/secrets/yours"}],
    },
}


def examined(answers: dict[str, Any]) -> tuple[list[Link], list[Sequence[str]]]:
    """The links of the only workload, and the commands that were run."""
    commands: list[Sequence[str]] = []

    def answer(command: Sequence[str]) -> str:
        commands.append(command)
        words = list(command)
        match words[:3]:
            case ["kubectl", "get", "--raw"]:
                return json.dumps(answers["openid"])
            case ["kubectl", "get", kind]:
                return json.dumps({"items": answers[kind]})
            case ["az", "identity", "list"]:
                return json.dumps(answers["identities"])
            case ["az", "identity", "federated-credential"]:
                return json.dumps(answers["credentials"][words[words.index("--identity-name") + 1]])
            case ["az", "role", "assignment"]:
                return json.dumps(answers["assignments"][words[words.index("--assignee") + 1]])
        raise AssertionError(command)

    azure = Azure(Deployed("shop", "shop", "shop-rg"), MODEL, answer)
    (facts,) = azure.facts()
    return examine(facts, azure.remedies), commands


def test_a_healthy_cluster_is_only_read() -> None:
    """No link is bad, what can't be read is unknown, and every command lists or gets."""
    links, commands = examined(HEALTHY)
    assert [link.name for link in links if link.state == "bad"] == []
    assert [link.name for link in links if link.state == "unknown"] == ["token's times", "exchange"]
    assert {word for command in commands for word in command[1:4]} & {"create", "delete", "update", "patch"} == set()
    assert all("get" in command or "list" in command for command in commands)


def template(answers: dict[str, Any]) -> dict[str, Any]:
    return dict(answers["deployments"][0]["spec"]["template"])


def unmutated(answers: dict[str, Any]) -> None:
    answers["pods"][0]["spec"]["volumes"] = []


Break = Callable[[dict[str, Any]], object]
BROKEN: dict[str, tuple[Break, str, str]] = {
    "label": (lambda a: template(a)["metadata"]["labels"].pop(USE), "label", "kubectl patch deployment web"),
    "pod older than the label": (unmutated, "mutation", "kubectl rollout restart deployment web"),
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
    "tenant": (
        lambda a: a["serviceaccounts"][0]["metadata"]["annotations"].update(
            {"azure.workload.identity/tenant-id": "another"}
        ),
        "tenant",
        "azure.workload.identity/tenant-id-",
    ),
    "client id of another": (
        lambda a: a["serviceaccounts"][0]["metadata"]["annotations"].update({CLIENT_ID: WORKER}),
        "client id",
        f"--overwrite {CLIENT_ID}={WEB}",
    ),
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
    "role": (lambda a: a["assignments"].update(pw=[]), "role", '"Key Vault Secrets User" on the id of keyVault/mine'),
    "role on another secret": (
        lambda a: a["assignments"]["pw"][0].update(scope=f"{VAULT}/secrets/yours"),
        "role",
        "keyVault/mine",
    ),
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
def test_a_wider_scope_covers_the_entity(scope: str) -> None:
    """A role on the vault, the group or the subscription is more than is needed, and no broken link."""
    answers = copy.deepcopy(HEALTHY)
    answers["assignments"]["pw"][0]["scope"] = scope
    assert [link.name for link in examined(answers)[0] if link.state == "bad"] == []


def test_a_program_that_is_not_there_is_named() -> None:
    """Without kubectl or az there is a sentence and no traceback; a refusal is the program's own words."""
    with pytest.raises(CommandFailed, match="no-such-program is not installed"):
        run(["no-such-program", "get"])
    with pytest.raises(CommandFailed, match=r"ls: .*nowhere"):
        run(["ls", "/nowhere"])
