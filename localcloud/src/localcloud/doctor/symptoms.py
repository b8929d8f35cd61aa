"""What a pod says that no answer of Entra's or of a role explains: a proxy, a certificate authority, a secret.

The words are those of the Azure SDKs for Python and of the libraries below them: requests, urllib3, OpenSSL.
"""

import re
from collections.abc import Callable

_PROXY = re.compile(r"(?:unable to|cannot) connect to proxy|ProxyError|Tunnel connection failed", re.I)
_AUTHORITY = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", re.I)
_NO_HOST = re.compile(r"Name or service not known|Failed to resolve|NameResolutionError", re.I)
_SECRET = re.compile(r"secret with \(name/id\) ([0-9A-Za-z-]+)")

Place = Callable[[str], str]
"""Says where the manifests have a variable: ` (file:line)`, or empty."""

PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
AUTHORITY_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")


def unreached(reason: str) -> str:
    """Return why Entra was not reached, in a few words, by what the pod says; empty if that is not what it says."""
    if _PROXY.search(reason):
        return "the proxy can't be reached, or it refuses"
    if _AUTHORITY.search(reason):
        return "the certificate is of an authority that the pod does not trust"
    return "its name can't be resolved" if _NO_HOST.search(reason) else ""


def missing_secret(reason: str) -> str:
    """Return the name of the secret that the vault does not have, empty if the pod says nothing of that."""
    found = _SECRET.search(reason)
    return found[1] if found else ""


def advice(reason: str, place: Place) -> str | None:
    """Return what to do if the pod does not reach Entra because of its proxy or its authorities, or nothing."""
    if _PROXY.search(reason):
        return (
            "the pod asks by a proxy that does not answer, so Entra never hears of it. Correct HTTPS_PROXY, or name "
            f"the hosts that need no proxy in NO_PROXY{_first(place, PROXY_VARIABLES)}."
        )
    if _AUTHORITY.search(reason):
        return (
            "the pod does not trust the authority that signed the certificate, as if a proxy reads along. Give it a "
            f"bundle with that authority in REQUESTS_CA_BUNDLE and SSL_CERT_FILE{_first(place, AUTHORITY_VARIABLES)}."
        )
    return None


def _first(place: Place, variables: tuple[str, ...]) -> str:
    return next((found for variable in variables if (found := place(variable))), "")
