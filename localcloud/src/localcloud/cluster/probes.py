"""httpGet probes, as the kubelet makes them: 200 to 399 is success, thresholds count in a row.

One thing differs, so that a start on a laptop is fast: until a probe has succeeded for the first time, it comes five
times a second, and a failure counts for the share of the period that has passed.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from localcloud.cluster.resources import Probe

_EAGER = 0.2  # seconds
# A kept connection would hold up a server that stops. https://pkg.go.dev/k8s.io/kubernetes/pkg/probe/http
_ONE_REQUEST = {"Connection": "close"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one probe has come to: `passed` is `None` while no threshold has been reached.

    `detail` says why it fails: a problem document's own words (RFC 9457), if it is one.
    """

    passed: bool | None
    detail: str = ""


async def verdicts(probe: Probe, port: int, client: httpx.AsyncClient) -> AsyncIterator[Verdict]:
    """One verdict for each time the probe is made; endless."""
    await asyncio.sleep(probe.initial_delay_seconds)
    successes, failures, has_passed = 0, 0.0, False
    while True:
        period = float(probe.period_seconds) if has_passed else min(_EAGER, probe.period_seconds)
        detail = await _ask(probe, port, client)
        if detail is None:
            successes, failures = successes + 1, 0.0
        else:
            successes, failures = 0, failures + period / probe.period_seconds
        if detail is None:
            reached = successes >= probe.success_threshold
            has_passed = has_passed or reached
            yield Verdict(True if reached else None)
        else:
            reached = failures >= probe.failure_threshold - 1e-6  # shares of a period add up inexactly
            yield Verdict(False if reached else None, detail)
        await asyncio.sleep(period)


async def _ask(probe: Probe, port: int, client: httpx.AsyncClient) -> str | None:
    """`None` for success, otherwise what went wrong."""
    url = f"http://127.0.0.1:{port}{probe.http_get.path}"
    try:
        response = await client.get(url, timeout=probe.timeout_seconds, headers=_ONE_REQUEST)
    except httpx.TimeoutException:
        return f"{probe.http_get.path} did not answer within {probe.timeout_seconds} s"
    except httpx.TransportError as error:
        return f"{probe.http_get.path}: {error or type(error).__name__}"
    if 200 <= response.status_code < 400:
        return None
    return _problem(response) or f"{probe.http_get.path} answered {response.status_code}"


def _problem(response: httpx.Response) -> str:
    if not response.headers.get("content-type", "").startswith("application/problem+json"):
        return ""
    try:
        problem = response.json()
    except ValueError:
        return ""
    return str(problem.get("detail") or problem.get("title") or "") if isinstance(problem, dict) else ""
