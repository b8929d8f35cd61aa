"""The form that the value of each header and parameter has in Blob Storage's REST API.

A value of another form is refused, as Azure refuses it. Azurite would take a date that is none for no condition at all,
and fail over others.
"""

import re
from datetime import date, datetime
from urllib.parse import unquote

_TEXT = r"[^\x00-\x1f\x7f]*"
_SOME_TEXT = r"[^\x00-\x1f\x7f]+"
_WORD = r"[A-Za-z0-9]+"
_INTEGER = r"[0-9]{1,15}"
_GUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_MD5 = r"[A-Za-z0-9+/]{22}=="
_CRC64 = r"[A-Za-z0-9+/]{11}="
_ETAG = r'\*|"[^",*]*"|[^",\s*]+'  # one, quoted or not

_HEADERS = {
    "content-length": _INTEGER,
    "content-md5": _MD5,
    "if-match": _ETAG,
    "if-none-match": _ETAG,
    "x-ms-access-tier": _WORD,
    "x-ms-blob-condition-appendpos": _INTEGER,
    "x-ms-blob-condition-maxsize": _INTEGER,
    "x-ms-blob-content-length": _INTEGER,
    "x-ms-blob-content-md5": _MD5,
    "x-ms-blob-sequence-number": _INTEGER,
    "x-ms-client-request-id": r"[\x20-\x7e]{0,1024}",
    "x-ms-content-crc64": _CRC64,
    "x-ms-copy-source-tag-option": "REPLACE|COPY",
    "x-ms-delete-snapshots": "include|only",
    "x-ms-if-sequence-number-eq": _INTEGER,
    "x-ms-if-sequence-number-le": _INTEGER,
    "x-ms-if-sequence-number-lt": _INTEGER,
    "x-ms-if-tags": _SOME_TEXT,
    "x-ms-lease-break-period": r"[0-9]|[1-5][0-9]|60",  # seconds
    "x-ms-lease-duration": r"-1|1[5-9]|[2-5][0-9]|60",  # seconds, or for ever
    "x-ms-lease-id": _GUID,
    "x-ms-proposed-lease-id": _GUID,
    "x-ms-range-get-content-md5": "(?i:true|false)",
    "x-ms-rehydrate-priority": "High|Standard",
    "x-ms-sequence-number-action": "max|update|increment",
    "x-ms-source-if-match": _ETAG,
    "x-ms-source-if-none-match": _ETAG,
    "x-ms-source-if-tags": _SOME_TEXT,
}
_PARAMETERS = {
    "blockid": r"[A-Za-z0-9+/]+={0,2}",
    "blocklisttype": "committed|uncommitted|all",
    "copyid": _GUID,
    "include": r"[A-Za-z]+(,[A-Za-z]+)*",
    "maxresults": r"[1-9][0-9]{0,8}",
    "snapshot": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{7}Z",
    "timeout": r"[0-9]{1,9}",
}


def is_header_value(name: str, value: str) -> bool:
    """Whether a header, named in lower case, may have this value."""
    if name.endswith("-since"):
        return _is_date(value)
    if name == "x-ms-tags":
        return _are_tags(value)
    if name in ("range", "x-ms-range"):
        return _is_range(value)
    return re.fullmatch(_HEADERS.get(name, _TEXT), value) is not None


def is_parameter_value(name: str, value: str) -> bool:
    """Whether a query parameter, named in lower case, may have this value."""
    return re.fullmatch(_PARAMETERS.get(name, _TEXT), value) is not None


def is_metadata_name(name: str) -> bool:
    """Whether this is a C# identifier, as names of metadata are."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def bounds(text: str) -> tuple[int, int | None] | None:
    """Read the first and the last byte of a range, None for an open end; None if this is no range."""
    found = re.fullmatch(r"bytes=([0-9]{1,15})-([0-9]{1,15})?", text)
    return (int(found[1]), int(found[2]) if found[2] else None) if found else None


def is_version(text: str) -> bool:
    """Whether this names a version of the service: each is a day."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_date(text: str) -> bool:
    """Whether this is a date in the form of RFC 1123, `Fri, 26 Jun 2026 23:39:12 GMT`."""
    try:
        datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT")
    except ValueError:
        return False
    return True


def _is_range(text: str) -> bool:
    """Whether this is one range of bytes, `bytes=0-` or `bytes=0-9`."""
    range_ = bounds(text)
    return range_ is not None and (range_[1] is None or range_[0] <= range_[1])


def _are_tags(text: str) -> bool:
    """Whether these are tags as a header holds them: `name=value&name=value`, percent-encoded, or none."""
    part = r"([^=&%]|%[0-9A-Fa-f]{2})*"
    if not re.fullmatch(f"({part}={part}(&{part}={part})*)?", text):
        return False
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return True
