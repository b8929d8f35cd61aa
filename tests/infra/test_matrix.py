"""The README's table is the access model's, and nothing else."""

from pathlib import Path

import yaml

from infra.matrix import matrix, with_matrix

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_access_model_as_it_is() -> None:
    """The table in the README is what the access file gives today: `make matrix` writes it."""
    readme = (ROOT / "README.md").read_text()
    model = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
    assert with_matrix(readme, matrix(model)) == readme


def test_a_grant_that_is_taken_away_is_gone_from_the_table() -> None:
    """The table is made from the grants: without one, its role is not named."""
    model = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
    model["workloads"]["frontend"]["grants"] = []
    assert "| **frontend** | none | none | none | none |" in matrix(model)


def test_what_a_role_leaves_out_is_in_the_table() -> None:
    """A role that allows everything but something is not shown as if it allowed everything."""
    model = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
    model["roles"]["Most"] = {"kind": "custom", "dataActions": ["*"], "notDataActions": ["Microsoft.KeyVault/*/delete"]}
    assert "| Most | `*`; but not `*/delete` |" in matrix(model)
