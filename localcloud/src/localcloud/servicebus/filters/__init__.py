"""What a subscription takes of its topic's messages: rules, each with a filter and perhaps an action.

https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""
