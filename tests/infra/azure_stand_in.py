"""One program that stands in for `az`, `kubectl`, `kubelogin` and `terraform`, under whichever name it is started.

It keeps a small Azure in a folder of its own (`KEYLESS_STAND_IN`), writes down how it was called, refuses what the real
tool refuses as far as that is known, and fails on demand. It must start fast and alone: the standard library only.
"""

import json
import os
import shlex
import sys
import uuid
from pathlib import Path

FOLDER = Path(os.environ["KEYLESS_STAND_IN"])
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
PRINCIPAL = "00000000-0000-0000-0000-0000000000d0"
SECRETS = ("frontend-signing-key", "receipt-public-key", "receipt-signing-key")
BINDING = "aks-identity-binding"  # the credential that AKS makes for a binding
OUTPUTS = {
    "tenantId": "00000000-0000-0000-0000-000000000002",
    "resourceGroupName": "{0}-rg",
    "clusterName": "{0}-aks",
    "oidcIssuerUrl": "https://westeurope.oic.prod-aks.azure.com/{0}/{1}/",
    "vaultName": "{0}-{1}",
    "keyVaultEndpoint": "https://{0}-{1}.vault.azure.net/",
    "cosmosEndpoint": "https://{0}-{1}.documents.azure.com:443/",
    "blobEndpoint": "https://{0}{1}.blob.core.windows.net/",
    "serviceBusNamespace": "{0}-{1}.servicebus.windows.net",
    "registryLoginServer": "{0}{1}.azurecr.io",
    "frontendClientId": "00000000-0000-0000-0000-0000000000f1",
    "backendClientId": "00000000-0000-0000-0000-0000000000b1",
    "redriveClientId": "00000000-0000-0000-0000-0000000000c1",
    "repairClientId": "00000000-0000-0000-0000-0000000000c2",
    "kedaClientId": "00000000-0000-0000-0000-0000000000e1",
    "gatewayClientId": "00000000-0000-0000-0000-0000000000a1",
    "egressAddress": "192.0.2.1",
    "applicationInsightsConnectionString": "InstrumentationKey=00000000-0000-0000-0000-000000000000",
}


class Refused(Exception):
    """What the real tool would print before it ends with 1."""


class Call:
    """A command line, read as the Azure CLI does: words, then options with their values."""

    def __init__(self, program: str, arguments: list[str]) -> None:
        self.program, self.arguments = program, arguments
        first = next((n for n, word in enumerate(arguments) if word.startswith("--")), len(arguments))
        self.words = " ".join(arguments[:first])

    def option(self, name: str) -> str:
        if name not in self.arguments:
            raise Refused(f"the following arguments are required: {name}")
        return self.arguments[self.arguments.index(name) + 1]

    def has(self, *names: str) -> bool:
        return all(name in self.arguments for name in names)


