"""The webhook as an API server calls it: it answers an AdmissionReview with a JSON patch.

`webhook.mutate` decides what becomes of the pod, as for the laptop's own pods. Protocol:
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response
"""

import base64
import json
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cluster.errors import ClusterError
from localcloud.cluster.webhook import NotAdmitted, Object, WebhookSettings, mutate

PATH = "/mutate-v1-pod"

FindServiceAccount = Callable[[str, str], Awaitable[Object | None]]
"""Return the service account of this namespace and name, `None` if there is none. Raises `ClusterError`."""


def admission_webhook(settings: WebhookSettings, find_service_account: FindServiceAccount) -> Starlette:
    """Return the ASGI application that answers AdmissionReviews of pods at `PATH`.

    A request that is no AdmissionReview of a pod is answered as the Go library of the real webhook does: with a review
    that does not allow it, code 400.
    """

    async def review(request: Request) -> Response:
        try:
            asked = await request.json()
            about = asked["request"]
            pod, namespace = about["object"], about["namespace"]
            name = pod["spec"].get("serviceAccountName") or "default"
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse(_answer({}, _refusal(f"not an AdmissionReview of a pod: {error!r}")))
        try:
            answer = admission(pod, await find_service_account(namespace, name), settings)
        except ClusterError as error:
            answer = _refusal(str(error))
        return JSONResponse(_answer(asked, {"uid": about.get("uid", ""), **answer}))

    return Starlette(routes=[Route(PATH, review, methods=["POST"])])


def admission(pod: Object, service_account: Object | None, settings: WebhookSettings) -> Object:
    """Return the response to an AdmissionReview of this pod, without its `uid`."""
    admitted = mutate(pod, service_account, settings)
    if isinstance(admitted, NotAdmitted):
        return _refusal(admitted.reason)
    patch = json_patch(pod, admitted)
    return {"allowed": True, "patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}


def json_patch(before: Any, after: Any, path: str = "") -> list[Object]:
    """Return the operations that turn one value into the other, by RFC 6902.

    Nothing is removed: a value that only `before` has stays. A list that has grown is replaced as a whole.
    """
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        changes = ((key, value) for key, value in after.items() if key not in before or before[key] != value)
        return list(
            chain.from_iterable(
                json_patch(before[key], value, f"{path}/{_escaped(key)}")
                if key in before
                else [{"op": "add", "path": f"{path}/{_escaped(key)}", "value": value}]
                for key, value in changes
            )
        )
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return list(chain.from_iterable(json_patch(old, new, f"{path}/{index}") for index, (old, new) in pairs))
    return [{"op": "replace", "path": path, "value": after}]


def _escaped(key: str) -> str:
    """Return the key as a part of a JSON pointer, by RFC 6901."""
    return key.replace("~", "~0").replace("/", "~1")


def _refusal(reason: str) -> Object:
    return {"allowed": False, "status": {"code": 400, "message": reason}}


def _answer(asked: Object, response: Object) -> Object:
    return {
        "apiVersion": asked.get("apiVersion", "admission.k8s.io/v1"),
        "kind": "AdmissionReview",
        "response": response,
    }
