"""Each request needs its action on its container, or is refused in Cosmos DB's own words."""

import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError
from localcloud.authorization.model import principal_id
from localcloud.cosmos import actions

DOCS = "/dbs/shop/colls/items/docs"
KEY = {"x-ms-documentdb-partitionkey": '["access"]'}


REQUESTS: list[tuple[str, str, str, dict[str, str], Any]] = [
    (actions.READ_METADATA, "GET", "", {}, None),
    (actions.READ_METADATA, "GET", "/pkranges", {}, None),
    (actions.CREATE, "POST", "/docs", KEY, {"id": "c", "pk": "access"}),
    (actions.READ, "GET", "/docs/1", KEY, None),
    (actions.UPSERT, "POST", "/docs", {**KEY, "x-ms-documentdb-is-upsert": "True"}, {"id": "u", "pk": "access"}),
    (actions.REPLACE, "PUT", "/docs/1", KEY, {"id": "1", "pk": "access"}),
    (actions.REPLACE, "PATCH", "/docs/1", KEY, {"operations": [{"op": "set", "path": "/n", "value": 1}]}),
    (actions.DELETE, "DELETE", "/docs/2", KEY, None),
    (actions.EXECUTE_QUERY, "POST", "/docs", {**KEY, "x-ms-documentdb-isquery": "true"}, {"query": "SELECT 1"}),
    (
        actions.EXECUTE_QUERY,
        "POST",
        "/docs",
        {"x-ms-cosmos-is-query-plan-request": "True"},
        {"query": "SELECT * FROM c"},
    ),
    (actions.READ_CHANGE_FEED, "GET", "/docs", {}, None),
    (actions.READ_CHANGE_FEED, "GET", "/docs", {"a-im": "Incremental Feed"}, None),
    (
        actions.DELETE,
        "POST",
        "/docs",
        {**KEY, "x-ms-cosmos-is-batch-request": "True"},
        [{"operationType": "Delete", "id": "1"}],
    ),
    (
        actions.CREATE,
        "POST",
        "/docs",
        {"x-ms-cosmos-is-batch-request": "True", "x-ms-cosmos-batch-atomic": "False"},
        [{"operationType": "Create", "partitionKey": '["access"]', "resourceBody": {"id": "b", "pk": "access"}}],
    ),
    (actions.MANAGE_CONFLICTS, "GET", "/conflicts", {}, None),
    (actions.MANAGE_CONFLICTS, "DELETE", "/conflicts/1", KEY, None),
    (actions.EXECUTE_STORED_PROCEDURE, "POST", "/sprocs/1", KEY, []),
]


@pytest.fixture(scope="module")
def http(cloud: Any) -> Iterator[httpx.Client]:
    tls = ssl.create_default_context(cafile=cloud.ca_bundle)
    url = f"https://{cloud.cloud.settings.cosmos_host}"
    with httpx.Client(base_url=url, proxy=cloud.cloud.proxy_url, verify=tls) as client:
        yield client


@pytest.fixture(scope="module")
def header(credential: Callable[[str], Any]) -> Callable[..., dict[str, str]]:
    def of(workload: str, resource: str = "https://cosmos.azure.com") -> dict[str, str]:
        token = credential(workload).get_token(f"{resource}/.default").token
        return {"authorization": quote(f"type=aad&ver=1.0&sig={token}", safe="")}

    return of


@pytest.fixture(scope="module")
def reader(cloud: Any, credential: Callable[[str], Any]) -> Iterator[ContainerProxy]:
    with CosmosClient(cloud.cosmos_url, credential("reader")) as client:
        yield client.get_database_client("shop").get_container_client("items")


@pytest.mark.parametrize("workload", ["owner", "reader", "nobody"])
@pytest.mark.parametrize("container", ["items", "other"])
@pytest.mark.parametrize(("action", "method", "path", "headers", "body"), REQUESTS)
def test_each_request_needs_its_action(
    cloud: Any,
    http: httpx.Client,
    header: Callable[..., dict[str, str]],
    workload: str,
    container: str,
    action: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: Any,
) -> None:
    """What is granted is let through; all else is a 403 that names the principal, the action and the container."""
    granted = workload == "owner" or (
        (workload, container) == ("reader", "items")
        and action in (actions.READ_METADATA, actions.READ, actions.EXECUTE_QUERY)
    )
    url, content = f"/dbs/shop/colls/{container}{path}", None if body is None else json.dumps(body)
    answer = http.request(method, url, headers={**header(workload), **headers}, content=content)
    if granted:
        assert answer.status_code not in (401, 403)
        return
    assert answer.status_code == 403
    assert answer.headers["x-ms-substatus"] == "5301"
    assert answer.json()["code"] == "Forbidden"
    assert answer.json()["message"].startswith(
        f"Request blocked by Auth {cloud.cloud.settings.name} : Request is blocked because principal "
        f"[{principal_id(workload)}] does not have required RBAC permissions to perform action [{action}] on "
        f"resource [dbs/shop/colls/{container}]. Learn more: https://aka.ms/cosmos-native-rbac."
    )


