"""Runs queries over documents, without an account."""

from typing import Any

from localcloud.cosmos import execution, json_text
from localcloud.cosmos.sql import parse
from localcloud.cosmos.state import Item


def run(query: str, *documents: Any, **parameters: Any) -> list[Any]:
    """The rows of a query over documents, which were created in this order."""
    items = [Item('"p"', str(n), n, n, 0, json_text.write(document)) for n, document in enumerate(documents, 1)]
    asked = parse(query, {f"@{name}": value for name, value in parameters.items()})
    page = execution.run(asked, lambda after: (item for item in items if item.sequence > after), 100, None)
    assert page.continuation is None
    return [json_text.parse(row) for row in page.rows]
