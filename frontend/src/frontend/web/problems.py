"""Errors as RFC 9457 problem details (`application/problem+json`); a browser gets a page with the same facts.

https://www.rfc-editor.org/rfc/rfc9457.html
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json, make_response, render_template
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from frontend.refusals import DEPENDENCY_ERRORS, explain
from frontend.web.representations import wants_html

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One field that is wrong. `pointer` is a JSON Pointer into the body, as a URI fragment."""

    detail: str
    pointer: str


class ProblemDetails(BaseModel):
    """The body of every error. `type` is `urn:keyless:problem:<name>`, or `about:blank` where the status says all."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="the fields of an invalid order")
    missing: dict[str, str] | None = Field(default=None, description="dependencies that are not ready, and why")


class Problem(HTTPException):
    """An answer that is an error. `name` is its type's last part, `members` are further members of the body."""

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


def invalid(error: ValidationError) -> list[FieldError]:
    """The fields that pydantic objects to; what was sent is not repeated."""
    return [
        FieldError(detail=problem["msg"], pointer="#/" + "/".join(str(part) for part in problem["loc"]))
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]


@contextmanager
def dependency(name: str) -> Iterator[None]:
    """Around calls of one service: its failure is logged with the service's own error and answered with 503."""
    try:
        yield
    except DEPENDENCY_ERRORS as error:
        refusal = explain(error)
        _log.warning("dependency.failed", dependency=name, reason=str(refusal))
        detail = f"{name} can't be used at the moment ({refusal.code}). Try again: a repeat does no harm."
        raise Problem(503, "DependencyUnavailable", detail, headers={"Retry-After": "2"}) from error


def answer(problem: Problem) -> Response:
    """The problem as a response, in the representation that the client prefers."""
    details = problem.details.model_dump(exclude_none=True)
    if wants_html():
        response = make_response(render_template("problem.html", problem=problem.details), problem.details.status)
    else:
        body = json.dumps(details)
        response = Response(body, problem.details.status, content_type="application/problem+json")
    response.headers.update(problem.headers)
    return response


def register(app: Flask) -> None:
    """Every error that leaves the application passes here, those of Flask itself too."""
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
    return answer(Problem(500, None, "The frontend met an error of its own; its log has it."))
