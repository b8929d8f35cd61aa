"""Breaks an application by a lab, looks until it is seen, and mends it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from demo.lab.bench import Bench
from demo.lab.lab import Lab
from demo.lab.observation import Observation, Watch


@contextmanager
def rehearse(lab: Lab, bench: Bench) -> Iterator[Observation]:
    """Yields what was seen while it is broken. It is mended in any case, and how long that took is noted."""
    watch = Watch(bench, lab)
    observation = Observation()
    try:
        bench.break_(lab)
        observation = watch.until_seen()
        yield observation
    finally:
        began = time.monotonic()
        bench.mend()
    try:
        bench.await_well()
    except TimeoutError as error:
        observation.unmended = str(error)
    observation.mended = time.monotonic() - began
