"""Terraform's values on the wire: msgpack, with a sign of its own for "not known yet".

https://github.com/hashicorp/terraform/blob/main/docs/plugin-protocol/object-wire-format.md
"""

import json
from typing import Any

import msgpack  # type: ignore[import-untyped]

from tests.infra.terraform.schema import Block

UNKNOWN = msgpack.ExtType(0, b"\0")


def decode(wire: Any) -> Any:
    """A `DynamicValue` as plain Python; unknown values as `msgpack.ExtType`."""
    if wire.msgpack:
        return msgpack.unpackb(wire.msgpack, raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(wire.json or b"null")


def encode(value: Any) -> bytes:
    return bytes(msgpack.packb(value))


def dynamic(value: dict[str, Any]) -> list[Any]:
    """A value of objects and strings for an attribute of any type: on the wire it carries its own type."""
    return [json.dumps(_type_of(value)).encode(), value]


def _type_of(value: Any) -> Any:
    if isinstance(value, dict):
        return ["object", {name: _type_of(inner) for name, inner in value.items()}]
    return "string"


def is_unknown(value: Any) -> bool:
    return isinstance(value, msgpack.ExtType)


def known(value: Any) -> Any:
    """The value with `None` in place of everything unknown."""
    if is_unknown(value):
        return None
    if isinstance(value, dict):
        return {name: known(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [known(inner) for inner in value]
    return value


def planned(block: Block, proposed: dict[str, Any], *, new: bool) -> dict[str, Any]:
    """The state to plan for what Terraform proposes.

    What the provider computes is unknown until a new resource is made, and stays as it is afterwards. A write-only
    argument is proposed with its value, and Terraform refuses a plan that keeps it.
    """
    state = dict(proposed)
    for name, attribute in block.attributes.items():
        if attribute.write_only:
            state[name] = None
        elif new and attribute.computed and state.get(name) is None:
            state[name] = UNKNOWN
    for name, nested in block.blocks.items():
        inner = state.get(name)
        if isinstance(inner, list):
            state[name] = [planned(nested.block, one, new=new) if isinstance(one, dict) else one for one in inner]
        elif isinstance(inner, dict):
            state[name] = planned(nested.block, inner, new=new)
    return state
