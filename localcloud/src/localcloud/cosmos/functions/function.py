"""What is known of a built-in function, and the checks of arguments that many share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.cosmos.values import UNDEFINED

Compute = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Function:
    """It takes `least` to `most` arguments, any number if `most` is None. A static one is worked out once a query."""

    compute: Compute
    least: int
    most: int | None
    is_static: bool = False

    def takes(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    @property
    def arity(self) -> str:
        """How many arguments it takes, in words."""
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


def function(compute: Compute, least: int, most: int | None = -1) -> Function:
    """A function of so many arguments: exactly `least` unless `most` says otherwise."""
    return Function(compute, least, least if most == -1 else most)


def if_all(is_fit: Callable[[Any], bool], compute: Compute) -> Compute:
    """Undefined unless every argument is fit."""
    return lambda *arguments: compute(*arguments) if all(map(is_fit, arguments)) else UNDEFINED


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_array(value: Any) -> bool:
    return isinstance(value, list)
