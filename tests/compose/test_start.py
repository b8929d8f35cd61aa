"""The output of `docker compose up` at its start."""

import httpx

from tests.compose.docker import docker


def test_the_page_is_where_the_start_says() -> None:
    """The last line of `setup` names an address, and the page answers there."""
    said = docker("compose", "logs", "--no-log-prefix", "setup").splitlines()[-1]
    page = httpx.get(said.split()[-1], headers={"Accept": "text/html"}, follow_redirects=True, trust_env=False)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
