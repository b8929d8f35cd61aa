"""The queues of one Service Bus namespace, by the names that clients use."""

from collections.abc import Callable, Iterator, Mapping

from localcloud.authorization import messaging as access
from localcloud.servicebus.address import Address, dead_letters_of
from localcloud.servicebus.properties import Properties
from localcloud.servicebus.queue import Queue
from localcloud.servicebus.state import State


class Namespace:
    """`name` is the fully qualified one, such as `contoso.servicebus.windows.net`."""

    def __init__(self, name: str, queues: Mapping[str, access.Queue], state: State, clock: Callable[[], float]) -> None:
        self.name = name
        self._entities: dict[str, Queue] = {}
        for queue_name, described in queues.items():
            properties = Properties.of(described)
            scope = f"serviceBus/{queue_name}"
            dead_letters = Queue(dead_letters_of(queue_name), scope, properties.of_dead_letters, state, clock)
            for queue in (Queue(queue_name, scope, properties, state, clock, dead_letters), dead_letters):
                self._entities[queue.name.lower()] = queue

    def find(self, address: Address) -> Queue | None:
        return self._entities.get(address.key)

    def find_root(self, address: Address) -> Queue | None:
        """The entity that the address is of, whichever of its sub-queues it names."""
        return self._entities.get(address.root.lower())

    def __iter__(self) -> Iterator[Queue]:
        """Every queue, and every dead-letter sub-queue behind its queue."""
        return iter(self._entities.values())
