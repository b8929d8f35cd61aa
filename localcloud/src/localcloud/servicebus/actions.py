"""The actions that Service Bus enforces: https://learn.microsoft.com/azure/role-based-access-control/permissions/integration"""

SEND = "Microsoft.ServiceBus/namespaces/messages/send/action"
RECEIVE = "Microsoft.ServiceBus/namespaces/messages/receive/action"
READ_QUEUE = "Microsoft.ServiceBus/namespaces/queues/read"

ACTIONS = (SEND, RECEIVE, READ_QUEUE)
