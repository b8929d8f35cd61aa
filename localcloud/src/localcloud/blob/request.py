"""Reads a request for Blob Storage, finds its operation, and writes it anew from what was understood.

Azurite takes a request for the operation that demands most of what the request carries. So it is sent only what the
operation takes that access was asked for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode

from starlette.types import Scope

from localcloud.blob import errors, limits, values
from localcloud.blob.errors import BlobError
from localcloud.blob.operation import Body, Operation
from localcloud.blob.operations import OPERATIONS

_SAFE = "/~!$&'()*+,;=:@"  # what a path may hold as it is (RFC 3986)
_FIRST_VERSION = "2017-11-09"  # of the service that takes bearer tokens
_SPELLED = {"startfrom": "startFrom"}  # the one parameter that is not in lower case

# Other headers mean nothing to Blob Storage, whatever they are, and go no further.
_MEANS_SOMETHING = re.compile(
    r"x-ms-.*|if-.*|content-.*|range|authorization|transfer-encoding|x-http-method.*|x-method-override"
)

# What any request may carry. It goes on only if the operation takes it.
_EVERYWHERE = {
    "authorization",
    "content-length",
    "content-type",
    "x-ms-client-request-id",
    "x-ms-correlation-request-id",
    "x-ms-date",
    "x-ms-request-id",
    "x-ms-request-root-id",
    "x-ms-return-client-request-id",
    "x-ms-useragent",
    "x-ms-version",
}


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """A request, except for its body, as it came or as it goes on.

    `parameters` are those that have a value, `headers` those that mean something to Blob Storage, by their names in
    lower case. `container` and `blob` may be empty.
    """

    method: str
    container: str
    blob: str
    parameters: dict[str, str]
    headers: dict[str, str]

    @property
    def resource(self) -> str:
        """What the path names, as the operations have it."""
        return "/container/blob" if self.blob else "/container" if self.container else "/"

    @property
    def scope(self) -> str:
        """`blob/<container>`, or `blob/*` for what belongs to the account."""
        return f"blob/{self.container or '*'}"

    @property
    def path(self) -> str:
        """The path of container and blob, percent-encoded."""
        return quote(f"/{self.container}/{self.blob}" if self.blob else f"/{self.container}", safe=_SAFE)

    @property
    def query(self) -> str:
        """The parameters, percent-encoded and as Azurite spells their names."""
        return urlencode({_SPELLED.get(name, name): value for name, value in self.parameters.items()})


def read(scope: Scope) -> BlobRequest:
    """Read the request of an ASGI scope; raises `BlobError` for one that two parsers could read differently."""
    container, blob = split_path(scope["raw_path"])
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if _MEANS_SOMETHING.fullmatch(name):
            if name in headers:
                raise errors.invalid_header(name)
            headers[name] = value
    return BlobRequest(scope["method"], container, blob, parse_query(scope["query_string"]), headers)


def recognise(request: BlobRequest) -> Operation:
    """Find the operation that a request asks for; raises `BlobError` if there is none such.

    If several are possible, such as Put Blob and Put Blob From URL, it is the one that is given most headers.
    """
    if "sig" in request.parameters:
        raise errors.key_based_authentication()
    known = _OPERATIONS.get(_selector(request.resource, request.parameters))
    if known is None:
        raise errors.invalid_parameter("comp" if "comp" in request.parameters else "restype")
    candidates = [operation for operation in known if operation.method == request.method]
    if not candidates:
        raise errors.unsupported_verb({operation.method for operation in known})
    lacks = [(operation, list(_lacking(request, operation))) for operation in candidates]
    complete = [operation for operation, lacking in lacks if not lacking]
    if not complete:
        raise min((lacking for _, lacking in lacks), key=len)[0]  # the first thing that the nearest one lacks
    return max(complete, key=lambda operation: len(operation.given))


def rebuild(request: BlobRequest, operation: Operation) -> BlobRequest:
    """Make the request to send on, which holds what its operation takes.

    Raises `BlobError` if anything is left over.
    """
    has_body = request.method in ("PUT", "POST")
    if "transfer-encoding" in request.headers or (has_body and "content-length" not in request.headers):
        raise errors.length_required()
    _check_version(request.headers.get("x-ms-version", ""))
    _check_parameters(request, operation)
    _check_headers(request, operation)
    limits.check(operation, request.blob, request.headers)
    sent = {
        name: value
        for name, value in request.headers.items()
        if operation.takes_header(name) or name == "x-ms-client-request-id"  # which the answer repeats
    }
    sent |= {name: value for name, value in operation.given.items() if value}
    if has_body:
        sent["content-length"] = request.headers["content-length"]
    return replace(request, headers=sent)


def split_path(raw_path: bytes) -> tuple[str, str]:
    """Split a percent-encoded path into container and blob, each of which may be empty; raises `BlobError`."""
    try:
        encoded = raw_path.decode("ascii")
        if re.search(r"%(?![0-9A-Fa-f]{2})", encoded):
            raise errors.invalid_uri()
        decoded = unquote(encoded, errors="strict")
    except UnicodeError as error:
        raise errors.invalid_uri() from error
    container, _, blob = decoded.removeprefix("/").partition("/")
    if {".", ".."} & set(re.split(r"[/\\]", decoded)) or (blob and not container):
        raise errors.invalid_uri()
    return container, blob


def parse_query(query_string: bytes) -> dict[str, str]:
    """Read the parameters that have a value, by their names in lower case; raises `BlobError`."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise errors.invalid_uri() from error
    parameters = {name.lower(): value for name, value in pairs}
    if len(parameters) < len(pairs) or not all(re.fullmatch(r"[a-z-]+", name) for name in parameters):
        raise errors.invalid_uri()  # a name twice, or with brackets, is read differently by different parsers
    return {name: value for name, value in parameters.items() if value}  # `comp=` is as if it were not there