def test_every_action_is_walked() -> None:
    """The list of requests above leaves out none of the actions that are enforced."""
    assert {action for action, *_ in REQUESTS} == set(actions.ACTIONS)


@pytest.mark.parametrize(("path", "kind"), [("/dbs", "Databases"), ("/dbs/shop/colls", "DocumentCollections")])
def test_listing_takes_a_grant_on_the_account(
    http: httpx.Client, header: Callable[..., dict[str, str]], path: str, kind: str
) -> None:
    """A grant on the account lists its databases and their containers; a grant on containers does not."""
    refused = http.get(path, headers=header("owner"))
    assert (refused.status_code, refused.headers["x-ms-substatus"]) == (403, "5301")
    listed = http.get(path, headers=header("administrator")).json()
    names = [each["id"] for each in listed[kind]]
    assert names == (["shop"] if kind == "Databases" else ["items", "other", "places"])
    assert listed["_count"] == len(names)


def test_client_without_a_grant_cannot_start(cloud: Any, credential: Callable[[str], Any]) -> None:
    """A client reads the account first, which takes a grant on some container of it."""
    with pytest.raises(CosmosHttpResponseError, match=r"readMetadata\] on resource \[/\]") as refused:
        CosmosClient(cloud.cosmos_url, credential("nobody"))
    assert (refused.value.status_code, refused.value.sub_status) == (403, 5301)


def test_reader_reads_and_cannot_write(reader: ContainerProxy) -> None:
    """The SDK raises the service's own refusal, word for word."""
    assert list(reader.query_items("SELECT * FROM c", partition_key="none")) == []
    with pytest.raises(
        CosmosHttpResponseError, match=r"\(Forbidden\) Request blocked by Auth .*items/create"
    ) as refused:
        reader.create_item({"id": "1", "pk": "access"})
    assert refused.value.status_code == 403


def test_no_token_makes_a_container(cloud: Any, credential: Callable[[str], Any]) -> None:
    """Databases and containers are the control plane's, whatever the role on the data plane."""
    with CosmosClient(cloud.cosmos_url, credential("owner")) as client:
        with pytest.raises(
            CosmosHttpResponseError, match=r"\[POST /dbs\] cannot be authorized by AAD token"
        ) as refused:
            client.create_database("new")
        assert refused.value.sub_status == 5300
        with pytest.raises(CosmosHttpResponseError, match="cannot be authorized by AAD token in data plane"):
            client.get_database_client("shop").create_container("new", PartitionKey("/pk"))


def test_keys_are_disabled(cloud: Any) -> None:
    """A client with an account key is told to use Entra."""
    with pytest.raises(CosmosHttpResponseError, match="Local Authorization is disabled") as refused:
        CosmosClient(cloud.cosmos_url, "a2V5")
    assert (refused.value.status_code, refused.value.sub_status) == (401, 5202)


@pytest.mark.parametrize(
    "value", [None, "", "Bearer x", "type=aad&ver=1.0&sig=", "type%3Daad%26ver%3D1.0%26sig%3Dx.y.z"]
)
def test_no_token_no_answer(http: httpx.Client, value: str | None) -> None:
    """Without a token, or with something else in its place, nothing is answered but a 401."""
    answer = http.get("/", headers={} if value is None else {"authorization": value})
    assert answer.status_code == 401
    assert answer.json()["code"] == "Unauthorized"


@pytest.mark.parametrize("resource", ["https://cosmos.azure.com", None])
def test_both_audiences_are_accepted(
    cloud: Any, http: httpx.Client, header: Callable[..., dict[str, str]], resource: str | None
) -> None:
    """A token may be for the service, as newer clients ask, or for the account, as the Python client does."""
    resource = resource or f"https://{cloud.cloud.settings.cosmos_host}"
    assert http.get("/", headers=header("reader", resource)).status_code == 200


def test_missing_container_is_told_to_a_caller_with_access(
    http: httpx.Client, header: Callable[..., dict[str, str]]
) -> None:
    """A misspelt name is a 404 for a principal of the account, and a 403 for a stranger."""
    path = "/dbs/shop/colls/missing/docs/1"
    assert http.get(path, headers={**header("reader"), **KEY}).status_code == 404
    assert http.get(path, headers={**header("nobody"), **KEY}).status_code == 403
