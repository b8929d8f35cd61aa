"""Combinations of arguments that a schema allows and the real provider refuses, for the resources that are used here.

From azurerm's own checks, which run only when it plans or makes a resource:
https://github.com/hashicorp/terraform-provider-azurerm/tree/main/internal/services (containers, servicebus).
"""

from typing import Any

Values = dict[str, Any]


def refusal(type_name: str, values: Values) -> str | None:
    """Why the provider would refuse to make this resource, or `None`."""
    check = _CHECKS.get(type_name)
    return check(values) if check else None


def _registry(values: Values) -> str | None:
    premium = values["sku"] == "Premium"
    if values["zone_redundancy_enabled"] and not premium:
        return "ACR zone redundancy can only be applied when using the Premium Sku"
    if not values["public_network_access_enabled"] and not premium:
        return "public network access can only be disabled when using the Premium Sku"
    if not values["export_policy_enabled"] and (not premium or values["public_network_access_enabled"]):
        return "to disable export of artifacts, the Sku must be Premium and public network access be disabled"
    return None


def _service_bus(values: Values) -> str | None:
    premium = values["sku"] == "Premium"
    if premium != bool(values["capacity"]) or premium != bool(values["premium_messaging_partitions"]):
        return "capacity and premium_messaging_partitions are for Premium, and Premium needs both"
    for rules in values["network_rule_set"] or []:
        if rules["default_action"] == "Deny" and not (rules["ip_rules"] or rules["network_rules"]):
            return "the default_action of network_rule_set can only be Allow if no ip_rules or network_rules is set"
    return None


_CHECKS = {
    "azurerm_container_registry": _registry,
    "azurerm_servicebus_namespace": _service_bus,
}
