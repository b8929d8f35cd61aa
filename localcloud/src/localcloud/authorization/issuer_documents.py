"""The two documents of a cluster's issuer, which Entra fetches: its configuration, and its keys.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
"""

from collections.abc import Callable

from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.authorization import keys


def issuer_documents(path: str, issuer: Callable[[Request], str], key: Callable[[], RSAKey]) -> Starlette:
    """Return the application that serves both below `path`, which ends in a slash and may have parameters.

    `issuer` returns the issuer's URL, and `key` the key that verifies its tokens now.
    """

    async def configuration(request: Request) -> Response:
        url = issuer(request)
        return JSONResponse(
            {
                "issuer": url,
                "jwks_uri": f"{url.removesuffix('/')}/openid/v1/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(_request: Request) -> Response:
        return JSONResponse(keys.public_jwks(key()))

    return Starlette(
        routes=[
            Route(f"{path}.well-known/openid-configuration", configuration),
            Route(f"{path}openid/v1/jwks", jwks),
        ]
    )
