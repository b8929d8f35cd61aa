"""What is known of an operation of Blob Storage's REST API before any request for it comes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Body(Enum):
    """What an operation's body is: nothing, bytes, or XML with this root."""

    NONE = ""
    BYTES = "bytes"
    TAGS = "Tags"
    BLOCK_LIST = "BlockList"
    SERVICE_PROPERTIES = "StorageServiceProperties"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, under the name of its page in the reference.

    `resource` is what its path names: `/`, `/container` or `/container/blob`. It must carry the parameters of `query`
    and the headers `given`, by which it is recognised: each with its value, an empty one standing for any. It may carry
    `parameters` and `headers`; a name that ends in a hyphen stands for all that begin so. Names are in lower case.
    One of `actions` suffices, the least of them standing last. If the operation `replaces` a blob that is there under
    its name, `blobs/add/action` suffices only if there is none. `refused` names what is not there for it.
    """

    name: str
    method: str
    resource: str
    query: Mapping[str, str]
    given: Mapping[str, str]
    actions: tuple[str, ...]
    parameters: frozenset[str]
    headers: frozenset[str]
    body: Body
    replaces: bool
    refused: str

    def takes_parameter(self, name: str) -> bool:
        return name in self.query or name in self.parameters

    def takes_header(self, name: str) -> bool:
        families = (header for header in self.headers if header.endswith("-"))
        return name in self.given or name in self.headers or any(name.startswith(family) for family in families)


def names(text: str) -> frozenset[str]:
    """Read the names of parameters or headers, written as the reference writes them, with spaces between."""
    return frozenset(text.lower().split())


def operation(
    name: str,
    line: str,
    *actions: str,
    given: Iterable[str] = (),
    parameters: frozenset[str] = frozenset(),
    headers: frozenset[str] = frozenset(),
    body: Body = Body.NONE,
    replaces: bool = False,
    refused: str = "",
) -> Operation:
    """Read an operation as the reference writes it, such as `PUT /container/blob?comp=snapshot`."""
    method, target = line.split(" ")
    resource, _, query = target.partition("?")
    return Operation(
        name,
        method,
        resource,
        query={parameter: value for parameter, _, value in (pair.partition("=") for pair in query.split("&") if pair)},
        given={header.lower(): value for header, _, value in (each.partition(": ") for each in given)},
        actions=actions,
        parameters=parameters | {"timeout"},
        headers=headers,
        body=body,
        replaces=replaces,
        refused=refused,
    )
