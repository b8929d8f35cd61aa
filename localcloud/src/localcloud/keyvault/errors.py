"""Key Vault's refusals, word for word if its words are known.

https://learn.microsoft.com/azure/key-vault/general/rest-error-codes and the texts that its users report.
"""

from starlette.responses import JSONResponse, Response

from localcloud.authorization.guard import Denied
from localcloud.authorization.tokens import AccessClaims

_NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class KeyVaultError(Exception):
    """A refused request. `inner` is the code of `innererror`."""

    def __init__(
        self, status: int, code: str, message: str, inner: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.headers = headers

    def response(self) -> Response:
        error: dict[str, object] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return JSONResponse({"error": error}, self.status, self.headers)


def unauthorized(authority_url: str, reason: str | None) -> KeyVaultError:
    """The challenge, which names the tenant to every client. `reason` is None if there was no token at all."""
    message = f"AKV10022: Invalid token: {reason}." if reason else "AKV10000: Request is missing a Bearer or PoP token."
    challenge = f'Bearer authorization="{authority_url}", resource="https://vault.azure.net"'
    return KeyVaultError(401, "Unauthorized", message, headers={"WWW-Authenticate": challenge})


def unavailable() -> KeyVaultError:
    return KeyVaultError(503, "ServiceUnavailable", "The service is temporarily unavailable. Please retry.")


def forbidden(claims: AccessClaims, denied: Denied, vault: str, tenant_id: str) -> KeyVaultError:
    """`ForbiddenByRbac`. There is no subscription here, so its id is all zeros."""
    name = denied.scope.partition("/")[2]
    resource = f"/subscriptions/{_NO_SUBSCRIPTION}/resourcegroups/{vault}/providers/microsoft.keyvault/vaults/{vault}"
    if name != "*":
        resource += f"/secrets/{name}"
    lines = (
        "Caller is not authorized to perform action on resource.",
        "If role assignments, deny assignments or role definitions were changed recently, "
        "please observe propagation time.",
        f"Caller: appid={claims.appid};oid={claims.oid};iss=https://sts.windows.net/{tenant_id}/",
        f"Action: '{denied.action}'",
        f"Resource: '{resource}'",
        "Assignment: (not found)",
        "DenyAssignmentId: null",
        "DecisionReason: null ",
        f"Vault: {vault};location=local",
    )
    return KeyVaultError(403, "Forbidden", "".join(f"{line}\r\n" for line in lines), inner="ForbiddenByRbac")


def secret_not_found(name: str) -> KeyVaultError:
    return KeyVaultError(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may "
        "be able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )


def deleted_secret_not_found(name: str) -> KeyVaultError:
    return KeyVaultError(404, "SecretNotFound", f"Deleted Secret not found: {name}")


def name_is_deleted(name: str) -> KeyVaultError:
    return KeyVaultError(
        409,
        "Conflict",
        f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, "
        "the secret can only be recovered or purged.",
        inner="ObjectIsDeletedButRecoverable",
    )


def name_is_taken(url: str) -> KeyVaultError:
    """The refusal of a restore; its words are not known from a report."""
    return KeyVaultError(
        409,
        "Conflict",
        f"There was a conflict restoring the secret '{url}' to the requested state. There was already a secret with "
        "that name.",
    )


def too_many_versions(name: str, most: int) -> KeyVaultError:
    """The refusal of a backup; its words are not known from a report."""
    return bad_parameter(f"The secret {name} has more than {most} versions, and cannot be backed up.")


def secret_disabled() -> KeyVaultError:
    return KeyVaultError(403, "Forbidden", "Operation get is not allowed on a disabled secret.", inner="SecretDisabled")


def bad_parameter(message: str) -> KeyVaultError:
    return KeyVaultError(400, "BadParameter", message)


def invalid_name(name: str) -> KeyVaultError:
    return bad_parameter(f"The request URI contains an invalid name: {name}")


def unknown_version(api_version: str, latest: str) -> KeyVaultError:
    return bad_parameter(
        f"The specified version ({api_version}) is not recognized. Consider using the latest supported version "
        f"({latest})."
    )


def not_supported(operation: str) -> KeyVaultError:
    """What this vault does not do: it holds secrets alone, neither keys nor certificates."""
    return KeyVaultError(501, "NotSupported", f"Operation '{operation}' is not supported by this key vault.")
