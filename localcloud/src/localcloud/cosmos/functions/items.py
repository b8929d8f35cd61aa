"""DOCUMENTID, of an item, and IIF."""

from typing import Any

from localcloud.cosmos import resource_ids
from localcloud.cosmos.functions.function import function
from localcloud.cosmos.values import UNDEFINED


def _document_id(item: Any) -> Any:
    """The number within its physical partition that an item's resource id ends with
    (https://learn.microsoft.com/cosmos-db/query/documentid)."""
    rid = item.get("_rid") if isinstance(item, dict) else None
    sequence = resource_ids.document_sequence(b"", rid) if isinstance(rid, str) else None
    return UNDEFINED if sequence is None else sequence


FUNCTIONS = {
    "DOCUMENTID": function(_document_id, 1),
    "IIF": function(lambda condition, yes, no: yes if condition is True else no, 3),
}
