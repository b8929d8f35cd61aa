"""The page lists the operations that the code answers, each with its action."""

import re
from pathlib import Path
from typing import cast

from harness.tables import rows
from localcloud.authorization.guard import Guard
from localcloud.cosmos.actions import ACTIONS
from localcloud.cosmos.endpoints import Endpoints
from localcloud.cosmos.routes import routes
from localcloud.cosmos.state import ItemStore

PAGE = (Path(__file__).parents[2] / "docs/cosmos.md").read_text()
SECTION = PAGE[PAGE.index("## Operations") :].split("\n## ")[0]
ROWS = rows(SECTION)
BELOW_ACCOUNT = "Microsoft.DocumentDB/databaseAccounts/"
BELOW_CONTAINER = f"{BELOW_ACCOUNT}sqlDatabases/containers/"


def test_the_page_lists_the_requests_that_are_answered() -> None:
    """Each request of a row has a route, and each route but the last one, for everything else, has a row."""
    endpoints = Endpoints(cast(Guard, None), cast(ItemStore, None), "contoso", "https://contoso.documents.azure.com/")
    *answered, _ = routes(endpoints)
    known = {
        f"{method} {route.path.replace(':path', '')}"
        for route in answered
        for method in (route.methods or ())
        if method != "HEAD"
    }
    assert {request for row in ROWS for request in re.findall(r"^`(.+)`$", row[1])} == known


def test_the_page_names_every_action() -> None:
    """Each action that is enforced stands in a row, and no other does."""
    named = {action for row in ROWS for action in re.findall(r"`(.+?)`", row[2])}
    assert named == {action.replace(BELOW_CONTAINER, "").replace(BELOW_ACCOUNT, "") for action in ACTIONS}
