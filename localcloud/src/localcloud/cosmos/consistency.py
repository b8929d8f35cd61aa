"""Consistency: the level that a request asks for, and the session that a read goes on with.

The account's default level is Session (https://learn.microsoft.com/azure/cosmos-db/consistency-levels). One process
writes and reads, so every read is a strong one whatever its level; what a request may ask for is Azure's all the same.
"""

import re
from collections.abc import Mapping

from localcloud.cosmos.errors import BadRequest, ReadSessionNotAvailable

LEVEL = "Session"

_WEAKER_FIRST = ("eventual", "consistentprefix", "session", "boundedstaleness", "strong")

# `{range}:{version}#{number}#{region}={number}…`, or `{range}:{number}` as older clients have it.
_SESSION_TOKEN = re.compile(r"(?P<range>[0-9]+):(-?[0-9]+#)?(?P<lsn>-?[0-9]{1,18})(#[0-9]+=-?[0-9]+)*")


def check_level(headers: Mapping[str, str]) -> None:
    """Raise `BadRequest` if the request asks for a level that is unknown, or stronger than the account's."""
    asked = headers.get("x-ms-consistency-level", LEVEL)
    if asked.lower() not in _WEAKER_FIRST:
        raise BadRequest(f"Value '{asked[:100]}' specified for the header 'x-ms-consistency-level' is invalid.")
    if _WEAKER_FIRST.index(asked.lower()) > _WEAKER_FIRST.index(LEVEL.lower()):
        raise BadRequest(
            f"ConsistencyLevel {asked} specified in the request is invalid when service is configured with consistency "
            f"level {LEVEL}. Ensure the request consistency level is not stronger than the service consistency level."
        )


def check_session(headers: Mapping[str, str], lsn: int) -> None:
    """Raise `ReadSessionNotAvailable` if a read's session has seen a later write than the container's latest, `lsn`.

    Raises `BadRequest` if the token is malformed. Only reads of the level Session go by it.
    """
    tokens = headers.get("x-ms-session-token")
    if not tokens or headers.get("x-ms-consistency-level", LEVEL).lower() != LEVEL.lower():
        return
    for token in tokens.split(","):
        parts = _SESSION_TOKEN.fullmatch(token.strip())
        if parts is None:
            raise BadRequest(f"The session token provided '{tokens[:100]}' is invalid.")
        if int(parts["range"]) == 0 and int(parts["lsn"]) > lsn:
            raise ReadSessionNotAvailable


def session_token(lsn: int) -> str:
    """Make the session token of an answer: the container's one range, and the number of its latest write."""
    return f"0:-1#{lsn}"
