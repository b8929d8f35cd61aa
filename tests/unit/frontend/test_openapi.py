"""The OpenAPI document: valid, complete, and what the application does."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.unit.frontend.fakes import ORDER, FakeAzure


@pytest.fixture(scope="module")
def document() -> dict:
    answer = FakeAzure().app().test_client().get("/openapi.json")
    assert answer.mimetype == "application/json"
    return answer.json


def test_the_document_is_valid(document: dict) -> None:
    """The document keeps to OpenAPI 3.1."""
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_the_document_describes_every_public_route_and_each_answer(document: dict) -> None:
    """The document has the routes, the order's schema and the problems, and its references resolve."""
    assert {path: sorted(methods) for path, methods in document["paths"].items()} == {
        "/orders": ["get", "post"],
        "/orders/{reference}": ["get"],
        "/orders/{reference}/receipt": ["get"],
    }
    post = document["paths"]["/orders"]["post"]
    assert {"202", "303", "400", "413", "415", "422", "503"} <= set(post["responses"])
    assert "application/problem+json" in post["responses"]["422"]["content"]
    bodies = post["requestBody"]["content"]
    assert {tuple(body["schema"]["required"]) for body in bodies.values()} == {("product", "quantity")}
    for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)):
        assert name in document["components"]["schemas"]


def test_the_security_schemes_are_the_ones_that_work(document: dict) -> None:
    """The session's cookie names the customer, and a form with the named token is accepted."""
    schemes = document["components"]["securitySchemes"]
    azure = FakeAzure()
    client = azure.app().test_client()
    page = client.get("/orders", headers={"Accept": "text/html"}).get_data(as_text=True)
    assert (schemes["session"]["type"], schemes["session"]["in"]) == ("apiKey", "cookie")
    assert client.get_cookie(schemes["session"]["name"]) is not None
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    assert client.post("/orders", data=ORDER).status_code == 400
    assert (schemes["csrf"]["type"], schemes["csrf"]["in"]) == ("apiKey", "header")
    assert client.post("/orders", data=ORDER, headers={schemes["csrf"]["name"]: token[1]}).status_code == 303
    used = {name for path in document["paths"].values() for o in path.values() for way in o["security"] for name in way}
    assert used == set(schemes)
    assert {"session": [], "csrf": []} in document["paths"]["/orders"]["post"]["security"]
