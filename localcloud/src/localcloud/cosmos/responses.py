"""Answers in Cosmos DB's form: the headers that every SDK reads, and bodies of stored JSON as it is."""

import uuid
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from localcloud.cosmos import json_text, resource_ids
from localcloud.cosmos.containers import Container
from localcloud.cosmos.errors import CosmosError
from localcloud.cosmos.state import Item


def answer(content: str | bytes | None, status: int = 200, **headers: str | None) -> Response:
    """A header's name is written with underscores, and None leaves it out."""
    everything = {"x_ms_activity_id": str(uuid.uuid4()), "x_ms_request_charge": "1", **headers}
    sent = {name.replace("_", "-"): value for name, value in everything.items() if value is not None}
    return Response(content, status, sent, media_type=None if content is None else "application/json")


def resource(properties: dict[str, Any], path: str) -> Response:
    """A database or a container."""
    return answer(json_text.write(properties), etag=properties["_etag"], x_ms_alt_content_path=path)


def of_container(
    container: Container, lsn: int, content: str | None, status: int = 200, **headers: str | None
) -> Response:
    """What concerns a container's items. `lsn` is the number of its latest write, for the session token."""
    return answer(
        content,
        status,
        x_ms_session_token=f"0:-1#{lsn}",
        x_ms_alt_content_path=container.path,
        x_ms_content_path=resource_ids.encode(container.rid),
        lsn=str(lsn),
        **headers,
    )


def of_item(container: Container, lsn: int, item: Item, status: int = 200, minimal: bool = False) -> Response:
    """An item; `minimal` is `Prefer: return=minimal`, which asks for no body."""
    return of_container(container, lsn, None if minimal else item.body, status, etag=item.etag)


def feed(container: Container, lsn: int, rows: Iterable[str], **headers: str | None) -> Response:
    """Documents or query results, given as JSON texts."""
    texts = list(rows)
    headers["x_ms_item_count"] = str(len(texts))
    rid = resource_ids.encode(container.rid)
    content = f'{{"_rid":"{rid}","Documents":[{",".join(texts)}],"_count":{len(texts)}}}'
    return of_container(container, lsn, content, 200, **headers)


def refusal(error: CosmosError) -> Response:
    activity_id = str(uuid.uuid4())
    substatus = str(error.substatus) if error.substatus else None
    return answer(error.body(activity_id), error.status, x_ms_activity_id=activity_id, x_ms_substatus=substatus)
