"""What a copy is made of: a blob of this account, or one of its snapshots."""

from urllib.parse import urlsplit

from localcloud.blob import errors, values
from localcloud.blob.request import BlobRequest, parse_query, split_path


def read_source(url: str, host: str) -> BlobRequest:
    """Make a request for the properties of the blob at this URL.

    Raises `BlobError` if it is not of the account `host`.
    """
    try:
        parts = urlsplit(url)
        raw_path, query_string = parts.path.encode("ascii"), parts.query.encode("ascii")
    except ValueError as error:
        raise errors.copy_source_elsewhere() from error
    container, blob = split_path(raw_path)
    parameters = parse_query(query_string)
    if (parts.scheme, parts.netloc) != ("https", host) or not blob or parameters.keys() - {"snapshot"}:
        raise errors.copy_source_elsewhere()
    if not all(values.is_parameter_value(name, value) for name, value in parameters.items()):
        raise errors.invalid_header("x-ms-copy-source")
    return BlobRequest("HEAD", container, blob, parameters, {})
