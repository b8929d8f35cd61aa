"""What `localcloud env --for LANGUAGE` prints: the variables that a language reads, and the code that it needs."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

_EVERY_LANGUAGE = (
    "AZURE_CLIENT_ID",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
    "AZURE_KEYVAULT_RESOURCEENDPOINT",
    "AZURE_COSMOS_RESOURCEENDPOINT",
    "AZURE_STORAGEBLOB_RESOURCEENDPOINT",
    "AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE",
    "AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS",
)
_PROXY = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")

LANGUAGES: Mapping[str, tuple[str, ...]] = {
    "shell": (
        *_PROXY,
        "CURL_CA_BUNDLE",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        "JAVA_TOOL_OPTIONS",
    ),
    "python": (*_PROXY, "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
    "node": (*_PROXY, "NODE_EXTRA_CA_CERTS"),
    "go": (*_PROXY, "SSL_CERT_FILE"),
    "java": ("JAVA_TOOL_OPTIONS",),
    "dotnet": (*_PROXY, "SSL_CERT_FILE"),
}
"""What each language reads beside what every SDK reads. The shell has it all, for programs of any language."""


def lines_for(language: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Lines for `eval`: an export for each variable that the language reads, then the code that it needs as comments.

    `environment` has every variable (`localcloud.operator.environment`). The code stands in a text file a language,
    beside this module: that of the shell is missing, because it depends on what is started there.
    """
    for name in (*_EVERY_LANGUAGE, *LANGUAGES[language]):
        yield f"export {name}={shlex.quote(environment[name])}"
    code = Path(__file__).with_name(f"{language}.txt")
    if code.exists():
        yield from (f"# {line}".rstrip() for line in code.read_text().splitlines())
