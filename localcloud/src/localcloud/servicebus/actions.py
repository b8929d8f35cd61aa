"""The actions that Service Bus enforces: those on messages are data actions, reading a queue's properties is not.

https://learn.microsoft.com/azure/role-based-access-control/permissions/integration#microsoftservicebus
"""

from localcloud.authorization.roles import ControlAction

SEND = "Microsoft.ServiceBus/namespaces/messages/send/action"
RECEIVE = "Microsoft.ServiceBus/namespaces/messages/receive/action"
READ_QUEUE = ControlAction("Microsoft.ServiceBus/namespaces/queues/read")

ACTIONS = (SEND, RECEIVE, READ_QUEUE)
