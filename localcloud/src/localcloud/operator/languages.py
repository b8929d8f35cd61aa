"""What `localcloud env --for LANGUAGE` prints: the variables that the language reads, and what its code must say."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Code:
    """Lines that a program says itself, because no variable says it for them; and why, in a sentence."""

    why: str
    lines: str


@dataclass(frozen=True, slots=True)
class Language:
    """`variables` are the names that its SDKs and its runtime read, beside those of every language."""

    variables: tuple[str, ...]
    code: tuple[Code, ...] = ()

    def exports(self, environment: Mapping[str, str]) -> Iterator[str]:
        """The lines for `eval`: an export for each variable that the language reads, then the code in comments."""
        for name in (*_EVERY_LANGUAGE, *self.variables):
            yield f"export {name}={shlex.quote(environment[name])}"
        for code in self.code:
            yield f"# {code.why}"
            yield from (f"#   {line}" for line in code.lines.strip().splitlines())


_NOT_PROXIED = "Service Bus: AMQP does not go through the proxy, so the client is told the address."

LANGUAGES: Mapping[str, Language] = {
    "shell": Language(
        (*_PROXY, "CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "JAVA_TOOL_OPTIONS")
    ),
    "python": Language(
        (*_PROXY, "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"),
        (
            Code(
                "Service Bus: AMQP goes neither through the proxy nor by REQUESTS_CA_BUNDLE.",
                """
ServiceBusClient(
    os.environ["AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE"],
    credential,
    transport_type=TransportType.Amqp,
    custom_endpoint_address=os.environ["AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS"],
    connection_verify=os.environ["SSL_CERT_FILE"],
)
""",
            ),
        ),
    ),
    "node": Language(
        (*_PROXY, "NODE_EXTRA_CA_CERTS"),
        (
            Code(
                "Cosmos DB: @azure/cosmos has an agent of its own, which does not read HTTPS_PROXY.",
                """
new CosmosClient({
  endpoint: process.env.AZURE_COSMOS_RESOURCEENDPOINT,
  aadCredentials: credential,
  agent: new HttpsProxyAgent(process.env.HTTPS_PROXY),
});
""",
            ),
            Code(
                _NOT_PROXIED,
                """
new ServiceBusClient(process.env.AZURE_SERVICEBUS_FULLYQUALIFIEDNAMESPACE, credential, {
  customEndpointAddress: process.env.AZURE_SERVICEBUS_CUSTOM_ENDPOINT_ADDRESS,
});
""",
            ),
        ),
    ),
    "go": Language((*_PROXY, "SSL_CERT_FILE"), ()),
    "java": Language(("JAVA_TOOL_OPTIONS",), ()),
    "dotnet": Language((*_PROXY, "SSL_CERT_FILE"), ()),
}
