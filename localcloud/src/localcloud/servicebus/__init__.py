"""Service Bus for the unmodified SDKs: AMQP 1.0 with tokens, also in WebSockets, and a queue's counts over HTTPS.

What is done, what differs and what is refused is told in `docs/servicebus.md`.
"""
