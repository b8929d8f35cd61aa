"""Every exception of the local cloud can be raised, caught and passed on by whatever stands between."""

import contextlib
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import pytest
from localcloud.entra import errors

import localcloud


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(localcloud.__path__, "localcloud."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


EXCEPTIONS = sorted(
    {
        value
        for module in modules()
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Exception) and value.__module__ == module.__name__
    },
    key=lambda kind: (kind.__module__, kind.__qualname__),
)


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_an_exception_passes_through_a_context_manager_as_itself(kind: type[Exception]) -> None:
    """Python writes to an exception on its way (its traceback, its context, a note) and looks it up among others."""
    raised = kind.__new__(kind)
    with pytest.raises(kind) as caught, _passing():
        raise raised from ValueError()
    assert caught.value is raised
    raised.add_note("a note")
    assert raised in {raised}


def test_a_refusal_of_entras_says_its_code_wherever_it_ends() -> None:
    """Raised within a context manager it is still the refusal, with the code first in its text."""
    with pytest.raises(errors.EntraError, match=r"^AADSTS50027: JWT token is"), _passing():
        raise errors.assertion_malformed()


@contextlib.contextmanager
def _passing() -> Iterator[None]:
    yield
