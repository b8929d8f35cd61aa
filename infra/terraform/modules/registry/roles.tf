# Who pulls and who pushes: this application's repositories only, `{name}/frontend` and `{name}/backend`.
# https://learn.microsoft.com/azure/container-registry/container-registry-rbac-built-in-roles-directory-reference

locals {
  bicep_guid = "11fb06fb-712d-4ddd-98c7-e71bbd588830" # the name space of Bicep's guid(), so that both languages agree

  content = "Microsoft.ContainerRegistry/registries/repositories"

  read  = ["content/read", "metadata/read"]
  write = ["content/write", "metadata/write"]

  # An action named here is allowed on this application's repositories only; the role's other actions are not limited.
  limits = { for role, actions in { reader = local.read, writer = concat(local.read, local.write) } : role => join("", [
    "((",
    join(" AND ", [for action in actions : "!(ActionMatches{'${local.content}/${action}'})"]),
    ") OR (@Request[${local.content}:name] StringStartsWithIgnoreCase '${var.name}/'))",
  ]) }
}

resource "azurerm_role_assignment" "kubelet" {
  name               = uuidv5(local.bicep_guid, "${azurerm_container_registry.this.id}-${var.kubelet.id}-Container Registry Repository Reader")
  scope              = azurerm_container_registry.this.id
  role_definition_id = "${var.built_in_roles}/b93aa761-3e63-49ed-ac28-beffa264f7ac"
  principal_id       = var.kubelet.principal_id
  principal_type     = "ServicePrincipal"
  condition          = local.limits.reader
  condition_version  = "2.0"
}

# A build pushes with its caller's rights (`az acr build --source-acr-auth-id [caller]`).
resource "azurerm_role_assignment" "deployer_writes" {
  for_each = var.deployers

  name               = uuidv5(local.bicep_guid, "${azurerm_container_registry.this.id}-${each.key}-Container Registry Repository Writer")
  scope              = azurerm_container_registry.this.id
  role_definition_id = "${var.built_in_roles}/2a1e307c-b015-4ebd-883e-5b7698a07328"
  principal_id       = each.key
  principal_type     = each.value
  condition          = local.limits.writer
  condition_version  = "2.0"
}
