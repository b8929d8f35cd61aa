"""Which operation of Blob Storage a request is, and so which action it takes.

The list is closed: what is not in it never reaches Azurite, batches (whose parts would pass unseen) among it. The
actions are those of https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory
#permissions-for-blob-service-operations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode

from localcloud.blob import actions, errors

_READS = ("GET", "HEAD")
_SAFE = "/~!$&'()*+,;=:@"  # what a path may hold as it is (RFC 3986)

# (method, restype, comp) → action, by what the path names.
_SERVICE: dict[tuple[str, str, str], str] = {
    ("GET", "", "list"): actions.CONTAINER_READ,
    ("GET", "", "blobs"): actions.FILTER,
    ("GET", "service", "properties"): actions.SERVICE_READ,
    ("GET", "service", "stats"): actions.SERVICE_READ,
    ("PUT", "service", "properties"): actions.SERVICE_WRITE,
    ("POST", "service", "userdelegationkey"): actions.GENERATE_USER_DELEGATION_KEY,
}
_CONTAINER: dict[tuple[str, str, str], str] = {
    **{(method, "container", comp): actions.CONTAINER_READ for method in _READS for comp in ("", "metadata")},
    ("GET", "container", "acl"): actions.GET_ACL,
    ("HEAD", "container", "acl"): actions.GET_ACL,
    ("PUT", "container", "acl"): actions.SET_ACL,
    ("PUT", "container", ""): actions.CONTAINER_WRITE,
    ("PUT", "container", "metadata"): actions.CONTAINER_WRITE,
    ("PUT", "container", "lease"): actions.CONTAINER_WRITE,
    ("DELETE", "container", ""): actions.CONTAINER_DELETE,
    ("GET", "container", "list"): actions.READ,
    ("GET", "container", "blobs"): actions.FILTER,
}
_BLOB: dict[tuple[str, str, str], str] = {
    **{(method, "", comp): actions.READ for method in _READS for comp in ("", "metadata", "blocklist", "pagelist")},
    ("POST", "", "query"): actions.READ,
    ("GET", "", "tags"): actions.TAGS_READ,
    ("PUT", "", "tags"): actions.TAGS_WRITE,
    ("PUT", "", ""): actions.ADD,
    ("PUT", "", "appendblock"): actions.ADD,
    ("PUT", "", "snapshot"): actions.ADD,
    **{
        ("PUT", "", comp): actions.WRITE
        for comp in ("block", "blocklist", "page", "properties", "metadata", "lease", "tier", "copy", "seal")
    },
    ("DELETE", "", ""): actions.DELETE,
}
_ACCOUNT_INFO = ("account", "properties")


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for.

    `scope` is `blob/<container>`, or `blob/*` for what belongs to the account. `path` and `query` are those to send
    on: written anew from what was understood here, so that Azurite can't understand them differently.
    """

    action: str
    scope: str
    comp: str
    path: str
    query: str

    @property
    def may_create_only(self) -> bool:
        """Whether `blobs/add/action` suffices and `blobs/write` does as well."""
        return self.action == actions.ADD

    @property
    def puts_blob(self) -> bool:
        """Whether a whole blob is put under a name, where there may be one already."""
        return self.action == actions.ADD and not self.comp

    @property
    def lists(self) -> bool:
        return self.comp == "list"


def recognise(method: str, raw_path: bytes, query_string: bytes, headers: Mapping[str, str]) -> Operation:
    """The operation of a request; raises `BlobError` where there is none such, or none that is served."""
    container, blob, path = split_path(raw_path)
    query = _query(query_string)
    if "sig" in query:
        raise errors.key_based_authentication()
    if "versionid" in query or "deletetype" in query:
        raise errors.not_supported("versions of blobs")
    restype, comp = query.get("restype", ""), query.get("comp", "")
    if (restype, comp) == _ACCOUNT_INFO and method in _READS:
        action: str | None = actions.GET_INFO
    else:
        table = _BLOB if blob else _CONTAINER if container else _SERVICE
        action = table.get((method, restype, comp))
    if action is None:
        raise errors.not_supported(f"{method} with restype '{restype}' and comp '{comp}'")
    if method == "PUT" and "content-length" not in headers:
        raise errors.length_required()
    return Operation(action, f"blob/{container or '*'}", comp, path, urlencode(query))


def split_path(raw_path: bytes) -> tuple[str, str, str]:
    """Container and blob (each may be empty) of a percent-encoded path, and the path encoded anew."""
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
    return container, blob, quote(decoded, safe=_SAFE)


def _query(query_string: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise errors.invalid_uri() from error
    query = {name.lower(): value for name, value in pairs}
    if len(query) < len(pairs) or not all(re.fullmatch(r"[a-z-]+", name) for name in query):
        raise errors.invalid_uri()  # a name twice, or with brackets, is read differently by different parsers
    return {name: value for name, value in query.items() if value}  # to Azurite, `comp=` is as if it were not there
