"""Asks the guard whether the caller may do what it asks for, and refuses in Azure's own words."""

from typing import NoReturn
from urllib.parse import parse_qs, unquote

from localcloud.authorization.guard import CONTROL_PLANE, Denied, Guard, Unauthenticated
from localcloud.authorization.tokens import AccessClaims
from localcloud.cosmos.actions import READ_METADATA
from localcloud.cosmos.errors import CosmosError

# The substatuses of 401 and 403, as real accounts send them.
_LOCAL_AUTHORIZATION_DISABLED = 5202
_NOT_FOR_ENTRA_TOKENS = 5300
_NO_PERMISSION = 5301

ANY_CONTAINER = "cosmos"
"""The scope of what a grant on any container of the account suffices for."""

WHOLE_ACCOUNT = "cosmos/*"
"""The scope of what needs a grant on the whole account."""


class Caller:
    """The sender of one request. `authorization` is the header, `type=aad&ver=1.0&sig={token}`, URL-encoded."""

    def __init__(self, guard: Guard, account: str, authorization: str | None) -> None:
        self._guard = guard
        self._account = account
        self._authorization = authorization

    def require(self, action: str, scope: str, resource: str) -> None:
        """Raise `CosmosError` 401 or 403 unless the caller holds the action on the scope.

        `scope` is one of the access model; `resource` names in the message what the caller asked for.
        """
        try:
            self._guard.authorize(self._token(), action, scope)
        except Unauthenticated as error:
            raise self._unauthenticated(error) from error
        except Denied as error:
            raise CosmosError(
                403,
                f"Request blocked by Auth {self._account} : Request is blocked because principal [{error.principal}] "
                f"does not have required RBAC permissions to perform action [{action}] on resource [{resource}]. "
                "Learn more: https://aka.ms/cosmos-native-rbac.",
                _NO_PERMISSION,
            ) from error

    def require_anywhere(self, action: str, resource: str) -> None:
        """Do the same for what a grant on any of the account's containers is enough for."""
        self.require(action, ANY_CONTAINER, resource)

    def authenticate(self, action: str = READ_METADATA) -> AccessClaims:
        """Raise `CosmosError` 401 unless the caller's token is good, whatever its roles are."""
        try:
            return self._guard.authenticate(self._token(), action, ANY_CONTAINER)
        except Unauthenticated as error:
            raise self._unauthenticated(error) from error

    def refuse_management(self, method: str, path: str) -> NoReturn:
        """Raise the 403 for what no Entra token may do here, such as to make or change databases and containers.

        https://learn.microsoft.com/azure/cosmos-db/how-to-connect-role-based-access-control
        """
        request = f"{method} {path}"
        self._guard.refuse(self.authenticate(request), request, ANY_CONTAINER, CONTROL_PLANE)
        raise CosmosError(
            403,
            f"Request blocked by Auth {self._account} : The given request [{request}] cannot be authorized by "
            "AAD token in data plane. Learn more: https://aka.ms/cosmos-native-rbac.",
            _NOT_FOR_ENTRA_TOKENS,
        )

    def _unauthenticated(self, error: Unauthenticated) -> CosmosError:
        return CosmosError(401, f"Request blocked by Auth {self._account} : {error.reason}.")

    def _token(self) -> str:
        if not self._authorization:
            raise CosmosError(
                401, "Required Header authorization is missing. Ensure a valid Authorization token is passed."
            )
        # A JWT has no character that needs decoding, so a plus sign can't be lost here.
        fields = parse_qs(unquote(self._authorization))
        kind = fields.get("type", [""])[0]
        if kind in ("master", "resource"):
            raise CosmosError(
                401,
                "Local Authorization is disabled. Use an AAD token to authorize all requests.",
                _LOCAL_AUTHORIZATION_DISABLED,
            )
        if kind != "aad" or fields.get("ver") != ["1.0"] or not fields.get("sig"):
            raise CosmosError(401, "The authorization token is not of the form type=aad&ver=1.0&sig={token}.")
        return fields["sig"][0]
