"""Cosmos DB's error shape: a status, a code and a message, and in `x-ms-substatus` which of its kind it is.

https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
"""

import json

_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    503: "ServiceUnavailable",
}


class CosmosError(Exception):
    """A request that Cosmos DB refuses. `substatus` is 0 if Azure sends none."""

    def __init__(self, status: int, message: str, substatus: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.substatus = substatus
        self.details: dict[str, str] = {}

    def body(self, activity_id: str) -> str:
        """Make the JSON that every SDK takes code and message from."""
        text = f"{self.message}\r\nActivityId: {activity_id}, Microsoft.Azure.Documents.Common/2.14.0"
        return json.dumps({"code": _CODES.get(self.status, "BadRequest"), "message": text, **self.details})


class BadRequest(CosmosError):
    def __init__(self, message: str, substatus: int = 0) -> None:
        super().__init__(400, message, substatus)


class QueryError(BadRequest):
    """A query that does not parse or asks for what is not there. `location` is its start and end in the query's text.

    The codes that Azure sends are those of Microsoft's own tests and of public reports; an error whose code is known
    from neither has none.
    """

    def __init__(self, code: str | int | None, message: str, location: tuple[int, int] | None = None) -> None:
        error: dict[str, object] = {"severity": "Error"}
        if location is not None:
            error["location"] = {"start": location[0], "end": location[1]}
        if code is not None:
            error["code"] = code
        error["message"] = message
        super().__init__("Message: " + json.dumps({"errors": [error]}, separators=(",", ":")))


class NotServable(BadRequest):
    """A query across partitions that the client has to put together itself, by the plan that is given as JSON."""

    def __init__(self, plan: str) -> None:
        super().__init__(
            "The provided cross partition query can not be directly served by the gateway. This is a first chance "
            "(internal) exception that all newer clients will know how to handle gracefully. This exception is traced, "
            "but unless you see it bubble up as an exception (which only happens on older SDK clients), then you can "
            "safely ignore this message.",
            substatus=1004,
        )
        self.details = {"additionalErrorInfo": plan}


class NotFound(CosmosError):
    """Nothing there: an item, or with `substatus` 1003 the database or container that it would be in."""

    def __init__(self, substatus: int = 0) -> None:
        super().__init__(
            404,
            'Message: {"Errors":["Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found"]}',
            substatus,
        )


class PartitionKeyRangeGone(CosmosError):
    """The request names a physical partition that the container does not have. Clients then read the list of them."""

    def __init__(self) -> None:
        super().__init__(410, "The requested resource is no longer available at the server.", substatus=1002)


class PartitionKeyMismatch(BadRequest):
    """The request's partition key has not as many values as the container's, or is not that of the document."""

    def __init__(self) -> None:
        super().__init__(
            "Partition key provided either doesn't correspond to definition in the collection or doesn't match "
            "partition key field values specified in the document. Learn more: "
            "https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
            substatus=1001,
        )


class ReadSessionNotAvailable(CosmosError):
    """A read asks for writes that the account has not seen. Clients try again, in case that a region is behind."""

    def __init__(self) -> None:
        super().__init__(404, "The read session is not available for the input session token.", substatus=1002)


class Conflict(CosmosError):
    def __init__(self) -> None:
        super().__init__(409, "Entity with the specified id already exists in the system.")


class PreconditionFailed(CosmosError):
    def __init__(self, substatus: int = 0) -> None:
        super().__init__(
            412, "Operation cannot be performed because one of the specified precondition is not met", substatus
        )


class Unavailable(CosmosError):
    def __init__(self) -> None:
        super().__init__(503, "Service is currently unavailable, please retry after a while.")


class TooLarge(CosmosError):
    def __init__(self) -> None:
        super().__init__(413, "Request size is too large")
