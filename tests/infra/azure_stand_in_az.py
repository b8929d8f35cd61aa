"""What the stand-in answers for `az`. It is imported by `azure_stand_in` alone, so: the standard library only."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from azure_stand_in import SECRETS, SUBSCRIPTION, Call, Cloud, Refused, invoke

_NO_AUTHORIZATION = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]
BUILT_IN = {
    # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
    "Owner": {"actions": ["*"], "notActions": []},
    "Contributor": {"actions": ["*"], "notActions": _NO_AUTHORIZATION},
    "User Access Administrator": {"actions": ["*/read", "Microsoft.Authorization/*"], "notActions": []},
    "Role Based Access Control Administrator": {
        "actions": [
            *("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"),
            "*/read",
        ],
        "notActions": [],
    },
    "Resource Policy Contributor": {
        "actions": [
            *("*/read", "Microsoft.Authorization/policyassignments/*", "Microsoft.Authorization/policydefinitions/*"),
        ],
        "notActions": [],
    },
    "Reader": {"actions": ["*/read"], "notActions": []},
}
"""Roles by name, which stands for the id here."""


def az(call: Call, cloud: Cloud) -> str:
    state = cloud.state
    match call.words:
        case "account show":
            return json.dumps({"id": SUBSCRIPTION, "user": {"name": "ada@example.com", "type": "user"}})
        case "bicep version":
            return "Bicep CLI version 0.49.2"
        case "ad signed-in-user show":
            return str(state["principal"])
        case "resource list":
            name = call.option("--name")
            return json.dumps([{"name": name}] if name in {*state["vaults"], *state["clusters"]} else [])
        case "group exists":
            return json.dumps(call.option("--name") in state["groups"])
        case "group show":
            return json.dumps(state["groups"][call.option("--name")])
        case "group create":
            tags = dict([call.option("--tags").split("=")])
            state["groups"][call.option("--name")] = {"location": call.option("--location"), "tags": tags}
            cloud.save()
            return ""
        case "group delete":
            if not call.has("--yes"):
                raise Refused("Unable to prompt for confirmation as no tty available. Use --yes.")
            cloud.delete_group(call.option("--name"))
            return ""
        case "rest":
            return _rest(call, cloud)
        case "deployment sub create" | "deployment sub what-if":
            return _deployment(call, cloud)
        case "deployment sub show":
            if "outputs" not in state:
                raise Refused("DeploymentNotFound")
            return json.dumps(state["outputs"])
        case "acr build":
            return _acr_build(call, cloud)
        case "acr repository show":
            return _in_the_registry(call.option("--image"), cloud)
        case "acr run":
            _need_the_caller(call, cloud)
            return _in_the_registry(call.option("--cmd").split(".azurecr.io/")[1], cloud)
        case "aks show":
            pools = state["clusters"][call.option("--name")]
            return json.dumps([{"name": name, "count": count} for name, count in pools.items()])
        case "vm list-skus":
            return json.dumps(state["skus"])
        case "vm list-usage":
            return json.dumps(state["usages"])
        case "storage account create":
            if call.option("--allow-shared-key-access") != "false":
                raise Refused("an account with keys")
            return ""
        case "storage account blob-service-properties update" | "storage container-rm create":
            return ""
        case "role assignment create":
            state["state_writers"] = sorted({*state.get("state_writers", []), call.option("--assignee-object-id")})
            cloud.save()
            return ""
        case "aks get-credentials":
            Path(call.option("--file")).write_text("user: devicecode\n")
            return ""
        case "aks command invoke":
            return invoke(call, cloud)
        case "role definition list":
            return json.dumps([{"name": name, "permissions": [held]} for name, held in BUILT_IN.items()])
        case "identity list":
            name = call.option("--resource-group").removesuffix("-rg")
            names = [*state["credentials"], f"{name}-control-plane", f"{name}-kubelet"]
            return json.dumps([{"name": name, "principalId": f"oid-of-{name}"} for name in names])
        case "role assignment list" if "--assignee" in call.arguments:
            return json.dumps([{"roleDefinitionId": f"/x/roleDefinitions/{role}"} for role in state["deployers_roles"]])
        case "role assignment list":
            known = [] if "forgetful" in state else state["assignments"].values()
            return json.dumps([a for a in known if "/databaseAccounts/" not in a["scope"]])
        case "cosmosdb sql role assignment list":
            return json.dumps([a for a in state["assignments"].values() if "/databaseAccounts/" in a["scope"]])
        case "role assignment delete":
            del state["assignments"][call.option("--ids").rsplit("/", 1)[1]]
            cloud.save()
            return ""
        case "cosmosdb sql role assignment delete":
            del state["assignments"][call.option("--role-assignment-id")]
            cloud.save()
            return ""
        case "identity federated-credential list":
            held = state["credentials"][call.option("--identity-name")]
            return json.dumps([{"name": name, "issuer": issuer} for name, issuer in held.items()])
        case "identity federated-credential delete":
            del state["credentials"][call.option("--identity-name")][call.option("--name")]
            cloud.save()
            return ""
        case "aks identity-binding list":
            return json.dumps([{"name": name} for name in state["bindings"]])
        case "aks identity-binding delete":
            if not call.has("--yes"):
                raise Refused("Operation cancelled.")
            state["bindings"].remove(call.option("--name"))  # its credential stays, as in Azure
            cloud.save()
            return ""
        case "keyvault list-deleted":
            return json.dumps([_deleted_vault(*item) for item in state["deleted"].items()])
        case "keyvault purge":
            if state["deleted"].pop(call.option("--name"))["purge_protected"]:
                raise Refused("(OperationNotAllowed) Purge is not allowed: purge protection is enabled.")
            cloud.save()
            return ""
    raise Refused(f"'{call.words}' is misspelled or not recognized by the system.")


def _rest(call: Call, cloud: Cloud) -> str:
    path, _, query = call.option("--url").partition("?")
    if not query.startswith("api-version="):
        raise Refused('Bad Request({"error":{"code":"MissingApiVersionParameter"}})')
    if path.endswith("/roleDefinitions"):
        return json.dumps({"value": [_role_definition(*item) for item in cloud.state["roles"].items()]})
    if call.option("--method") == "delete":
        cloud.state["roles"].pop(path.rsplit("/", 1)[1], None)
        cloud.save()
        return ""
    vault = path.split("/vaults/")[1].split("/")[0]
    if vault not in cloud.state["vaults"]:
        raise Refused('Not Found({"error":{"code":"ResourceNotFound"}})')
    secrets = cloud.state["vaults"][vault]["secrets"]
    if call.option("--method") == "get":
        tags = cloud.state.get("tags", {})
        return json.dumps({"value": [{"name": name, "tags": tags.get(name)} for name in secrets]})
    if call.option("--body") != "@-":
        raise Refused("a secret on the command line")
    name, body = path.rsplit("/", 1)[1], json.loads(sys.stdin.read())
    secrets.setdefault(name, []).append(body["properties"]["value"])
    cloud.state.setdefault("tags", {})[name] = body["tags"]
    cloud.save()
    return f"https://{vault}.vault.azure.net/secrets/{name}/version{len(secrets[name])}\n"


def _deployment(call: Call, cloud: Cloud) -> str:
    parameters = Path(call.option("--parameters"))
    if not parameters.is_file():
        raise Refused(f"[Errno 2] No such file or directory: '{parameters}'")
    call.option("--location")
    names = [
        *("KEYLESS_NAME", "KEYLESS_SUFFIX", "KEYLESS_DEPLOYERS", "KEYLESS_HOSTNAME", "KEYLESS_ISSUERS"),
        *("KEYLESS_ADDRESSES", "KEYLESS_NODE_SIZE", "KEYLESS_NODE_COUNT", "KEYLESS_RUNNING_NODES", "KEYLESS_RECORD"),
    ]
    given = {secret: f"KEYLESS_{secret.replace('-', '_').upper()}" for secret in SECRETS}
    for name in (*names, *given.values()):
        if name not in os.environ:
            raise Refused(
                f'Error BCP427: Environment variable "{name}" does not exist and there\'s no default value set.'
            )
    if call.words.endswith("what-if"):
        return "Resource changes: 60 to create.\n"
    settings = {name.removeprefix("KEYLESS_").lower(): os.environ[name] for name in names}
    settings["location"] = call.option("--location")
    secrets = {secret: os.environ[name] for secret, name in given.items()}
    return json.dumps(cloud.deploy(settings, parameters.stem, secrets))


def _acr_build(call: Call, cloud: Cloud) -> str:
    _need_the_caller(call, cloud)
    if not Path(call.arguments[-1], call.option("--file")).is_file():
        raise Refused(f"Unable to find '{call.option('--file')}'.")
    base = call.option("--build-arg").removeprefix("BASE_IMAGE=")
    if not base.startswith(f"{call.option('--registry')}.azurecr.io/"):
        raise Refused("toomanyrequests: You have reached your unauthenticated pull rate limit.")
    cloud.state["images"].append(call.option("--image"))
    cloud.save()
    return ""


def _need_the_caller(call: Call, cloud: Cloud) -> None:
    """In ABAC mode a task has no rights but its caller's, and a private registry is reached from its own network."""
    if call.option("--source-acr-auth-id") != "[caller]":
        raise Refused("denied: requested access to the resource")
    profiles = [vault["profile"] for vault in cloud.state["vaults"].values()]
    if "production" in profiles and not call.has("--agent-pool"):
        raise Refused("failed to login, ran out of retries: denied: client with IP is not allowed access")


def _in_the_registry(image: str, cloud: Cloud) -> str:
    if image not in cloud.state["images"]:
        raise Refused(f'manifest tagged by "{image}" is not found.')
    return "{}"


def _deleted_vault(name: str, vault: dict[str, Any]) -> dict[str, Any]:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{vault['group']}"
    properties: dict[str, Any] = {
        "location": "westeurope",
        "vaultId": f"{group}/providers/Microsoft.KeyVault/vaults/{name}",
    }
    if vault["purge_protected"]:
        properties["purgeProtectionEnabled"] = True
    return {"name": name, "properties": properties}


def _role_definition(number: str, name: str) -> dict[str, Any]:
    group = f"{name.split('(')[1].split('-')[0]}-rg"
    scopes = [f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"]
    return {"name": number, "properties": {"roleName": name, "assignableScopes": scopes}}
