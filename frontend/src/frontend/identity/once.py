"""A method that makes its object once."""

import functools
import threading
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

Owner = TypeVar("Owner")
Made = TypeVar("Made")


def once(make: Callable[[Owner], Made]) -> Callable[[Owner], Made]:
    """Call the method when it is first asked, and return the same object from then on.

    Threads that ask at the same time wait for one call. If it raises, the next one that asks calls again.
    """
    lock = threading.Lock()
    made: WeakKeyDictionary[Owner, Made] = WeakKeyDictionary()

    @functools.wraps(make)
    def get(owner: Owner) -> Made:
        with lock:
            if owner not in made:
                made[owner] = make(owner)
            return made[owner]

    return get
