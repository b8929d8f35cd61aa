"""Resource ids (`_rid`): bytes that name the whole way to a resource, in base64 with `-` for `/`.

A database's are 4 bytes, a collection's those and 4 more with the top bit set, a document's those and 8 more
(https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/src/Resource/ResourceId.cs).
"""

import base64
import binascii
import hashlib


def database_rid(name: str) -> bytes:
    """Make the id from the name, so that it outlives the state folder."""
    return hashlib.sha256(name.encode()).digest()[:4]


def collection_rid(database: bytes, name: str) -> bytes:
    own = bytearray(hashlib.sha256(name.encode()).digest()[:4])
    own[0] |= 0x80  # tells a collection from a user
    return database + bytes(own)


def document_rid(collection: bytes, sequence: int) -> bytes:
    return collection + sequence.to_bytes(8, "little")


def document_sequence(collection: bytes, rid: str) -> int | None:
    """Read the sequence number in a document's resource id; None if it is no such id, or another collection's."""
    raw = decode(rid)
    if raw is None or len(raw) != 16 or not raw.startswith(collection):
        return None
    sequence = int.from_bytes(raw[8:], "little")
    return sequence if sequence < 1 << 60 else None  # the uppermost bits tell other kinds of resource apart


def encode(rid: bytes) -> str:
    return base64.b64encode(rid, b"+-").decode()


def decode(rid: str) -> bytes | None:
    try:
        return base64.b64decode(rid, b"+-", validate=True)
    except (binascii.Error, ValueError):
        return None
