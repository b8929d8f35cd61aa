"""Blob Storage's refusals (https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes)."""

import time
import uuid
from xml.sax.saxutils import escape

from starlette.responses import Response

_VERSION = "2026-10-06"  # of the service, as it says on its own errors


class BlobError(Exception):
    """A refusal; `detail` becomes `AuthenticationErrorDetail`."""

    def __init__(
        self, status: int, code: str, message: str, detail: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = headers or {}

    def response(self, method: str) -> Response:
        """The answer; one to a HEAD request has no body, so its code stands in a header too."""
        request_id = str(uuid.uuid4())
        now = time.strftime("%Y-%m-%dT%H:%M:%S.0000000Z", time.gmtime())
        detail = f"<AuthenticationErrorDetail>{escape(self.detail)}</AuthenticationErrorDetail>" if self.detail else ""
        body = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f"<Error><Code>{self.code}</Code>"
            f"<Message>{escape(self.message)}\nRequestId:{request_id}\nTime:{now}</Message>{detail}</Error>"
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
    """`reason` is None where there was no token at all."""
    challenge = {
        "WWW-Authenticate": f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant_id}/oauth2/authorize "
        "resource_id=https://storage.azure.com"
    }
    if reason is None:
        message = (
            "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
        )
        return BlobError(401, "NoAuthenticationInformation", message, headers=challenge)
    message = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature."
    )
    return BlobError(401, "InvalidAuthenticationInfo", message, detail=reason, headers=challenge)


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


def not_supported(what: str) -> BlobError:
    return BlobError(400, "FeatureNotSupportedForAccount", f"This storage account does not support {what}.")


def length_required() -> BlobError:
    return BlobError(411, "MissingContentLengthHeader", "Content-Length HTTP header was not specified.")


def invalid_input() -> BlobError:
    return BlobError(400, "InvalidInput", "One of the request inputs is not valid.")


def invalid_uri() -> BlobError:
    return BlobError(400, "InvalidUri", "The requested URI does not represent any resource on the server.")


def server_busy() -> BlobError:
    return BlobError(
        503, "ServerBusy", "The server is currently unable to receive requests. Please retry your request."
    )
