"""The webhook's answers to AdmissionReviews, without an API server."""

import base64
import json
from typing import Any

import httpx
import pytest
from localcloud.cluster.admission import PATH, admission_webhook, json_patch
from localcloud.cluster.errors import ClusterError
from localcloud.cluster.webhook import CLIENT_ID, LABEL, WebhookSettings

POD = {
    "metadata": {"name": "web", "labels": {LABEL: "true"}},
    "spec": {"serviceAccountName": "web", "containers": [{"name": "web"}]},
}


async def find(namespace: str, name: str) -> dict[str, Any] | None:
    if name == "unreachable":
        raise ClusterError("kubectl: connection refused")
    if (namespace, name) == ("shop", "web"):
        return {"metadata": {"annotations": {CLIENT_ID: "the-client"}}}
    return None


async def answer(content: bytes) -> dict[str, Any]:
    app = admission_webhook(WebhookSettings(tenant_id="the-tenant"), find)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://webhook") as client:
        said: dict[str, Any] = (await client.post(PATH, content=content)).raise_for_status().json()
        return said


def review(pod: Any, version: str = "v1", namespace: str = "shop") -> bytes:
    request = {"uid": "1234", "namespace": namespace, "object": pod}
    body = {"apiVersion": f"admission.k8s.io/{version}", "kind": "AdmissionReview", "request": request}
    return json.dumps(body).encode()


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_a_pod_is_admitted_with_a_patch(version: str) -> None:
    """The answer has the review's version and uid, and a JSON patch that only adds."""
    said = await answer(review(POD, version))
    assert said["apiVersion"] == f"admission.k8s.io/{version}"
    assert said["response"]["uid"] == "1234"
    assert said["response"]["allowed"] is True
    patch = json.loads(base64.b64decode(said["response"]["patch"]))
    assert [(each["op"], each["path"]) for each in patch] == [
        ("add", "/spec/containers/0/env"),
        ("add", "/spec/containers/0/volumeMounts"),
        ("add", "/spec/volumes"),
    ]


@pytest.mark.parametrize(
    ("account", "reason"), [("nobody", 'ServiceAccount "nobody" not found'), ("unreachable", "connection refused")]
)
async def test_a_pod_whose_account_is_not_found_is_refused(account: str, reason: str) -> None:
    """There is none of that name in the review's namespace, or the API server can't be asked."""
    said = await answer(review(POD | {"spec": POD["spec"] | {"serviceAccountName": account}}))
    assert said["response"]["allowed"] is False
    assert said["response"]["status"]["code"] == 400
    assert reason in said["response"]["status"]["message"]


@pytest.mark.parametrize(
    "content",
    [b"", b"no JSON", b"[]", b"null", b"{}", b'{"request": {}}', b'{"request": {"object": null, "namespace": "x"}}'],
)
async def test_what_is_no_review_is_refused(content: bytes) -> None:
    """The answer is a review that does not allow it, as the real webhook's library gives it."""
    said = await answer(content)
    assert said["kind"] == "AdmissionReview"
    assert said["response"]["allowed"] is False
    assert said["response"]["status"]["code"] == 400


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [{"op": "replace", "path": "/a", "value": 2}]),
        ({}, {"a/b~c": 1}, [{"op": "add", "path": "/a~1b~0c", "value": 1}]),
        ({"a": {"b/c": 1}}, {"a": {"b/c": 2}}, [{"op": "replace", "path": "/a/b~1c", "value": 2}]),
        ([{"a": 1}, {}], [{"a": 1}, {"b": 2}], [{"op": "add", "path": "/1/b", "value": 2}]),
        ({"a": [1]}, {"a": [1, 2]}, [{"op": "replace", "path": "/a", "value": [1, 2]}]),
        ({"a": 1}, {"a": [1]}, [{"op": "replace", "path": "/a", "value": [1]}]),
    ],
)
def test_the_patch_says_what_has_changed(before: Any, after: Any, operations: Any) -> None:
    """Paths are JSON pointers; a list that has grown is replaced as a whole."""
    assert json_patch(before, after) == operations
