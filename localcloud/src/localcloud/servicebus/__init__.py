"""Service Bus queues for the unmodified SDKs: AMQP 1.0 with tokens, and the queue's counts over HTTPS.

Done: send, batches, scheduling and cancelling, peek-lock and receive-and-delete, complete, abandon, defer, dead-letter,
peek, lock renewal, time to live, duplicate detection, the dead-letter sub-queue. Not done, and refused with an AMQP
error that says so: sessions, transactions, topics and subscriptions, forwarding, AMQP over WebSockets, keys.
"""
