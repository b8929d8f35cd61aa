"""What the operator does to Azure itself: its keys, clock, trust and late roles, and the faults of its services."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cloud import Cloud
from localcloud.entra.federation import Way
from localcloud.faults import Fault, Kind


class AzureRoutes:
    """An answer that is no success has an `error`, a sentence."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def routes(self) -> Sequence[Route]:
        """Return the routes of the control socket."""
        return (
            Route("/issuer/rotate", self._rotate_issuer, methods=["POST"]),
            Route("/entra/rotate", self._rotate_entra, methods=["POST"]),
            Route("/federation", self._federate, methods=["PUT"]),
            Route("/clock", self._move_clock, methods=["PUT"]),
            Route("/propagation", self._delay_roles, methods=["PUT"]),
            Route("/faults", self._list_faults),
            Route("/faults/{service}", self._begin_fault, methods=["PUT"]),
            Route("/faults/{service}", self._end_fault, methods=["DELETE"]),
        )

    async def _rotate_issuer(self, _request: Request) -> Response:
        self._cloud.issuer.rotate()
        return Response(status_code=204)

    async def _rotate_entra(self, _request: Request) -> Response:
        self._cloud.rotate_entra_key()
        return Response(status_code=204)

    async def _federate(self, request: Request) -> Response:
        self._cloud.federation.way = _Federation.model_validate_json(await request.body()).way
        return Response(status_code=204)

    async def _move_clock(self, request: Request) -> Response:
        self._cloud.clock.ahead = _Ahead.model_validate_json(await request.body()).seconds
        return Response(status_code=204)

    async def _delay_roles(self, request: Request) -> Response:
        self._cloud.roles.seconds = _Delay.model_validate_json(await request.body()).seconds
        return Response(status_code=204)

    async def _list_faults(self, _request: Request) -> Response:
        faults = self._cloud.faults
        present = {
            service: {"kind": fault.kind, "seconds": fault.seconds, "met": fault.met}
            for service, fault in faults.present().items()
        }
        return JSONResponse(
            {
                "services": faults.services,
                "present": present,
                "clock": self._cloud.clock.ahead,
                "propagation": self._cloud.roles.seconds,
            }
        )

    async def _begin_fault(self, request: Request) -> Response:
        asked = _Fault.model_validate_json(await request.body())
        service = request.path_params["service"]
        try:
            self._cloud.faults.begin(service, Fault(asked.kind, asked.seconds))
        except KeyError:
            known = ", ".join(self._cloud.faults.services)
            return JSONResponse({"error": f"there is no service {service}: there are {known}"}, 404)
        return Response(status_code=204)

    async def _end_fault(self, request: Request) -> Response:
        self._cloud.faults.end(request.path_params["service"])
        return Response(status_code=204)


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Federation(_Asked):
    way: Way


class _Ahead(_Asked):
    seconds: float


class _Delay(_Asked):
    seconds: Annotated[float, Field(ge=0)]


class _Fault(_Asked):
    kind: Kind
    seconds: Annotated[float, Field(ge=0)] = 1.0
