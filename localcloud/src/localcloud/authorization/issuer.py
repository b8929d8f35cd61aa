"""The cluster's OIDC issuer: discovery, JWKS and projected service-account tokens, as an AKS cluster has them.

Sources: https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#serviceaccount-token-volume-projection
and https://learn.microsoft.com/azure/aks/use-oidc-issuer. An AKS issuer's URL ends in a slash.
"""

import time
import uuid
from collections.abc import Callable
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette

from localcloud.authorization import keys
from localcloud.authorization.issuer_documents import issuer_documents


class Issuer:
    """Signs with one key. After `rotate` that is a new one, and the JWKS holds it alone."""

    def __init__(self, url: str, key_file: Path, clock: Callable[[], float] = time.time) -> None:
        self.url = url
        self._key_file = key_file
        self._key: RSAKey = keys.load_or_create(key_file)
        self._clock = clock

    def issue_token(
        self,
        *,
        namespace: str,
        service_account: str,
        service_account_uid: str,
        pod_name: str,
        pod_uid: str,
        audience: str,
        lifetime_seconds: int,
    ) -> str:
        """Return a projected token (RS256), as the kubelet requests it from the API server for a pod."""
        now = int(self._clock())
        claims = {
            "aud": [audience],
            "exp": now + lifetime_seconds,
            "iat": now,
            "iss": self.url,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": namespace,
                "pod": {"name": pod_name, "uid": pod_uid},
                "serviceaccount": {"name": service_account, "uid": service_account_uid},
            },
            "nbf": now,
            "sub": f"system:serviceaccount:{namespace}:{service_account}",
        }
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key, algorithms=["RS256"])

    @property
    def keys(self) -> KeySet:
        """The keys by which its tokens are verified."""
        return KeySet([self._key])

    def rotate(self) -> None:
        """Replace the signing key. Tokens that it signed are no longer verified."""
        self._key_file.unlink(missing_ok=True)
        self._key = keys.load_or_create(self._key_file)

    def discovery(self, path: str) -> Starlette:
        """Return the application that serves the two documents that Entra fetches.

        `path` is the path of the issuer's URL, which ends in a slash.
        """
        return issuer_documents(path, lambda _request: self.url, lambda: self._key)
