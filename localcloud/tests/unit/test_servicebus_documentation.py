"""Service Bus's page says what is so: its lists of operations, properties, limits and errors are those of the code."""

import re
from pathlib import Path
from typing import Any

import yaml
from harness import tables
from localcloud.authorization import messaging
from localcloud.authorization.model import AccessModel
from localcloud.servicebus import errors, quotas
from localcloud.servicebus.actions import SEND
from localcloud.servicebus.filters import subject
from localcloud.servicebus.management import OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs/servicebus.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, of the rows that begin with a name."""
    section = PAGE[PAGE.index(f"## {heading}") :].partition("\n## ")[0]
    return [row for row in tables.rows(section) if row[0].startswith("`")]


def test_every_request_is_told() -> None:
    """With the right that it needs."""
    told = {operation.strip("`"): right for operation, right, *_ in rows("Requests of `$management`")}
    assert told == {name: "send" if action == SEND else "receive" for name, (action, _) in OPERATIONS.items()}


def test_every_property_is_told() -> None:
    """Of each kind of entity."""
    kinds = {
        "queue": messaging.DeclaredQueue,
        "topic": messaging.DeclaredTopic,
        "subscription": messaging.DeclaredSubscription,
    }
    of_rules = {(name, "rule") for name in messaging.SubscriptionRule.model_fields}
    told = {
        (name, kind)
        for names, of, *_ in rows("Entities")
        for name in re.findall(r"`(\w+)`", names)
        for kind in of.split(", ")
    }
    assert told == of_rules | {(name, kind) for kind, model in kinds.items() for name in model.model_fields}


def test_every_limit_is_told() -> None:
    """With its value."""
    names = re.findall(r"^([A-Z][A-Z_]+) = ", Path(quotas.__file__).read_text(), re.MULTILINE)
    limits = {name: getattr(quotas, name) for name in names}
    assert {name.strip("`"): int(value.split()[0]) for name, value in rows("Limits")} == limits


def test_every_error_is_told() -> None:
    """With the status that a reply has; an error without one is never a reply's."""
    conditions = [value for name, value in vars(errors).items() if name.isupper() and isinstance(value, str)]
    told: dict[str, Any] = {condition.strip("`"): status for condition, status, *_ in rows("Errors")}
    assert sorted(told) == sorted(conditions)
    for condition, status in told.items():
        assert status in ("none", str(errors.AmqpError(condition, "").status))


def test_every_system_property_is_told() -> None:
    """Those that an action can set are the fields of a message."""
    told = {
        name.lower() for name in re.findall(r"`(\w+)`", PAGE[PAGE.index("- System properties") :].partition("\n- ")[0])
    }
    assert set(subject.FIELDS) <= told
    for name in told:
        subject.Subject(subject.Message.parse(b""), 1, 0.0).system_property(name)


def test_the_example_is_an_access_file() -> None:
    """As it stands on the page."""
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    model = AccessModel.model_validate({**yaml.safe_load(example), "roles": {}, "workloads": {}})
    assert model.entities.scopes() == [
        "serviceBus/orders",
        "serviceBus/archive",
        "serviceBus/topics/news",
        "serviceBus/topics/news/subscriptions/all",
        "serviceBus/topics/news/subscriptions/red",
    ]
