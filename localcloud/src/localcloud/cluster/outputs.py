"""The local cloud's ids and endpoints in the form of an infrastructure's outputs.

The overlay `local` keeps this document as `outputs.yaml`, as the overlay `aks` keeps Bicep's or Terraform's.
"""

from localcloud.authorization.model import TENANT_ID, AccessModel, client_id

_HEADER = """\
# Printed by `localcloud outputs`: what infrastructure would hand over. None of it is a secret.
apiVersion: v1
kind: ConfigMap
metadata:
  name: outputs
  annotations:
    config.kubernetes.io/local-config: "true" # read by the replacements, never applied
data:
"""


def outputs(model: AccessModel, name: str) -> dict[str, str]:
    """Return the outputs under Bicep's and Terraform's names. `name` is the vault's and the accounts' name."""
    return {
        "tenantId": TENANT_ID,
        "keyVaultEndpoint": f"https://{name}.vault.azure.net/",
        "cosmosEndpoint": f"https://{name}.documents.azure.com:443/",
        "blobEndpoint": f"https://{name}.blob.core.windows.net/",
        "serviceBusNamespace": f"{name}.servicebus.windows.net",
        **{f"{workload}ClientId": client_id(workload) for workload in model.workloads},
    }


def render_outputs(model: AccessModel, name: str) -> str:
    """Return the ConfigMap `outputs` as YAML, for the overlay's replacements."""
    return _HEADER + "".join(f"  {key}: {value}\n" for key, value in outputs(model, name).items())
