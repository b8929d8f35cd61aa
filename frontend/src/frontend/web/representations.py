"""One URL, two representations: HTML for a browser, JSON for everybody else."""

from flask import request


def wants_html() -> bool:
    """True where the client prefers HTML by its Accept header; `*/*` and no header at all mean JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"
