"""Answers in Cosmos DB's form: the headers that every SDK reads, and bodies of stored JSON as it is."""

import uuid
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from localcloud.cosmos import consistency, json_text, resource_ids
from localcloud.cosmos.containers import ItemContainer
from localcloud.cosmos.errors import CosmosError
from localcloud.cosmos.state import Item

_MEDIA_TYPES = {type(None): None, str: "application/json", bytes: "application/octet-stream"}


def answer(content: str | bytes | None, status: int = 200, **headers: str | None) -> Response:
    """Make an answer. A header's name is written with underscores, and None leaves it out."""
    everything = {"x_ms_activity_id": str(uuid.uuid4()), "x_ms_request_charge": "1", **headers}
    sent = {name.replace("_", "-"): value for name, value in everything.items() if value is not None}
    return Response(content, status, sent, media_type=_MEDIA_TYPES[type(content)])


def resource(properties: dict[str, Any], parent_path: str | None = None, parent_rid: bytes | None = None) -> Response:
    """Answer a database, or a container with the path and the resource id of its parent, the database."""
    return answer(
        json_text.write(properties),
        etag=properties["_etag"],
        x_ms_alt_content_path=parent_path,
        x_ms_content_path=None if parent_rid is None else resource_ids.encode(parent_rid),
    )


def list_of(
    kind: str, resources: list[dict[str, Any]], rid: str = "", path: str | None = None, **headers: str | None
) -> Response:
    """Answer all databases, containers or partition key ranges (`kind`) of the parent with this id and path."""
    headers |= {"x_ms_item_count": str(len(resources)), "x_ms_alt_content_path": path, "x_ms_content_path": rid or None}
    return answer(json_text.write({"_rid": rid, kind: resources, "_count": len(resources)}), 200, **headers)


def of_container(
    container: ItemContainer, lsn: int, content: str | bytes | None, status: int = 200, **headers: str | None
) -> Response:
    """Answer about what is in a container. `lsn` is the number of its latest write, for the session token.

    The two content paths are those of the parent, which is the container: by names, and by resource id.
    """
    return answer(
        content,
        status,
        x_ms_session_token=consistency.session_token(lsn),
        x_ms_alt_content_path=container.path,
        x_ms_content_path=container.encoded_rid,
        lsn=str(lsn),
        **headers,
    )


def of_item(container: ItemContainer, lsn: int, item: Item, status: int = 200, minimal: bool = False) -> Response:
    """Answer an item; `minimal` is `Prefer: return=minimal`, which asks for no body."""
    return of_container(container, lsn, None if minimal else item.body, status, etag=item.etag)


def feed(
    container: ItemContainer, lsn: int, rows: Iterable[str], kind: str = "Documents", **headers: str | None
) -> Response:
    """Answer documents, query results or what else is in a container (`kind`), given as JSON texts."""
    texts = list(rows)
    headers["x_ms_item_count"] = str(len(texts))
    content = f'{{"_rid":"{container.encoded_rid}","{kind}":[{",".join(texts)}],"_count":{len(texts)}}}'
    return of_container(container, lsn, content, 200, **headers)


def refusal(error: CosmosError) -> Response:
    activity_id = str(uuid.uuid4())
    substatus = str(error.substatus) if error.substatus else None
    return answer(error.body(activity_id), error.status, x_ms_activity_id=activity_id, x_ms_substatus=substatus)
