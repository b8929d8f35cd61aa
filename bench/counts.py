"""What must hold on any machine, however busy: no order is lost, and none costs a token or a connection."""

from bench import accepting, receipting
from bench.cloud import Cloud


def faults(cloud: Cloud) -> list[str]:
    """Place orders, have them receipted, and return a sentence for each count that is wrong."""
    found = []
    with accepting.served(cloud, accepting.APPLICATIONS["Keyless"]) as server:
        accepted = accepting.by_server(cloud, server, clients=16, seconds=1)
        connections = server.connections_to(cloud.amqp_port)
    if accepted.others or not accepted.orders:
        found.append(f"{accepted.orders} orders were accepted, and {accepted.others} were not.")
    if connections != 1:
        found.append(f"The frontend has {connections} connections to Service Bus, and not one.")
    try:
        receipted = receipting.drained(cloud, receipting.PROGRAMS["Keyless"], accepted.orders)
    except RuntimeError as error:
        return [*found, f"Accepted orders are lost: {error}."]
    if receipted.amqp_connections != 1:
        found.append(f"The worker has {receipted.amqp_connections} connections to Service Bus, and not one.")
    for (workload, audience), count in cloud.exchanges().items():
        if count != 1:
            found.append(f"{workload} has asked for {count} tokens for {audience}, and not for one.")
    return found
