"""One URL has two representations: HTML for a browser, and JSON for every other client."""

from flask import request


def wants_html() -> bool:
    """Tell whether the client prefers HTML. `Accept: */*`, or no such header, means JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
