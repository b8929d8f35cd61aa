"""Reads the body of a request, which is JSON but for batches (`hybrid_row_batches.py`)."""

from typing import Any

from starlette.requests import Request

from localcloud.cosmos import json_text
from localcloud.cosmos.errors import BadRequest, TooLarge

LARGEST = 2 * 1024 * 1024  # bytes, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits

_BINARY_JSON = 0x80  # the first byte of Cosmos DB's own binary form, which no JSON begins with


async def read(request: Request) -> bytes:
    """Read the body; raises `TooLarge` beyond 2 MiB."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge
    return bytes(body)


async def read_json(request: Request) -> Any:
    """Read the body's value; raises `BadRequest` if it is not JSON, `TooLarge` beyond 2 MiB."""
    return parse(await read(request))


def parse(body: bytes) -> Any:
    """Read the value; raises `BadRequest` if it is not JSON."""
    if body[:1] == bytes([_BINARY_JSON]):
        raise BadRequest(
            "The local cloud reads JSON, and this is its binary form. Turn the client's binary encoding off."
        )
    try:
        return json_text.parse(body)
    except json_text.TooDeepError as error:
        raise BadRequest(str(error)) from error
    except ValueError as error:
        raise BadRequest("The request body is not valid JSON.") from error
