"""What a person reads who has filled in an order wrongly: each field with each of its faults, as a form and as JSON."""

import html
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.frontend.fakes import HTML, FakeAzure
from tests.unit.frontend.test_form import filled_in

WHAT = "Say what you would like to order."
WORDS = "Describe the product in words."
HOW_MANY = "Say how many you would like."
WHOLE = "Give the quantity as a whole number, such as 3."
NOTE = "Write the note in words."

FORM: dict[tuple[str, str], str | None] = {
    ("product", ""): WHAT,
    ("product", " \t "): WHAT,
    ("product", "x" * 100): None,
    ("product", f" {'x' * 100} "): None,
    ("product", "x" * 101): "Describe the product in at most 100 characters.",
    ("quantity", ""): HOW_MANY,
    ("quantity", "  "): HOW_MANY,
    ("quantity", " 7 "): None,
    ("quantity", "+7"): None,
    ("quantity", "1000"): None,
    ("quantity", "0"): "Order at least 1.",
    ("quantity", "-3"): "Order at least 1.",
    ("quantity", "1001"): "Order at most 1,000 at once.",
    ("quantity", "9" * 30): "Order at most 1,000 at once.",
    ("quantity", "9" * 5000): WHOLE,
    ("quantity", "two"): WHOLE,
    ("quantity", "2.5"): WHOLE,
    ("quantity", "2,5"): WHOLE,
    ("quantity", "1e3"): WHOLE,
    ("quantity", "٣"): WHOLE,
    ("quantity", "0x10"): WHOLE,
    ("note", ""): None,
    ("note", "x" * 500): None,
    ("note", "line\r\n" * 80 + "x" * 100): None,  # 500 characters, as the browser's field has counted them
    ("note", "x" * 501): "Keep the note to at most 500 characters.",
}

JSON: dict[tuple[str, str], str] = {  # by field and value as JSON; "absent" leaves the field out
    ("product", "absent"): WHAT,
    ("product", "null"): WORDS,
    ("product", "5"): WORDS,
    ("product", '["tea"]'): WORDS,
    ("product", '"  "'): WHAT,
    ("product", json.dumps("x" * 101)): "Describe the product in at most 100 characters.",
    ("quantity", "absent"): HOW_MANY,
    ("quantity", "null"): WHOLE,
    ("quantity", '"2"'): WHOLE,
    ("quantity", "true"): WHOLE,
    ("quantity", "1.5"): WHOLE,
    ("quantity", "NaN"): WHOLE,
    ("quantity", "{}"): WHOLE,
    ("quantity", "0"): "Order at least 1.",
    ("quantity", "9" * 30): "Order at most 1,000 at once.",
    ("note", "null"): NOTE,
    ("note", "{}"): NOTE,
    ("note", json.dumps("x" * 501)): "Keep the note to at most 500 characters.",
    ("price", "1"): "An order has no such field. It has a product, a quantity and perhaps a note.",
}


def shown(page: str, field: str) -> str | None:
    """Return the sentence at the field, which assistive technology reads with it, or None."""
    found = re.search(rf'<p class="error" id="{field}-error">(.*?)</p>', page)
    assert (found is not None) == (f'aria-describedby="{field}-error"' in page)
    return html.unescape(found[1]) if found else None


@pytest.mark.parametrize(("field", "entry"), FORM, ids=[f"{field}={entry[:20]!r}" for field, entry in FORM])
def test_a_form_says_at_each_field_what_is_wrong(client: FlaskClient, azure: FakeAzure, field: str, entry: str) -> None:
    """The field, and no other, has one sentence in people's words; a good entry becomes an order."""
    sentence = FORM[field, entry]
    answer = client.post("/orders", data=filled_in(client, **{field: entry}), headers=HTML)
    assert answer.status_code == (422 if sentence else 303)
    page = answer.get_data(as_text=True)
    others = {"product", "quantity", "note"} - {field}
    assert shown(page, field) == sentence
    assert [shown(page, other) for other in others] == [None, None]
    assert len(azure.bus.messages) == (sentence is None)


def test_a_form_says_everything_that_is_wrong_at_once(client: FlaskClient) -> None:
    """Each of the three fields has its sentence."""
    entries = {"product": "", "quantity": "", "note": "x" * 501}
    page = client.post("/orders", data=filled_in(client, **entries), headers=HTML).get_data(as_text=True)
    assert (shown(page, "product"), shown(page, "quantity")) == (WHAT, HOW_MANY)
    assert "500 characters" in (shown(page, "note") or "")


@pytest.mark.parametrize(("field", "value"), JSON, ids=[f"{field}={value[:20]}" for field, value in JSON])
def test_json_says_the_same_with_a_pointer(client: FlaskClient, field: str, value: str) -> None:
    """Each error of a 422 has the sentence, and points at the field."""
    order = {"product": '"tea"', "quantity": "1", field: value}
    body = ", ".join(f'"{name}": {text}' for name, text in order.items() if text != "absent")
    answer = client.post("/orders", data=f"{{{body}}}", content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"detail": JSON[field, value], "pointer": f"#/{field}"}]


@pytest.mark.parametrize("body", ["[]", "5", "null", '"tea"'])
def test_what_is_no_object_is_said_of_the_whole_body(client: FlaskClient, body: str) -> None:
    """The pointer is the whole body's, and the sentence says what an order is."""
    answer: Any = client.post("/orders", data=body, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json["errors"] == [
        {"detail": "An order is an object with a product, a quantity and perhaps a note.", "pointer": "#"}
    ]


@pytest.mark.parametrize(("name", "pointer"), [("a/b~c", "#/a~1b~0c"), ("a b%", "#/a%20b%25"), ("ä", "#/%C3%A4")])
def test_a_pointer_is_one_whatever_the_fields_name(client: FlaskClient, name: str, pointer: str) -> None:
    """A name with characters of the pointer's own, or that a URI can't hold, is written as RFC 6901 says."""
    answer = client.post("/orders", json={"product": "tea", "quantity": 1, name: 1})
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


@pytest.mark.parametrize("token", ["", "made-up"])
def test_an_old_form_is_refused_in_words(client: FlaskClient, token: str) -> None:
    """The page says that nothing was done, and what to do."""
    page = client.post("/orders", data=filled_in(client, csrf_token=token), headers=HTML).get_data(as_text=True)
    assert "Nothing was done: this form is old, or comes from another place." in html.unescape(page)
