"""The OpenAPI document: complete, and every reference in it leads somewhere."""

import json
import re

from tests.unit.frontend_fakes import FakeAzure


def test_the_document_describes_every_public_route_and_each_answer() -> None:
    """Routes, the order's schema and the problems; references resolve."""
    document = FakeAzure().app().test_client().get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert {path: sorted(methods) for path, methods in document["paths"].items()} == {
        "/orders": ["get", "post"],
        "/orders/{reference}": ["get"],
        "/orders/{reference}/receipt": ["get"],
    }
    post = document["paths"]["/orders"]["post"]
    assert {"202", "400", "413", "415", "422", "503"} <= set(post["responses"])
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert post["requestBody"]["content"]["application/json"]["schema"]["required"] == ["product", "quantity"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]
