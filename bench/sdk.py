"""The ceiling of sending: the bare SDK, one sender for each thread: `python -m bench.sdk CLIENTS SECONDS`.

Prints JSON as `bench.load` does.
"""

import json
import sys
import threading
import time

from bench.messages import new_message
from frontend.identity.clients import servicebus_client, workload_identity
from frontend.settings import Settings
from workload.logs import configure_logging
from workload.settings import from_environment


def send(clients: int, seconds: float) -> dict[str, object]:
    """Send messages for so many seconds, from as many threads as there are clients, one after the other in each."""
    settings = from_environment(Settings)
    latencies: list[float] = []
    with workload_identity() as credential, servicebus_client(settings, credential) as client:
        clocks: list[tuple[float, float]] = []
        connected = threading.Barrier(clients, lambda: clocks.append((time.perf_counter(), time.process_time())))

        def sending() -> None:
            with client.get_queue_sender(settings.orders_queue) as sender:
                connected.wait()
                while time.perf_counter() < clocks[0][0] + seconds:
                    sent = time.perf_counter()
                    sender.send_messages(new_message())
                    latencies.append((time.perf_counter() - sent) * 1000)

        threads = [threading.Thread(target=sending) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ((began, cpu),) = clocks
    took = time.perf_counter() - began
    used = time.process_time() - cpu
    return {"accepted": len(latencies), "others": {}, "seconds": took, "latencies": sorted(latencies), "cpu": used}


def put(count: int) -> None:
    """Send so many messages in batches, as a backlog for the worker."""
    settings = from_environment(Settings)
    with (
        workload_identity() as credential,
        servicebus_client(settings, credential) as client,
        client.get_queue_sender(settings.orders_queue) as sender,
    ):
        for start in range(0, count, 200):
            sender.send_messages([new_message() for _ in range(min(200, count - start))])


if __name__ == "__main__":
    configure_logging({"workload": "WARNING"}, sys.stderr)
    if sys.argv[1] == "put":
        put(int(sys.argv[2]))
    else:
        json.dump(send(int(sys.argv[1]), float(sys.argv[2])), sys.stdout)
