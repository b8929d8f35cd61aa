"""What several tests share: the access model, a broker, a small application on a cluster, and raw AMQP."""

from pathlib import Path

MODEL = Path(__file__).parents[1] / "access.yaml"
