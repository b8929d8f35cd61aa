"""Errors as problem details (`application/problem+json`), or as a page with the same facts for a browser.

https://www.rfc-editor.org/rfc/rfc9457.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, make_response, render_template
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from frontend.web.representations import wants_html
from workload.failure import SDK_ERRORS, explain

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One field that is wrong. `pointer` is a JSON Pointer into the body, as a URI fragment."""

    detail: str
    pointer: str


class ProblemDetails(BaseModel):
    """The body of every error. `type` is `urn:keyless:problem:<name>`, or `about:blank` if the status says it all."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="the fields of an invalid order")
    missing: dict[str, str] | None = Field(default=None, description="dependencies that are not ready, and why")


class Problem(HTTPException):
    """An answer that is an error. `name` is the last part of its type; `members` are further members of its body."""

    def __init__(
        self,
        status: int,
        name: str | None,
        detail: str,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.headers = dict(headers or {})
        self.details = ProblemDetails(
            type=f"urn:keyless:problem:{name}" if name else "about:blank",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            **members,
        )


class NotReady(Problem):
    """The problem 503: an access is missing that the frontend can't do without. It comes back by itself."""

    def __init__(self, name: str, detail: str, missing: dict[str, str] | None = None) -> None:
        super().__init__(503, name, detail, {"Retry-After": "2"}, missing=missing)


def pointer(place: tuple[int | str, ...]) -> str:
    """Return the JSON Pointer of a place in the body, as a URI fragment (RFC 6901, section 6)."""
    return "#" + "".join("/" + quote(str(part).replace("~", "~0").replace("/", "~1")) for part in place)


def invalid(error: ValidationError) -> list[FieldError]:
    """Return the parameters that pydantic objects to, without the values that were sent."""
    return [
        FieldError(detail=problem["msg"], pointer=pointer(problem["loc"]))
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]


@contextmanager
def calling(dependency: str) -> Iterator[None]:
    """Call a service: log its failure in its own words, and answer it with the problem 503."""
    try:
        yield
    except SDK_ERRORS as error:
        failure = explain(error)
        _log.warning("dependency.failed", dependency=dependency, reason=str(failure))
        detail = f"{dependency} can't be used at the moment ({failure.code}). Try again: a repeat does no harm."
        raise Problem(503, "DependencyUnavailable", detail, headers={"Retry-After": "2"}) from error


def answer(problem: Problem) -> Response:
    """Return the problem as a response, in the representation that the client prefers."""
    details = problem.details
    if wants_html():
        response = make_response(render_template("problem.html", problem=details), details.status)
    else:
        body = details.model_dump_json(exclude_none=True)
        response = Response(body, details.status, content_type="application/problem+json")
    response.headers.update(problem.headers)
    return response


def register(app: Flask) -> None:
    """Answer every error of the application as a problem, Flask's own errors included."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, Problem):
        return answer(error)
    if error.code is None or error.code < 400:  # a redirect
        return error
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return answer(Problem(error.code, None, error.description or "", headers))


def _unexpected(error: Exception) -> Response:
    _log.error("request.failed", exc_info=error)
    return answer(Problem(500, None, "The frontend met an error of its own. Its log says more."))
