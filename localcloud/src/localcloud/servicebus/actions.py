"""The actions that Service Bus enforces: those on messages are data actions, reading an entity's properties is not.

https://learn.microsoft.com/azure/role-based-access-control/permissions/integration#microsoftservicebus
"""

from localcloud.authorization.roles import ControlAction

SEND = "Microsoft.ServiceBus/namespaces/messages/send/action"
RECEIVE = "Microsoft.ServiceBus/namespaces/messages/receive/action"
READ_QUEUE = ControlAction("Microsoft.ServiceBus/namespaces/queues/read")
READ_TOPIC = ControlAction("Microsoft.ServiceBus/namespaces/topics/read")
READ_SUBSCRIPTION = ControlAction("Microsoft.ServiceBus/namespaces/topics/subscriptions/read")
READ_RULE = ControlAction("Microsoft.ServiceBus/namespaces/topics/subscriptions/rules/read")

ACTIONS = (SEND, RECEIVE, READ_QUEUE, READ_TOPIC, READ_SUBSCRIPTION, READ_RULE)


def actions_on(scope: str) -> tuple[str, ...]:
    """Those that are asked for on a scope of the access model: each kind of entity is read by an action of its own."""
    _, _, entity = scope.partition("/")
    if not entity.startswith("topics/"):
        return ACTIONS if entity == "*" else (SEND, RECEIVE, READ_QUEUE)
    of_subscriptions = (RECEIVE, READ_SUBSCRIPTION, READ_RULE)
    return of_subscriptions if "/subscriptions/" in entity else (SEND, READ_TOPIC, *of_subscriptions)
