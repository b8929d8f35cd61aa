"""One answer's share of many rows: so many rows, and so many bytes, as a client may ask and Azure allows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from localcloud.cosmos.errors import BadRequest

LARGEST = (
    4 * 1024 * 1024
)  # bytes of an answer, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits
_DEFAULT_SIZE = 100
_DYNAMIC_SIZE = 1000  # for a page size of -1, "as many as fit"

Place = TypeVar("Place")


@dataclass(frozen=True, slots=True)
class Page(Generic[Place]):
    """`texts` are the JSON of the rows; `last` is the place of the last row, None if there is no row. `taken` counts
    the rows, also those without a text. `more` says whether others follow."""

    texts: list[str]
    last: Place | None
    taken: int
    more: bool


def fill(rows: Iterable[tuple[Place, str | None]], most: int) -> Page[Place]:
    """Take the first rows, each given as its place and its JSON, that fit into one answer; one row fits always.

    A row's text may be None: it is passed over, and counts all the same.
    """
    texts: list[str] = []
    last, taken, size = None, 0, 0
    for place, text in rows:
        length = len(text) if text is not None else 0
        if taken == most or (texts and size + length > LARGEST):
            return Page(texts, last, taken, more=True)
        last, taken, size = place, taken + 1, size + length + len(",")
        if text is not None:
            texts.append(text)
    return Page(texts, last, taken, more=False)


def size(headers: Mapping[str, str]) -> int:
    """Read the most rows that a client wants in an answer; raises `BadRequest`."""
    text = headers.get("x-ms-max-item-count", str(_DEFAULT_SIZE))
    if text == "-1":
        return _DYNAMIC_SIZE
    if not (text.isascii() and text.isdigit()) or len(text) > 15 or int(text) == 0:
        raise BadRequest(
            f"The input PageSize {text[:100]} is invalid. Ensure to pass a valid page size which must be a positive "
            "integer or -1 for a dynamic page size."
        )
    return int(text)
