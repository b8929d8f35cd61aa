"""The real schemas of azurerm, azapi and azuread, read out of their CDK packages.

No registry of Terraform's is asked. The packages `cdktn-provider-*` are generated from each provider's own schema, and
carry the generated TypeScript (in their source maps). From it come back: attributes with their types, what is required,
optional, computed or write-only, and how blocks nest. Descriptions, deprecations and defaults are lost on the way.
"""

import base64
import importlib.util
import json
import re
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Type = str | list[Any]  # cty's JSON type: "string", ["list", "string"], ["object", {…}], "dynamic"
Nesting = Literal["single", "list", "set"]


@dataclass(frozen=True)
class Attribute:
    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    write_only: bool = False


@dataclass(frozen=True)
class NestedBlock:
    block: "Block"
    nesting: Nesting
    min_items: int = 0
    max_items: int = 0


@dataclass(frozen=True)
class Block:
    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: dict[str, NestedBlock] = field(default_factory=dict)

    @property
    def type(self) -> Type:
        """The block as cty's object type, for blocks that the provider holds as an attribute."""
        nested: dict[str, Type] = {name: ["list", nested.block.type] for name, nested in self.blocks.items()}
        return ["object", {name: a.type for name, a in self.attributes.items()} | nested]


@dataclass(frozen=True)
class ProviderSchema:
    """A provider's own configuration, its resources and its data sources, by Terraform's names."""

    provider: Block
    resources: dict[str, Block]
    data_sources: dict[str, Block]


def load(provider: str, resources: Iterable[str], data_sources: Iterable[str]) -> ProviderSchema:
    """The schema of `azurerm`, `azapi` or `azuread`, of the named types only (azurerm has 1,100).

    Raises `KeyError` for a type that the provider has not, and `ModuleNotFoundError` without its package.
    """
    sources = _typescript(provider)
    prefix = f"{provider}_"
    return ProviderSchema(
        provider=_block_of(sources["provider"]()),
        resources={t: _block_of(sources[_folder(t.removeprefix(prefix))]()) for t in resources},
        data_sources={t: _block_of(sources["data-" + _folder(t)]()) for t in data_sources},
    )


def _folder(type_name: str) -> str:
    return type_name.replace("_", "-")


def _typescript(provider: str) -> dict[str, Any]:
    """The package's source files by folder, each read when it is called for."""
    package = f"cdktn_provider_{provider}"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {package!r}: install the dependency group `infra`", name=package)
    (bundle,) = Path(spec.origin).parent.glob("_jsii/*.jsii.tgz")
    archive = tarfile.open(bundle)  # noqa: SIM115 (stays open: the sources are read out of it one by one)

    def reader(member: tarfile.TarInfo) -> Any:
        def read() -> str:
            file = archive.extractfile(member)
            assert file is not None
            source_map = json.loads(base64.b64decode(file.read().decode().rsplit("base64,", 1)[1]))
            return str(source_map["sourcesContent"][0])

        return read

    return {
        parts[2]: reader(member)
        for member in archive
        if len(parts := member.name.split("/")) == 4 and parts[3] == "index.js"
    }


# `  // name - computed: true, optional: true, required: false`, then the accessors up to the next one
_ATTRIBUTE = re.compile(
    r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(.*?)(?=\n +// \w+ - computed:|\n +// =====|\Z)",
    re.S,
)
# `    name: {  value: …,  isBlock: true,  type: "list",  storageClassType: "stringList",`
_SYNTHESIZED = re.compile(
    r'^ +(\w+): \{\n\s+value: (.*),\n\s+isBlock: (\w+),\n\s+type: "(\w+)",\n\s+storageClassType: "(\w+)",', re.M
)
_CLASS = re.compile(r"^export class (\w+) extends cdktn\.\w+ \{(.*?)^\}", re.S | re.M)
_STRUCT = re.compile(r"^export function (\w+)ToHclTerraform\(struct[^\n]*\{\n(.*?)^\}", re.S | re.M)
_REFERENCE = r'new (?:\w+\.)?(\w+?)(List|OutputReference)\(this, "{name}"(?:, (true|false))?\)'
_ROOT = re.compile(r"^export class (\w+) extends cdktn\.Terraform(?:Resource|DataSource|Provider) ", re.M)

_STORED: dict[str, Type] = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "stringList": "string",
    "numberList": "number",
    "stringMap": ["map", "string"],
    "stringListMap": ["map", ["list", "string"]],
    "anyMap": "dynamic",
}
_READ: dict[str, Type] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "AnyMap": "dynamic",
    "StringListMap": ["map", ["list", "string"]],
}


