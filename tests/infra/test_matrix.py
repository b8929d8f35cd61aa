"""The tables of docs/access.md are the access model's, and nothing else."""

from typing import Any

import pytest
import yaml

from infra.matrix import PAGE, ROOT, matrix, with_matrix


@pytest.fixture
def model() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
    return loaded


def test_the_page_shows_the_access_model_as_it_is(model: dict[str, Any]) -> None:
    """The tables on the page are what the access file gives today: `make matrix` writes them."""
    page = PAGE.read_text()
    assert with_matrix(page, matrix(model)) == page


def test_a_grant_that_is_taken_away_is_gone_from_the_table(model: dict[str, Any]) -> None:
    """The table is made from the grants: without one, its role is not named."""
    model["workloads"]["frontend"]["grants"] = []
    assert [line for line in matrix(model).splitlines() if "**frontend**" in line] == [
        "| **frontend** | none | none | none |"
    ]


def test_what_a_role_leaves_out_is_in_the_table(model: dict[str, Any]) -> None:
    """A role that allows everything but something is not shown as if it allowed everything."""
    model["roles"]["Most"] = {"kind": "custom", "dataActions": ["*"], "notDataActions": ["Microsoft.KeyVault/*/delete"]}
    assert [line for line in matrix(model).splitlines() if line.startswith("| Most")] == [
        "| Most | this project's | `*` |",
        "| Most | this project's | but not `*/delete` |",
    ]