class Cloud:
    """What exists, kept between two calls."""

    def __init__(self) -> None:
        self._file = FOLDER / "cloud.json"
        self.state = json.loads(self._file.read_text())

    def save(self) -> None:
        self._file.write_text(json.dumps(self.state))

    def fail_if_asked(self, line: str) -> None:
        for fault in self.state["faults"]:
            if fault["match"] in line and fault["times"] > 0:
                fault["times"] -= 1
                self.save()
                raise Refused(fault["words"].format(**os.environ))

    def deploy(self, name: str, suffix: str, profile: str, given: dict[str, str], stop_after: int) -> dict[str, object]:
        """Makes a group with a vault; a secret that exists is kept. `stop_after` as many secrets it breaks off."""
        vault = f"{name}-{suffix}"
        if vault in self.state["deleted"]:
            raise Refused("ConflictError: A vault with the same name already exists in deleted state.")
        if f"{name}-rg" not in self.state["groups"]:
            self.state["groups"].append(f"{name}-rg")
        self.state["roles"][f"role-of-{vault}"] = f"Keyless Queue Reader ({vault})"
        self._grant(name, vault)
        secrets = self.state["vaults"].setdefault(vault, {"profile": profile, "secrets": {}})["secrets"]
        for number, secret in enumerate(SECRETS):
            if number == stop_after:
                self.save()
                raise Refused("DeploymentFailed: At least one resource deployment operation failed.")
            if len(given[secret]) < 32:
                raise Refused(f"InvalidTemplate: {secret} is shorter than 32")
            secrets.setdefault(secret, [given[secret]])
        self.save()
        return {key: {"type": "String", "value": value.format(name, suffix)} for key, value in OUTPUTS.items()}

    def _grant(self, name: str, vault: str) -> None:
        """Assigns what the model says now; like Azure, it takes nothing away that an earlier deployment assigned."""
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}-rg"
        model = json.loads((FOLDER / "model.json").read_text())
        if os.environ.get("KEYLESS_HOSTNAME"):
            certificate = "Microsoft.KeyVault/vaults/{unique}/secrets/gateway-certificate"
            model["gateway"] = [("Key Vault Secrets User", certificate)]
        for workload, grants in model.items():
            for role, scope in grants:
                scope = f"{group}/providers/{scope.format(unique=vault, compact=vault.replace('-', ''), name=name)}"
                identity = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}-{workload}"
                number = str(
                    uuid.uuid5(uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830"), f"{scope}-{identity}-{role}")
                )
                shown = {"id": f"{scope}/{number}", "name": number, "principalId": f"oid-of-{name}-{workload}"}
                self.state["assignments"][number] = shown | {"scope": scope, "roleDefinitionName": role}
            trusted = self.state["credentials"].setdefault(f"{name}-{workload}", [])
            issuers = [issuer["name"] for issuer in json.loads(os.environ.get("KEYLESS_ISSUERS", "[]"))]
            federation = os.environ.get("KEYLESS_FEDERATION", "credentials")
            if workload in ("gateway", "keda"):
                federation = "credentials"
            own = {"credentials": {"aks"}, "bindings": {BINDING}, "both": {"aks", BINDING}}[federation]
            if federation != "credentials" and workload not in self.state["bindings"]:
                self.state["bindings"].append(workload)
            trusted.extend({*own, *(issuers if workload != "gateway" else [])} - set(trusted))

    def delete_group(self, group: str) -> None:
        self.state["groups"].remove(group)
        for vault in [v for v in self.state["vaults"] if v.startswith(group.removesuffix("rg"))]:
            del self.state["vaults"][vault]
            self.state["deleted"].append(vault)
        self.save()


def az(call: Call, cloud: Cloud) -> str:
    state = cloud.state
    match call.words:
        case "account show":
            return json.dumps({"id": SUBSCRIPTION, "user": {"name": "ada@example.com", "type": "user"}})
        case "bicep version":
            return "Bicep CLI version 0.49.2"
        case "ad signed-in-user show":
            return PRINCIPAL
        case "resource list":
            return json.dumps([{"name": call.option("--name")}] if call.option("--name") in state["vaults"] else [])
        case "rest":
            return _rest(call, cloud)
        case "deployment sub create" | "deployment sub what-if":
            return _deployment(call, cloud)
        case "acr build":
            return _acr_build(call, cloud)
        case "aks get-credentials":
            Path(call.option("--file")).write_text("user: devicecode\n")
            return ""
        case "aks command invoke":
            return _invoke(call, cloud)
        case "role definition list":
            ending = call.option("--query").split("'")[1]
            return json.dumps([role for role, name in state["roles"].items() if name.endswith(ending)])
        case "identity list":
            name = call.option("--resource-group").removesuffix("-rg")
            names = [*state["credentials"], f"{name}-control-plane", f"{name}-kubelet"]
            return json.dumps([{"name": name, "principalId": f"oid-of-{name}"} for name in names])
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
            return json.dumps([{"name": name} for name in state["credentials"][call.option("--identity-name")]])
        case "identity federated-credential delete":
            state["credentials"][call.option("--identity-name")].remove(call.option("--name"))
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
        case "group exists":
            return json.dumps(call.option("--name") in state["groups"])
        case "group delete":
            if not call.has("--yes"):
                raise Refused("Unable to prompt for confirmation as no tty available. Use --yes.")
            cloud.delete_group(call.option("--name"))
            return ""
        case "keyvault list-deleted":
            return json.dumps([vault for vault in state["deleted"] if f"'{vault}'" in call.option("--query")])
        case "keyvault purge":
            state["deleted"].remove(call.option("--name"))
            cloud.save()
            return ""
    raise Refused(f"'{call.words}' is misspelled or not recognized by the system.")


def _rest(call: Call, cloud: Cloud) -> str:
    path, _, query = call.option("--url").partition("?")
    if not query.startswith("api-version="):
        raise Refused('Bad Request({"error":{"code":"MissingApiVersionParameter"}})')
    if call.option("--method") == "delete":
        cloud.state["roles"].pop(path.rsplit("/", 1)[1], None)
        cloud.save()
        return ""
    vault = path.split("/vaults/")[1].split("/")[0]
    if vault not in cloud.state["vaults"]:
        raise Refused('Not Found({"error":{"code":"ResourceNotFound"}})')
    secrets = cloud.state["vaults"][vault]["secrets"]
    if call.option("--method") == "get":
        return json.dumps({"value": [{"name": name} for name in secrets]})
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
    names = ("KEYLESS_NAME", "KEYLESS_SUFFIX", "KEYLESS_DEPLOYER_PRINCIPAL_ID", "KEYLESS_HOSTNAME", "KEYLESS_ISSUERS")
    given = {secret: f"KEYLESS_{secret.replace('-', '_').upper()}" for secret in SECRETS}
    for name in (*names, *given.values()):
        if name not in os.environ:
            raise Refused(
                f'Error BCP427: Environment variable "{name}" does not exist and there\'s no default value set.'
            )
    if call.words.endswith("what-if"):
        return "Resource changes: 60 to create.\n"
    outputs = cloud.deploy(
        os.environ["KEYLESS_NAME"],
        os.environ["KEYLESS_SUFFIX"],
        parameters.stem,
        {secret: os.environ[name] for secret, name in given.items()},
        cloud.state.pop("stop_after", 99),
    )
    return json.dumps(outputs)


def _acr_build(call: Call, cloud: Cloud) -> str:
    if call.option("--source-acr-auth-id") != "[caller]":
        raise Refused("denied: requested access to the resource is denied")
    if not Path(call.arguments[-1], call.option("--file")).is_file():
        raise Refused(f"Unable to find '{call.option('--file')}'.")
    profiles = [vault["profile"] for vault in cloud.state["vaults"].values()]
    if "production" in profiles and not call.has("--agent-pool"):
        raise Refused("failed to login, ran out of retries: denied: client with IP is not allowed access")
    cloud.state["images"].append(call.option("--image"))
    cloud.save()
    return ""


def _invoke(call: Call, cloud: Cloud) -> str:
    """A pod of the cluster, which sees the attached file under its name alone. A failure in there is none of `az`."""
    command = shlex.split(call.option("--command"))
    if call.has("--file"):
        file = Path(call.option("--file"))
        command = [str(file) if word == file.name else word for word in command]
    try:
        logs, code = kubectl(Call(command[0], command[1:]), cloud), 0
    except Refused as refusal:
        logs, code = str(refusal), 1
    if not call.has("--output", "json"):
        return f"command started at 1, finished at 2 with exitcode={code}\n{logs}"
    return json.dumps({"exitCode": code, "logs": logs, "provisioningState": "Succeeded"})


def kubectl(call: Call, cloud: Cloud) -> str:
    if call.arguments[0] == "kustomize":
        real = os.environ["KEYLESS_REAL_KUBECTL"]
        os.execv(real, [real, *call.arguments])  # noqa: S606 - kustomize is the real one
    arguments = call.arguments
    if "--kubeconfig" in arguments:
        if "kubelogin" not in Path(call.option("--kubeconfig")).read_text():
            raise Refused("error: You must be logged in to the server (Unauthorized)")
        arguments = arguments[2:]
    line = " ".join(arguments)
    cloud.fail_if_asked(f"in the cluster: {line}")
    match arguments[0]:
        case "apply":
            cloud.state["applied"].append(Path(call.option("--filename")).read_text())
        case "get" if "job/smoke" in arguments:
            return cloud.state.get("smoke", "1/")
        case "logs":
            return "36 passed\n"
        case "auth" | "rollout" | "delete":
            return "yes\n"
        case _:
            raise Refused(f'error: unknown command "{arguments[0]}" for "kubectl"')
    cloud.save()
    return ""


def kubelogin(call: Call, cloud: Cloud) -> str:
    if call.arguments[:3] != ["convert-kubeconfig", "--login", "azurecli"]:
        raise Refused("unknown command")
    Path(call.option("--kubeconfig")).write_text("user: {exec: {command: kubelogin}}\n")
    return ""


def terraform(call: Call, cloud: Cloud) -> str:
    verb = call.arguments[1]
    variables = {key.removeprefix("TF_VAR_"): value for key, value in os.environ.items() if key.startswith("TF_VAR_")}
    if "ARM_SUBSCRIPTION_ID" not in os.environ:
        raise Refused("Error: `subscription_id` is a required provider property")
    if verb in {"apply", "plan", "destroy"} and "-input=false" not in call.arguments:
        raise Refused("it would ask")
    if verb == "apply":
        given = {secret: variables[secret.replace("-", "_")] for secret in SECRETS}
        named = (variables["name"], variables["suffix"], variables["profile"])
        if "federations" in cloud.state:
            cloud.state["federations"].append(variables["federation"])
        outputs = cloud.deploy(*named, given, cloud.state.pop("stop_after", 99))
        (FOLDER / "terraform-outputs.json").write_text(json.dumps(outputs))
    if verb == "destroy":
        cloud.delete_group(f"{variables['name']}-rg")
        cloud.state["deleted"].clear()  # azurerm purges
        cloud.save()
    if verb == "output":
        return (FOLDER / "terraform-outputs.json").read_text()
    return "Plan: 60 to add.\n" if verb == "plan" else ""


def main() -> int:
    program = Path(sys.argv[0]).name
    call = Call(program, sys.argv[1:])
    with (FOLDER / "calls.jsonl").open("a") as file:
        file.write(json.dumps([program, *sys.argv[1:]]) + "\n")
    cloud = Cloud()
    answers = {"az": az, "kubectl": kubectl, "kubelogin": kubelogin, "terraform": terraform}
    try:
        cloud.fail_if_asked(" ".join([program, *sys.argv[1:]]))
        sys.stdout.write(answers[program](call, cloud))
    except Refused as refusal:
        sys.stderr.write(f"ERROR: {refusal}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
