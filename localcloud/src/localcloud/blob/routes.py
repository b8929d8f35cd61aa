"""The gateway in front of Azurite: the token, then the access, then what was understood of a request goes on.

Bodies are streamed in both directions, except for those that are XML. A caller's own authorization never goes further.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from localcloud.authorization.guard import Denied, Guard, Unauthenticated
from localcloud.authorization.model import TENANT_ID
from localcloud.authorization.tokens import AccessClaims
from localcloud.blob import actions, errors
from localcloud.blob.azurite import Azurite
from localcloud.blob.copy_source import read_source
from localcloud.blob.errors import BlobError
from localcloud.blob.operation import Body, Operation
from localcloud.blob.request import BlobRequest, read, rebuild, recognise
from localcloud.blob.xml_bodies import read_xml

_AZURITES_PAGE_RANGE = "Requested Range Not Satisfiable"  # no code of Azure's
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
        http = Request(scope, receive)
        try:
            await self._handle(http, send)
        except BlobError as error:
            await error.response(http.method)(scope, receive, send)
        except Denied:
            await errors.permission_mismatch().response(http.method)(scope, receive, send)
        except httpx.TransportError:
            return  # what was begun ends as a torn connection, which the caller understands

    async def _handle(self, http: Request, send: Send) -> None:
        request = read(http.scope)
        token = _token(request)
        operation = recognise(request)
        try:
            claims = self._guard.authenticate(token, operation.actions[-1], request.scope)
        except Unauthenticated as error:
            raise errors.unauthenticated(TENANT_ID, error.reason if token else None) from error
        adds_only = self._authorize(claims, request, operation)
        if operation.refused:
            raise errors.not_supported(operation.refused)
        forward = rebuild(request, operation)
        if "x-ms-copy-source" in forward.headers:
            forward.headers["x-ms-copy-source"] = await self._readable_source(claims, request)
        expects_none = forward.headers.get("if-none-match") == "*"
        if adds_only:
            forward.headers["if-none-match"] = "*"
        async with self._answer(forward, await _body(http, operation, request)) as answer:
            if adds_only and not expects_none and answer.headers.get("x-ms-error-code") == "BlobAlreadyExists":
                # To add was granted; the name is taken, and to overwrite takes more.
                self._guard.check(claims, actions.WRITE, request.scope)
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise errors.internal_error()  # Azurite's own says nothing
            if answer.headers.get("x-ms-error-code") == _AZURITES_PAGE_RANGE:
                raise errors.invalid_page_range()
            if answer.status_code >= httpx.codes.BAD_REQUEST and "x-ms-error-code" not in answer.headers:
                raise errors.invalid_input()
            await self._relay(operation, answer)(http.scope, http.receive, send)

    def _authorize(self, claims: AccessClaims, request: BlobRequest, operation: Operation) -> bool:
        """Check the access.

        Return whether the caller may put a blob only if there is none of that name; raises `Denied`.
        """
        *others, least = operation.actions
        action = next((action for action in others if self._guard.holds(claims, action, request.scope)), least)
        self._guard.check(claims, action, request.scope)
        for further in _further_actions(request):
            self._guard.check(claims, further, request.scope)
        adds_only = operation.replaces and action == actions.ADD
        if adds_only and "if-match" in request.headers:
            self._guard.check(claims, actions.WRITE, request.scope)  # a condition on what is there: an overwrite
        return adds_only

    async def _readable_source(self, claims: AccessClaims, request: BlobRequest) -> str:
        """Get the URL of a copy's source. Raises `Denied` if the caller may not read it, `BlobError` if it is none."""
        source = read_source(request.headers["x-ms-copy-source"], self._host)
        self._guard.check(claims, actions.READ, source.scope)
        if _copies_tags(request) or "x-ms-source-if-tags" in request.headers:
            self._guard.check(claims, actions.TAGS_READ, source.scope)
        await self._require_block_blob(source)
        return f"https://{self._host}{source.path}{'?' if source.query else ''}{source.query}"

    async def _require_block_blob(self, source: BlobRequest) -> None:
        """Raise `BlobError` unless this is a block blob.

        A page blob or append blob that Azurite has copied shares its pages or blocks with its source: a write to
        the copy is then a write to the source as well, in whatever container that is.
        """
        async with self._answer(source, None) as answer:
            if answer.status_code != httpx.codes.OK:
                raise errors.copy_source_missing()
            if answer.headers.get("x-ms-blob-type") != "BlockBlob":
                raise errors.not_supported("copies of page blobs and append blobs")

    @asynccontextmanager
    async def _answer(self, request: BlobRequest, body: AsyncIterator[bytes] | None) -> AsyncIterator[httpx.Response]:
        """Ask Azurite; raises `BlobError` if it does not answer, `httpx.TransportError` while the answer is read."""
        headers = {name.encode("latin-1"): value.encode("latin-1") for name, value in request.headers.items()}
        async with AsyncExitStack() as stack:
            sending = self._upstream.request(request.method, request.path, request.query, headers, body)
            try:
                answer = await stack.enter_async_context(sending)
            except httpx.TransportError as error:
                raise errors.server_busy() from error
            yield answer

    def _relay(self, operation: Operation, answer: httpx.Response) -> Response:
        lists = operation.query.get("comp") in ("list", "blobs")
        response = StreamingResponse(self._with_endpoint(answer) if lists else answer.aiter_raw(), answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _NOT_RETURNED
        ]
        if lists:
            del response.headers["content-length"]  # of the list as it was before its endpoint was put right
        return response

    async def _with_endpoint(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        """Pass a list on as it comes. Its first chunk holds the endpoint, which becomes the one that callers know."""
        first = True
        async for chunk in answer.aiter_raw():
            yield chunk.replace(self._upstream_endpoint, self._endpoint, 1) if first else chunk
            first = False


def blob(guard: Guard, upstream: Azurite, account: str) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", Gateway(guard, upstream, account))])


def _token(request: BlobRequest) -> str:
    """Get the bearer token, empty if there is none; raises `BlobError` for an account key."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("sharedkey", "sharedkeylite"):
        raise errors.key_based_authentication()
    return token.strip() if scheme.lower() == "bearer" else ""


async def _body(http: Request, operation: Operation, request: BlobRequest) -> AsyncIterator[bytes] | None:
    """Get what is sent on of the body: bytes as they come, a document once it has been checked."""
    match operation.body:
        case Body.NONE:
            return None
        case Body.BYTES:
            return http.stream()
        case document:
            return _whole(await read_xml(document, http.stream(), request.headers))


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _further_actions(request: BlobRequest) -> Iterator[str]:
    """Yield the actions that a request needs for what it carries, besides its operation's."""
    if "x-ms-tags" in request.headers or _copies_tags(request):
        yield actions.TAGS_WRITE
    if "x-ms-if-tags" in request.headers or "tags" in request.parameters.get("include", "").lower().split(","):
        yield actions.TAGS_READ


def _copies_tags(request: BlobRequest) -> bool:
    return request.headers.get("x-ms-copy-source-tag-option") == "COPY"
