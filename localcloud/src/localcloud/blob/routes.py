"""The gateway in front of Azurite: the token, then the access, then the request goes on under another's authority.

Nothing of a body is kept here; both directions are streamed. A caller's own authorization never goes further.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.authorization.model import TENANT_ID
from localcloud.authorization.tokens import AccessClaims
from localcloud.blob import actions, errors
from localcloud.blob.azurite import Azurite
from localcloud.blob.errors import BlobError
from localcloud.blob.operations import Operation, recognise, split_path

# What is sent on. A closed list: Azurite obeys headers that would make another request of it (X-HTTP-Method).
_FORWARDED = ("accept", "content-", "date", "if-", "range", "user-agent", "x-ms-")
_NOT_RETURNED = {b"connection", b"date", b"keep-alive", b"server", b"transfer-encoding"}


class Gateway:
    """One storage account, answered under `{account}.blob.core.windows.net`."""

    def __init__(self, guard: Guard, upstream: Azurite, account: str) -> None:
        self._guard = guard
        self._upstream = upstream
        self._host = f"{account}.blob.core.windows.net"
        self._upstream_endpoint = f'ServiceEndpoint="http://{self._host}/{account}"'.encode()
        self._endpoint = f'ServiceEndpoint="https://{self._host}/"'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await self._handle(request, send)
        except BlobError as error:
            await error.response(request.method)(scope, receive, send)
        except Denied:
            await errors.permission_mismatch().response(request.method)(scope, receive, send)
        except (ClientDisconnect, httpx.TransportError):
            return  # what was begun ends as a torn connection, which either end understands

    async def _handle(self, request: Request, send: Send) -> None:
        token = _token(request)
        operation = recognise(request.method, request.scope["raw_path"], request.scope["query_string"], request.headers)
        try:
            claims = self._guard.authenticate(token, operation.action, operation.scope)
        except Unauthenticated as error:
            raise errors.unauthenticated(TENANT_ID, error.reason if token else None) from error
        headers = {name: value for name, value in request.headers.raw if name.decode("latin-1").startswith(_FORWARDED)}
        adds_only = self._authorize(claims, operation, request)
        if source := request.headers.get("x-ms-copy-source"):
            headers[b"x-ms-copy-source"] = self._readable_source(claims, source, operation)
        expects_none = headers.get(b"if-none-match") == b"*"
        if adds_only:
            headers[b"if-none-match"] = b"*"
        body = request.stream() if "content-length" in request.headers else None
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(
                    self._upstream.request(request.method, operation.path, operation.query, headers, body)
                )
            except httpx.TransportError as error:
                raise errors.server_busy() from error
            if adds_only and not expects_none and answer.headers.get("x-ms-error-code") == "BlobAlreadyExists":
                # To add was granted; the name is taken, and to overwrite takes more.
                self._guard.check(claims, actions.WRITE, operation.scope)
            if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
                raise errors.invalid_input()  # so Azurite answers, without a word, what it did not expect
            await self._relay(operation, answer)(request.scope, request.receive, send)

    def _authorize(self, claims: AccessClaims, operation: Operation, request: Request) -> bool:
        """Raises `Denied`, or returns whether the caller may put a blob only where there is none."""
        action = operation.action
        if operation.may_create_only and self._guard.holds(claims, actions.WRITE, operation.scope):
            action = actions.WRITE
        self._guard.check(claims, action, operation.scope)
        if request.method == "PUT" and "x-ms-tags" in request.headers:
            self._guard.check(claims, actions.TAGS_WRITE, operation.scope)
        if action == actions.GENERATE_USER_DELEGATION_KEY:
            raise errors.not_supported("user delegation keys, since it takes no SAS")
        if action != actions.ADD or not operation.puts_blob:
            return False
        if "if-match" in request.headers:
            self._guard.check(claims, actions.WRITE, operation.scope)  # a condition on what is there: an overwrite
        return True

    def _readable_source(self, claims: AccessClaims, source: str, operation: Operation) -> bytes:
        """The source of a copy, which the caller must be allowed to read; raises `BlobError` or `Denied`."""
        try:
            parts = urlsplit(source)
        except ValueError as error:
            raise errors.copy_source_elsewhere() from error
        query = parse_qs(parts.query)
        if parts.scheme != "https" or parts.netloc != self._host or query.keys() - {"snapshot"}:
            raise errors.copy_source_elsewhere()
        if operation.comp:
            raise errors.not_supported("blocks and pages that are read from a URL")
        container, blob, path = split_path(parts.path.encode("ascii", errors="replace"))
        if not blob:
            raise errors.copy_source_elsewhere()
        self._guard.check(claims, actions.READ, f"blob/{container}")
        return f"https://{self._host}{path}{'?' if query else ''}{urlencode(query, doseq=True)}".encode()

    def _relay(self, operation: Operation, answer: httpx.Response) -> Response:
        content = self._with_endpoint(answer) if operation.lists else answer.aiter_raw()
        response = StreamingResponse(content, answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _NOT_RETURNED
        ]
        if operation.lists:
            del response.headers["content-length"]  # of the list as it was before its endpoint was put right
        return response

    async def _with_endpoint(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        """A list as it comes; its first chunk holds its endpoint, which is told as callers know it."""
        first = True
        async for chunk in answer.aiter_raw():
            yield chunk.replace(self._upstream_endpoint, self._endpoint, 1) if first else chunk
            first = False


def blob(guard: Guard, upstream: Azurite, account: str) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", Gateway(guard, upstream, account))])


def _token(request: Request) -> str:
    """The bearer token, empty where there is none; raises `BlobError` for other ways to prove who one is."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("sharedkey", "sharedkeylite"):
        raise errors.key_based_authentication()
    return token.strip() if scheme.lower() == "bearer" else ""