def _selector(resource: str, parameters: Mapping[str, str]) -> tuple[str, str, str]:
    return resource, parameters.get("restype", ""), parameters.get("comp", "")


_OPERATIONS: dict[tuple[str, str, str], list[Operation]] = {}  # of all methods
for _operation in OPERATIONS:
    _OPERATIONS.setdefault(_selector(_operation.resource, _operation.query), []).append(_operation)


def _lacking(request: BlobRequest, operation: Operation) -> Iterator[BlobError]:
    """Yield a refusal for each parameter and header that the operation must carry and the request does not."""
    for name in operation.query.keys() - request.parameters.keys():
        yield errors.missing_parameter(name)
    for name, value in operation.given.items():
        if name not in request.headers:
            yield errors.missing_header(name)
        elif value and request.headers[name].lower() != value.lower():  # the Python SDK writes `True`
            yield errors.invalid_header(name)


def _check_version(version: str) -> None:
    if version and not values.is_version(version):
        raise errors.invalid_header("x-ms-version")
    if version < _FIRST_VERSION:
        raise errors.bearer_not_supported()


def _check_parameters(request: BlobRequest, operation: Operation) -> None:
    for name, value in request.parameters.items():
        if not operation.takes_parameter(name):
            raise errors.unsupported_parameter(name)
        if not values.is_parameter_value(name, value):
            raise errors.invalid_parameter(name)


def _check_headers(request: BlobRequest, operation: Operation) -> None:
    for name, value in request.headers.items():
        if not operation.takes_header(name) and name not in _EVERYWHERE:
            raise errors.unsupported_header(name)
        if name.startswith("x-ms-meta-") and not values.is_metadata_name(name.removeprefix("x-ms-meta-")):
            raise errors.invalid_metadata()
        if not values.is_header_value(name, value):
            raise errors.invalid_header(name)
    if operation.body is Body.NONE and request.headers.get("content-length", "0") != "0":
        raise errors.invalid_header("content-length")
    writes = request.method not in ("GET", "HEAD")
    if writes and "x-ms-if-tags" in request.headers and any(name.startswith("if-") for name in request.headers):
        raise errors.multiple_conditions()  # of them Azurite would obey the first alone
