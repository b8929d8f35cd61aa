"""Blob Storage's refusals, in Azure's own words if they are known.

https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes and blob-service-error-codes.
"""

import time
import uuid
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from starlette.responses import Response

_VERSION = "2026-10-06"  # of the service, as it says on its own errors
_AUTHENTICATION_FAILED = (
    "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
    "including the signature."
)


class BlobError(Exception):
    """A refusal, as an exception; `details` become further elements of its body, such as `HeaderName`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or {}
        self.headers = headers or {}

    def response(self, method: str) -> Response:
        """Make the answer. One to a HEAD request has no body, so its code stands in a header too."""
        request_id = str(uuid.uuid4())
        now = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
        details = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in self.details.items())
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{self.code}</Code>"
            f"<Message>{escape(self.message)}\nRequestId:{request_id}\nTime:{now}</Message>{details}</Error>"
        )
        return Response(
            b"" if method == "HEAD" else body.encode(),
            self.status,
            {
                "x-ms-error-code": self.code,
                "x-ms-request-id": request_id,
                "x-ms-version": _VERSION,
                **self.headers,
            },
            media_type="application/xml",
        )


def unauthenticated(tenant_id: str, reason: str | None) -> BlobError:
    """Make the 401 that names the tenant. `reason` is None if there was no token at all."""
    challenge = {
        "WWW-Authenticate": f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant_id}/oauth2/authorize "
        "resource_id=https://storage.azure.com"
    }
    if reason is None:
        message = (
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
        )
        return BlobError(401, "NoAuthenticationInformation", message, headers=challenge)
    details = {"AuthenticationErrorDetail": reason}
    return BlobError(401, "InvalidAuthenticationInfo", _AUTHENTICATION_FAILED, details, challenge)


def bearer_not_supported() -> BlobError:
    """Make the 403 for a request without a version of the service, or with one from before bearer tokens."""
    details = {"AuthenticationErrorDetail": "Authentication scheme Bearer is not supported in this version."}
    return BlobError(403, "AuthenticationFailed", _AUTHENTICATION_FAILED, details)


def permission_mismatch() -> BlobError:
    return BlobError(
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    )


def key_based_authentication() -> BlobError:
    return BlobError(
        403,
        "KeyBasedAuthenticationNotPermitted",
        "Key based authentication is not permitted on this storage account.",
    )


def copy_source_elsewhere() -> BlobError:
    return BlobError(
        403, "CannotVerifyCopySource", "The copy source is not in this storage account: nothing else is reached."
    )


def copy_source_missing() -> BlobError:
    return BlobError(404, "CannotVerifyCopySource", "The specified blob does not exist.")


def not_supported(what: str) -> BlobError:
    return BlobError(400, "FeatureNotSupportedForAccount", f"This storage account does not support {what}.")


def length_required() -> BlobError:
    return BlobError(411, "MissingContentLengthHeader", "Content-Length HTTP header was not specified.")


def unsupported_verb(allowed: Iterable[str]) -> BlobError:
    return BlobError(
        405,
        "UnsupportedHttpVerb",
        "The resource doesn't support the specified HTTP verb.",
        headers={"Allow": ", ".join(sorted(allowed))},
    )


def unsupported_header(name: str) -> BlobError:
    message = "One of the HTTP headers specified in the request is not supported."
    return BlobError(400, "UnsupportedHeader", message, {"HeaderName": name})


def missing_header(name: str) -> BlobError:
    message = "An HTTP header that's mandatory for this request is not specified."
    return BlobError(400, "MissingRequiredHeader", message, {"HeaderName": name})


def invalid_header(name: str) -> BlobError:
    message = "The value for one of the HTTP headers is not in the correct format."
    return BlobError(400, "InvalidHeaderValue", message, {"HeaderName": name})


def multiple_conditions() -> BlobError:
    return BlobError(400, "MultipleConditionHeadersNotSupported", "Multiple condition headers are not supported.")


def invalid_metadata() -> BlobError:
    return BlobError(
        400, "InvalidMetadata", "The metadata specified is invalid. It has characters that are not permitted."
    )


def metadata_too_large() -> BlobError:
    return BlobError(400, "MetadataTooLarge", "The size of the specified metadata exceeds the maximum size permitted.")


def empty_tag_name() -> BlobError:
    return BlobError(400, "EmptyTagName", "The name of one of the tag key-value pairs is empty.")


def duplicate_tag_names() -> BlobError:
    return BlobError(400, "DuplicateTagNames", "The tags specified contain duplicate names.")


def tags_too_large() -> BlobError:
    return BlobError(400, "TagsTooLarge", "The tags specified exceed the maximum permissible limit.")


def invalid_tag() -> BlobError:
    message = "The tags specified are invalid. It contains characters that are not permitted."
    return BlobError(400, "InvalidTag", message)


def block_list_too_long() -> BlobError:
    return BlobError(400, "BlockListTooLong", "The block list may not contain more than 50,000 blocks.")


def md5_mismatch() -> BlobError:
    message = "The MD5 value specified in the request did not match with the MD5 value calculated by the server."
    return BlobError(400, "Md5Mismatch", message)


def body_too_large() -> BlobError:
    return BlobError(
        413, "RequestBodyTooLarge", "The request body is too large and exceeds the maximum permissible limit."
    )


def invalid_xml() -> BlobError:
    return BlobError(400, "InvalidXmlDocument", "XML specified is not syntactically valid.")


def unsupported_xml_node(name: str) -> BlobError:
    message = "One of the XML nodes specified in the request body is not supported."
    return BlobError(400, "UnsupportedXmlNode", message, {"XmlNodeName": name})


def missing_xml_node() -> BlobError:
    message = "A required XML node was not specified in the request body."
    return BlobError(400, "MissingRequiredXmlNode", message)


def unsupported_parameter(name: str) -> BlobError:
    message = "One of the query parameters specified in the request URI is not supported."
    return BlobError(400, "UnsupportedQueryParameter", message, {"QueryParameterName": name})


def missing_parameter(name: str) -> BlobError:
    message = "A query parameter that's mandatory for this request is not specified."
    return BlobError(400, "MissingRequiredQueryParameter", message, {"QueryParameterName": name})


def invalid_parameter(name: str) -> BlobError:
    message = "Value for one of the query parameters specified in the request URI is invalid."
    return BlobError(400, "InvalidQueryParameterValue", message, {"QueryParameterName": name})


def name_too_long() -> BlobError:
    message = "The specified resource name length is not within the permissible limits."
    return BlobError(400, "OutOfRangeInput", message)


def out_of_range_input() -> BlobError:
    return BlobError(400, "OutOfRangeInput", "One of the request inputs is out of range.")


def invalid_page_range() -> BlobError:
    return BlobError(416, "InvalidPageRange", "The page range specified is invalid.")


def invalid_input() -> BlobError:
    return BlobError(400, "InvalidInput", "One of the request inputs is not valid.")


def invalid_uri() -> BlobError:
    return BlobError(400, "InvalidUri", "The requested URI does not represent any resource on the server.")


def internal_error() -> BlobError:
    return BlobError(500, "InternalError", "The server encountered an internal error. Please retry the request.")


def server_busy() -> BlobError:
    return BlobError(
        503, "ServerBusy", "The server is currently unable to receive requests. Please retry your request."
    )
