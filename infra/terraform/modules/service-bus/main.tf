# The Service Bus namespace and the queues of the access model. A message that cannot be delivered is dead-lettered by
# the queue; a true repeat within the window is dropped by it.

resource "azurerm_servicebus_namespace" "this" {
  name                          = var.namespace_name
  resource_group_name           = var.resource_group_name
  location                      = var.location
  tags                          = var.tags
  sku                           = var.production ? "Premium" : "Standard" # Premium is zone-redundant of itself
  capacity                      = var.production ? 1 : null
  premium_messaging_partitions  = var.production ? 1 : null
  local_auth_enabled            = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = !var.production

  # Without public access there is no rule to list, and azurerm takes no empty list.
  dynamic "network_rule_set" {
    for_each = var.production ? [] : [var.allowed_addresses]

    content {
      default_action                = "Deny"
      public_network_access_enabled = true
      trusted_services_allowed      = false
      ip_rules                      = network_rule_set.value
    }
  }
}

resource "azurerm_servicebus_queue" "this" {
  for_each = var.queues

  name                                    = each.key
  namespace_id                            = azurerm_servicebus_namespace.this.id
  lock_duration                           = try(each.value.lockDuration, null)
  max_delivery_count                      = try(each.value.maxDeliveryCount, null)
  default_message_ttl                     = try(each.value.defaultMessageTimeToLive, null)
  dead_lettering_on_message_expiration    = true
  requires_duplicate_detection            = can(each.value.duplicateDetectionHistoryTimeWindow)
  duplicate_detection_history_time_window = try(each.value.duplicateDetectionHistoryTimeWindow, null)
}
