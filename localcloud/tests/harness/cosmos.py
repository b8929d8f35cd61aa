"""Runs queries over documents without an account, and sends requests to an account without an SDK."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
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


@contextmanager
def account(cloud: Any, credential: Callable[[str], Any], workload: str) -> Iterator[httpx.Client]:
    """The account as the REST interface shows it to a workload, for requests that no SDK sends."""
    token = credential(workload).get_token("https://cosmos.azure.com/.default").token
    with httpx.Client(
        base_url=f"https://{cloud.cloud.settings.cosmos_host}",
        proxy=cloud.cloud.proxy_url,
        verify=ssl.create_default_context(cafile=cloud.ca_bundle),
        headers={"authorization": quote(f"type=aad&ver=1.0&sig={token}", safe="")},
    ) as client:
        yield client


def key_header(*values: Any) -> dict[str, str]:
    """The header with a partition key's values."""
    return {"x-ms-documentdb-partitionkey": json.dumps(values)}