@dataclass(frozen=True)
class _Synthesized:
    """How the generated code writes one argument out again."""

    value: str
    is_block: bool
    kind: str
    stored: str


def _synthesized(source: str) -> dict[str, _Synthesized]:
    return {
        name: _Synthesized(value, block == "true", kind, stored)
        for name, value, block, kind, stored in _SYNTHESIZED.findall(source)
    }


def _block_of(source: str) -> Block:
    return _Source(source).root()


class _Source:
    """One generated file: the resource's class, and one `…OutputReference` class for each block below it."""

    def __init__(self, source: str) -> None:
        self._classes = dict(_CLASS.findall(source))
        self._structs = {name.lower(): _synthesized(body) for name, body in _STRUCT.findall(source)}
        root = _ROOT.search(source)
        assert root is not None
        self._root = root[1]

    def root(self) -> Block:
        body = self._classes[self._root]
        return self._block(body, _synthesized(body.split("synthesizeHclAttributes()")[1]))

    def _nested(self, name: str) -> Block:
        return self._block(self._classes[f"{name}OutputReference"], self._structs.get(name.lower(), {}))

    def _block(self, body: str, synthesized: dict[str, _Synthesized]) -> Block:
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, NestedBlock] = {}
        for name, computed, optional, required, code in _ATTRIBUTE.findall(body):
            written = synthesized.get(name)
            reference = re.search(_REFERENCE.format(name=name), code)
            nested = reference and f"{reference[1]}OutputReference" in self._classes
            if written and written.is_block:
                if nested and reference:
                    blocks[name] = _nested_block(self._nested(reference[1]), reference, written, required == "true")
                else:  # the provider's own blocks have no class to read from, only a struct
                    blocks[name] = NestedBlock(self._struct(written.stored), "list")
                continue
            if nested and reference:
                object_type = self._nested(reference[1]).type
                single = reference[2] == "OutputReference"
                kind = "set" if reference[3] == "true" else "list"
                attribute_type = object_type if single else [kind, object_type]
            else:
                attribute_type = _scalar(name, code, written)
            attributes[name] = Attribute(
                attribute_type,
                required=required == "true",
                optional=optional == "true",
                computed=computed == "true",
                write_only=bool(written and "markWriteOnlyAttribute" in written.value),
            )
        return Block(attributes, blocks)

    def _struct(self, name: str) -> Block:
        attributes: dict[str, Attribute] = {}
        blocks: dict[str, NestedBlock] = {}
        for argument, written in self._structs[name.removesuffix("List").lower()].items():
            if written.is_block:
                blocks[argument] = NestedBlock(self._struct(written.stored), "list")
            else:
                attributes[argument] = Attribute(_scalar(argument, "", written), optional=True)
        return Block(attributes, blocks)


def _nested_block(block: Block, reference: re.Match[str], written: _Synthesized, required: bool) -> NestedBlock:
    if written.kind == "struct":  # timeouts
        return NestedBlock(block, "single")
    nesting: Nesting = "set" if written.kind == "set" or reference[3] == "true" else "list"
    one = reference[2] == "OutputReference"
    return NestedBlock(block, nesting, min_items=int(required), max_items=int(one))


def _scalar(name: str, code: str, written: _Synthesized | None) -> Type:
    if written and written.stored in _STORED:
        stored = _STORED[written.stored]
        return [written.kind, stored] if written.kind in ("list", "set") else stored
    read = re.search(rf"get(\w+?)Attribute\('{name}'\)", code) or re.search(rf'new cdktn\.(\w+)\(this, "{name}"', code)
    if "Fn.tolist" in code:
        return ["set", "string"]
    return _READ.get(read[1], "string") if read else "string"
