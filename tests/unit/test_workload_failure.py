"""What a service said when it refused or failed, read from the SDKs' exceptions."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.core.rest import HttpResponse
from azure.cosmos import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError
from azure.identity import WorkloadIdentityCredential
from azure.keyvault.secrets import SecretClient
from azure.servicebus import ServiceBusClient, TransportType
from azure.servicebus.exceptions import ServiceBusAuthorizationError
from azure.storage.blob import BlobClient
from localcloud.testing import RunningCloud

from workload.failure import SDK_ERRORS, Failure, explain
from workload.not_found import NO_SUCH_ID, is_about_item

ENTRA = (
    "Microsoft Entra ID error '(invalid_client) AADSTS700213: No matching federated identity record found for "
    "presented assertion subject 'system:serviceaccount:x:y'. "
    "Trace ID: 0001 Correlation ID: 0002 Timestamp: now'\nContent: {…}"
)


def odata(message: str, code: str, inner: str | None = None) -> HttpResponseError:
    """A refusal whose answer's body was read."""
    error = HttpResponseError(message)
    error.error = ODataV4Format({"error": {"code": code, "message": message, "innererror": {"code": inner}}})
    return error


def storage() -> HttpResponseError:
    error = HttpResponseError(
        "This request is not authorized.\nRequestId:1\nTime:now\nErrorCode:AuthorizationPermissionMismatch"
    )
    error.error_code = "AuthorizationPermissionMismatch"  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            odata("Caller is not authorized.\r\nAction: 'get'", "Forbidden", inner="ForbiddenByRbac"),
            "ForbiddenByRbac: Caller is not authorized. Action: 'get'",
        ),
        (
            odata("(SecretNotFound) A secret was not found.", "SecretNotFound"),
            "(SecretNotFound) A secret was not found.",
        ),
        (storage(), "AuthorizationPermissionMismatch: This request is not authorized."),
        (CosmosHttpResponseError(403, "Request blocked by Auth", sub_status=5301), "403/5301: Request blocked by Auth"),
        (
            ServiceBusAuthorizationError(message="Unauthorized access. Reference:1, TrackingId:2_G"),
            "ServiceBusAuthorizationError: Unauthorized access.",
        ),
        (ServiceRequestError("Connection refused"), "ServiceRequestError: Connection refused"),
        (ValueError("first\nsecond"), "ValueError: first second"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=["key vault", "a code in the text", "blob storage", "cosmos db", "service bus", "network", "value", "no text"],
)
def test_a_failure_is_the_services_code_and_its_text_on_one_line(error: Exception, said: str) -> None:
    """The code comes first, since that is what one searches for, and is not said twice."""
    assert str(explain(error)) == said


def test_a_text_is_cut_at_1500_characters() -> None:
    """The code stands in front of it, however long the text."""
    failure = explain(odata("x" * 10_000, "Forbidden"))
    assert (failure.code, len(failure.text)) == ("Forbidden", 1500)


def test_the_same_refusal_of_entra_reads_the_same() -> None:
    """The sentence and its AADSTS code stay. The ids of one attempt, which would make each log line news, do not."""
    failure = explain(ClientAuthenticationError(ENTRA))
    assert failure.code == "AADSTS700213"
    assert "No matching federated identity record" in failure.text
    assert "0001" not in failure.text


def denied_by_key_vault(cloud: RunningCloud, credential: WorkloadIdentityCredential) -> None:
    with SecretClient(cloud.vault_url, credential, retry_total=0) as secrets:
        secrets.get_secret("receipt-signing-key")


def denied_by_cosmos_db(cloud: RunningCloud, credential: WorkloadIdentityCredential) -> None:
    orders = CosmosClient(cloud.cosmos_url, credential).get_database_client("keyless").get_container_client("orders")
    orders.create_item({"id": NO_SUCH_ID, "customerId": NO_SUCH_ID})


def denied_by_blob_storage(cloud: RunningCloud, credential: WorkloadIdentityCredential) -> None:
    with BlobClient(cloud.blob_url, "receipts", NO_SUCH_ID, credential=credential, retry_total=0) as blob:
        blob.upload_blob(b"")


def denied_by_service_bus(cloud: RunningCloud, credential: WorkloadIdentityCredential) -> None:
    with (
        ServiceBusClient(
            cloud.namespace,
            credential,
            transport_type=TransportType.Amqp,
            custom_endpoint_address=cloud.amqp_endpoint,
            connection_verify=cloud.ca_bundle,
            retry_total=0,
        ) as client,
        client.get_queue_receiver("orders"),
    ):
        pass


def denied_by_entra(cloud: RunningCloud, _: WorkloadIdentityCredential) -> None:
    anothers = str(cloud.token_file("backend"))
    identity = cloud.workload_identity("frontend") | {"token_file_path": anothers}
    WorkloadIdentityCredential(**identity, retry_total=0).get_token("https://vault.azure.net/.default")


@pytest.mark.parametrize(
    ("call", "status", "code", "text"),
    [
        (denied_by_key_vault, 403, "ForbiddenByRbac", "Caller is not authorized"),
        (denied_by_cosmos_db, 403, "Forbidden/5301", "action [Microsoft.DocumentDB"),
        (denied_by_blob_storage, 403, "AuthorizationPermissionMismatch", "This request is not authorized"),
        (denied_by_service_bus, None, "ServiceBusAuthorizationError", "'Listen' claim(s) are required"),
        (denied_by_entra, 401, "AADSTS700213", "No matching federated identity record"),
    ],
)
def test_each_services_refusal_reads_the_same_each_time(
    cloud: RunningCloud,
    call: Callable[[RunningCloud, WorkloadIdentityCredential], None],
    status: int | None,
    code: str,
    text: str,
) -> None:
    """Denied for real, twice: one sentence with the service's own code, and no id of one attempt."""

    def denied() -> Failure:
        with (
            WorkloadIdentityCredential(**cloud.workload_identity("frontend")) as credential,
            pytest.raises(SDK_ERRORS) as refused,
        ):
            call(cloud, credential)
        return explain(refused.value)

    first, second = denied(), denied()
    assert first == second
    assert (first.status, first.code) == (status, code)
    assert text in first.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250", "Retry-After": "7"}, 0.25),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "Wed, 25 Nov 2026 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_when_a_service_asks_to_come_back_is_known(headers: dict[str, str], seconds: float | None) -> None:
    """In seconds, or in milliseconds as Cosmos DB says it. A refusal that says nothing asks for nothing."""
    error = HttpResponseError("Too many requests")
    error.response = cast(HttpResponse, SimpleNamespace(headers=headers))
    assert explain(error).retry_after == seconds


def blob_error(code: str) -> ResourceNotFoundError:
    error = ResourceNotFoundError("The specified resource does not exist.")
    error.error_code = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "about_item"),
    [
        (CosmosResourceNotFoundError(404, "Resource Not Found"), True),
        (CosmosResourceNotFoundError(404, "Resource Not Found", sub_status=0), True),
        (CosmosResourceNotFoundError(404, "Owner resource does not exist", sub_status=1003), False),
        (blob_error("BlobNotFound"), True),
        (blob_error("ContainerNotFound"), False),
        (ResourceNotFoundError("no code: the account's name has no address"), False),
    ],
)
def test_a_missing_item_is_told_from_a_missing_container(error: Any, about_item: bool) -> None:
    """A wrong name in the settings must not read as an order that is not there yet."""
    assert is_about_item(error) is about_item
