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
BINDING = "aks-identity-binding"  # the credential that AKS makes for a binding
SECRETS = ("frontend-signing-key", "receipt-public-key", "receipt-signing-key")
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

    def deploy(self, settings: dict[str, str], profile: str, given: dict[str, str]) -> dict[str, object]:
        """Makes a group with a vault and a cluster; a secret that exists is kept.

        `settings` are name, suffix, location, record and deployers. After `stop_after` secrets it breaks off.
        """
        name, suffix = settings["name"], settings["suffix"]
        vault, stop_after = f"{name}-{suffix}", self.state.pop("stop_after", 99)
        if vault in self.state["deleted"]:
            raise Refused("ConflictError: A vault with the same name already exists in deleted state.")
        tags = {"application": name, "profile": profile} | json.loads(settings["record"])
        self.state["groups"][f"{name}-rg"] = {"location": settings["location"], "tags": tags}
        for deployer in json.loads(settings["deployers"]):
            principal = deployer.get("principalId") or deployer["principal_id"]
            self.state["admins"] = sorted({*self.state["admins"], principal})
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
        nodes = json.loads(settings.get("running_nodes", "null"))
        self.state["clusters"].setdefault(f"{name}-aks", {"system": 1, "user": 1})
        if nodes is not None:  # Bicep sets the number that its template names
            self.state["clusters"][f"{name}-aks"] = {pool: nodes.get(pool, 1) for pool in ("system", "user")}
        self.state["outputs"] = {
            key: {"type": "String", "value": value.format(name, suffix)} for key, value in OUTPUTS.items()
        }
        self.save()
        return dict(self.state["outputs"])

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
                number = _guid(f"{scope}-{identity}-{role}")
                shown = {"id": f"{scope}/{number}", "name": number, "principalId": f"oid-of-{name}-{workload}"}
                self.state["assignments"][number] = shown | {"scope": scope, "roleDefinitionName": role}
            trusted = self.state["credentials"].setdefault(f"{name}-{workload}", {})
            issuers = json.loads(os.environ.get("KEYLESS_ISSUERS", "[]")) if workload != "gateway" else []
            federation = os.environ.get("KEYLESS_FEDERATION", "credentials")
            if workload in ("gateway", "keda"):
                federation = "credentials"
            own = {"credentials": {"aks"}, "bindings": {BINDING}, "both": {"aks", BINDING}}[federation]
            if federation != "credentials" and workload not in self.state["bindings"]:
                self.state["bindings"].append(workload)
            wanted = {name: f"the cluster, by {name}" for name in own} | {
                _guid(issuer["url"]): issuer["url"] for issuer in issuers
            }
            for credential, url in wanted.items():
                if url in {issuer for each, issuer in trusted.items() if each != credential}:
                    raise Refused("Conflict: Issuer and subject combination already exists for this Managed Identity.")
                trusted[credential] = url

    def delete_group(self, group: str) -> None:
        del self.state["groups"][group]
        for vault in [v for v in self.state["vaults"] if v.startswith(group.removesuffix("rg"))]:
            purge_protected = self.state["vaults"].pop(vault)["profile"] == "production"
            self.state["deleted"][vault] = {"group": group, "purge_protected": purge_protected}
        self.state["clusters"].pop(f"{group.removesuffix('-rg')}-aks", None)
        self.save()


def _guid(text: str) -> str:
    """Bicep's `guid()`, its parts joined by hyphens."""
    return str(uuid.uuid5(uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830"), text))


def invoke(call: Call, cloud: Cloud) -> str:
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
        if "federations" in cloud.state:
            cloud.state["federations"].append(variables["federation"])
        cloud.deploy(variables, variables["profile"], given)
    backend = Path(call.arguments[0].removeprefix("-chdir="), "backend.tf.json")
    if verb == "init" and backend.exists() and not any("-state-rg" in group for group in cloud.state["groups"]):
        raise Refused("Error: Failed to get existing workspaces: the storage account was not found")
    if verb == "destroy" and f"{variables['name']}-rg" in cloud.state["groups"]:
        cloud.delete_group(f"{variables['name']}-rg")
        cloud.state["deleted"].clear()  # azurerm purges
        cloud.save()
    if verb == "output":
        return json.dumps(cloud.state["outputs"])
    return "Plan: 60 to add.\n" if verb == "plan" else ""


def main() -> int:
    from azure_stand_in_az import az  # beside this file; it takes from here in turn

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
