"""The built-in functions of Cosmos DB's SQL, a module for each of the reference's topics.

https://learn.microsoft.com/cosmos-db/query/functions. A function gets undefined for an argument that is undefined,
and is itself undefined for arguments that it is not for.
"""

from localcloud.cosmos.functions import (
    arrays,
    conversions,
    dates,
    integers,
    items,
    mathematics,
    regular_expressions,
    strings,
    types,
)
from localcloud.cosmos.functions.function import Function

_TOPICS = (arrays, conversions, dates, integers, items, mathematics, regular_expressions, strings, types)

FUNCTIONS: dict[str, Function] = {name: function for topic in _TOPICS for name, function in topic.FUNCTIONS.items()}
"""By name, in capitals. A query may write the name in any case."""

_NOT_KNOWN = {
    "spatial": ("ST_AREA", "ST_DISTANCE", "ST_INTERSECTS", "ST_ISVALID", "ST_ISVALIDDETAILED", "ST_WITHIN"),
    "full-text": ("FULLTEXTCONTAINS", "FULLTEXTCONTAINSALL", "FULLTEXTCONTAINSANY", "FULLTEXTSCORE", "RRF"),
    "vector": ("VECTORDISTANCE",),
}


def refusal(name: str) -> str | None:
    """Why the local cloud refuses a function that Azure has; None for all others."""
    for kind, names in _NOT_KNOWN.items():
        if name.upper() in names:
            return f"{name.upper()} is a {kind} function, which the local cloud does not have. Run this query on Azure."
    return None
