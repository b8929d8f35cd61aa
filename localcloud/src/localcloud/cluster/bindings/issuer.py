"""AKS's issuer of identity bindings: one key, and a URL of its own for each identity."""

import time
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette

from localcloud.authorization import keys
from localcloud.authorization.issuer_documents import issuer_documents
from localcloud.entra.federation import binding_credential, binding_issuer

_LIFETIME = 300  # seconds: Entra reads the assertion at once


class BindingIssuer:
    """Signs the assertions that the token proxy presents to Entra. The key is made when it is first needed."""

    def __init__(self, key_file: Path, clock: Callable[[], float] = time.time) -> None:
        self._key_file = key_file
        self._clock = clock

    @cached_property
    def _key(self) -> RSAKey:
        return keys.load_or_create(self._key_file)

    def assertion(self, client: str, namespace: str, service_account: str, pod: str | None) -> str:
        """Return an assertion (RS256) for the identity with this client id.

        It says whose token the proxy has verified, so that the trail names the pod. Entra does not look at that.
        """
        now, trusted = int(self._clock()), binding_credential(client)
        claims = {
            "aud": trusted.audience,
            "exp": now + _LIFETIME,
            "iat": now,
            "iss": trusted.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": service_account},
                "pod": {"name": pod},
            },
            "nbf": now,
            "sub": trusted.subject,
        }
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key, algorithms=["RS256"])

    def discovery(self) -> Starlette:
        """Return the application that serves each identity's two documents, which Entra fetches."""
        return issuer_documents(
            "/{tenant}/{client}/",
            lambda request: binding_issuer(request.path_params["client"]),
            lambda: self._key,
        )
