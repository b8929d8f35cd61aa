"""A stand-in for azurerm, azapi and azuread: their real schemas, and an Azure that accepts nearly everything.

Terraform checks a configuration against the schema as it does with the real provider, plans, and "makes" each resource.
The resource's id and the few computed values of `arm.py` are the ones that Azure would answer, and what `refusals.py`
knows is refused. Nothing is contacted, and nothing is stored: Terraform's own state is the result.
"""

# ruff: noqa: ARG002 (gRPC hands every method the request and its context)

import json
import os
import tempfile
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]

from tests.infra.terraform import arm
from tests.infra.terraform.refusals import refusal
from tests.infra.terraform.schema import Block, ProviderSchema, load
from tests.infra.terraform.values import decode, encode, known, planned

messages, services = grpc.protos_and_services("tests/infra/terraform/tfplugin6.proto")
_Servicer: Any = services.ProviderServicer

_NESTING = {"single": 1, "list": 2, "set": 3}
_ADDRESSES = {"azurerm": "hashicorp/azurerm", "azuread": "hashicorp/azuread", "azapi": "azure/azapi"}


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Serves the three providers on Unix sockets; yields the environment that makes Terraform use them."""
    with tempfile.TemporaryDirectory(prefix="tf") as folder:
        servers, reattach = [], {}
        for name, address in _ADDRESSES.items():
            socket = str(Path(folder, name))
            servers.append(_serve(name, socket))
            reattach[f"registry.terraform.io/{address}"] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "unix", "String": socket},
            }
        try:
            yield {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}
        finally:
            for server in servers:
                server.stop(grace=None).wait()


def _serve(name: str, socket: str) -> grpc.Server:
    prefix = f"{name}_"
    schema = load(
        name,
        resources=[resource for resource in arm.RESOURCE_IDS if resource.startswith(prefix)],
        data_sources=[data_source for data_source in arm.DATA if data_source.startswith(prefix)],
    )
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)])
    services.add_ProviderServicer_to_server(StandIn(schema), server)
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    return server


class StandIn(_Servicer):  # type: ignore[misc]
    """One provider. Method names are the protocol's."""

    def __init__(self, schema: ProviderSchema) -> None:
        self._schema = schema

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return messages.ProviderSchema(
            provider=messages.Schema(block=_wire(self._schema.provider)),
            resource_schemas={n: messages.Schema(block=_wire(b)) for n, b in self._schema.resources.items()},
            data_source_schemas={n: messages.Schema(block=_wire(b)) for n, b in self._schema.data_sources.items()},
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return messages.Diagnostics2()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return messages.Diagnostics1()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return messages.Diagnostics1()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return messages.Diagnostics1()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        return messages.State(state=messages.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request: Any, context: Any) -> Any:
        return messages.State(state=request.current_state)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed = decode(request.proposed_new_state)
        if proposed is None:  # it is to be destroyed
            return messages.State(state=request.proposed_new_state)
        new = decode(request.prior_state) is None
        return _state(planned(self._schema.resources[request.type_name], proposed, new=new))

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        made = known(decode(request.planned_state))
        if made is None:  # it is destroyed
            return messages.Applied(state=request.planned_state)
        if sentence := refusal(request.type_name, made):
            error = messages.Diagnostic(severity=messages.Diagnostic.ERROR, summary=sentence)
            return messages.Applied(state=request.prior_state, diagnostics=[error])
        for name, value in arm.computed(request.type_name, made).items():
            made[name] = made[name] or value
        return messages.Applied(state=_value(made))

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        return _state({**decode(request.config), **arm.DATA[request.type_name]})

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return messages.Nothing()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return messages.Nothing()


def _value(value: Any) -> Any:
    return messages.DynamicValue(msgpack=encode(value))


def _state(value: Any) -> Any:
    return messages.State(state=_value(value))


def _wire(block: Block) -> Any:
    return messages.Schema.Block(
        attributes=[
            messages.Schema.Attribute(
                name=name,
                type=json.dumps(attribute.type).encode(),
                required=attribute.required,
                optional=attribute.optional,
                computed=attribute.computed,
                write_only=attribute.write_only,
            )
            for name, attribute in block.attributes.items()
        ],
        block_types=[
            messages.Schema.NestedBlock(
                type_name=name,
                block=_wire(nested.block),
                nesting=_NESTING[nested.nesting],
                min_items=nested.min_items,
                max_items=nested.max_items,
            )
            for name, nested in block.blocks.items()
        ],
    )
