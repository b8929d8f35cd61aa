"""What several tests share: a broker, a small application on a cluster, and raw AMQP."""
