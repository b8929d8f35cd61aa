"""How long a query may combine values: joins and subqueries can make more rows than there is time for.

Azure ends an operation, such as a page of a query, after 5 seconds
(https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits). A query that only reads items is not
stopped: its time grows with the container alone.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from localcloud.cosmos.errors import BadRequest

LONGEST = 5.0  # seconds

_end: ContextVar[float] = ContextVar("end", default=math.inf)


@contextmanager
def limited() -> Iterator[None]:
    """Begin the time, for all that is checked within this context."""
    token = _end.set(time.monotonic() + LONGEST)
    try:
        yield
    finally:
        _end.reset(token)


def check() -> None:
    """Raise `BadRequest` if the time is over."""
    if time.monotonic() > _end.get():
        raise BadRequest(f"The joins and subqueries of the query take longer than {LONGEST:g} s.")
