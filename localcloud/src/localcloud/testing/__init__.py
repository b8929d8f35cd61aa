"""For tests of an application: a local cloud in the test's own process, reached as a pod reaches Azure.

What starts a cloud is imported with the first name that is used of it, since pytest imports this package in every run.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.authorization.audit import AccessEntry, ExchangeEntry
    from localcloud.testing.in_process import RunningCloud, reached_as_from_a_pod, running_cloud
    from localcloud.testing.raw_sender import RawSender
    from localcloud.testing.watching import Denials, UnexpectedDenial

__all__ = [
    "AccessEntry",
    "Denials",
    "ExchangeEntry",
    "RawSender",
    "RunningCloud",
    "UnexpectedDenial",
    "reached_as_from_a_pod",
    "running_cloud",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    for module in ("in_process", "raw_sender", "watching"):
        found = vars(import_module(f"{__name__}.{module}")).get(name)
        if found is not None:
            return found
    return vars(import_module("localcloud.authorization.audit"))[name]
