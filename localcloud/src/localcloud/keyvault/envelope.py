"""What is around every request to the vault: its path, its refusal, and the headers of every answer."""

import logging
import sqlite3
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from localcloud.database import is_outage
from localcloud.keyvault import errors
from localcloud.keyvault.errors import KeyVaultError

_log = logging.getLogger(__name__)


class Envelope:
    """A trailing slash of the path does not count, a refusal is answered, and no cache keeps an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (b"x-ms-request-id", str(uuid.uuid4()).encode()),
                    (b"cache-control", b"no-cache"),
                ]
            await send(message)

        try:
            await self._app({**scope, "path": scope["path"].rstrip("/") or "/"}, receive, with_headers)
        except KeyVaultError as error:
            await error.response()(scope, receive, with_headers)
        except sqlite3.Error as error:
            if not is_outage(error):
                raise
            _log.warning("Key Vault can store nothing at the moment: %s", error)
            await errors.unavailable().response()(scope, receive, with_headers)
