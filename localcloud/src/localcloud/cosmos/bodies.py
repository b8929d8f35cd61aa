"""Reads the JSON that is the body of a request."""

from typing import Any

from starlette.requests import Request

from localcloud.cosmos import json_text
from localcloud.cosmos.errors import BadRequest, TooLarge

LARGEST = 2 * 1024 * 1024  # bytes, https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits

# The binary forms that some clients send, by their first byte: JSON never begins with one of these.
_BINARY = {
    0x80: "Cosmos DB's binary JSON. Turn the client's binary encoding off",
    0x81: "HybridRow, in which the .NET client sends a batch and a bulk. Send the operations one by one",
}


async def read_json(request: Request) -> Any:
    """Read the body's value; raises `BadRequest` if it is not JSON, `TooLarge` beyond 2 MiB."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge
    if body[:1] and (form := _BINARY.get(body[0])):
        raise BadRequest(f"The local cloud reads JSON, and the request body is {form}.")
    try:
        return json_text.parse(bytes(body))
    except json_text.TooDeepError as error:
        raise BadRequest(str(error)) from error
    except ValueError as error:
        raise BadRequest("The request body is not valid JSON.") from error
