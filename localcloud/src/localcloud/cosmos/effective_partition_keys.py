"""Effective partition keys: the hashes by which Cosmos DB and its SDKs spread partition keys over a range.

Version 2 of the hash, as the SDKs compute it:
https://github.com/Azure/azure-sdk-for-js/blob/main/sdk/cosmosdb/cosmos/src/utils/hashing/v2.ts
"""

import json
import struct
from functools import lru_cache
from typing import Any

import mmh3

_ABSENT, _NULL, _FALSE, _TRUE, _NUMBER, _STRING = b"\x00", b"\x01", b"\x02", b"\x03", b"\x05", b"\x08"
_END_OF_STRING = b"\xff"


@lru_cache(maxsize=4096)
def effective(key: str) -> str:
    """Compute the effective key, in hexadecimal, of a partition key's text: the hashes of its values in their order."""
    return "".join(_hash(value) for value in json.loads(f"[{key}]"))


def _hash(value: Any) -> str:
    digest = bytearray(reversed(mmh3.hash_bytes(_encoded(value))))
    digest[0] &= 0x3F  # so that none reaches FF, where the range of all keys ends
    return digest.hex().upper()


def _encoded(value: Any) -> bytes:
    match value:
        case None:
            return _NULL
        case True:
            return _TRUE
        case False:
            return _FALSE
        case str():
            return _STRING + value.encode("utf-8", "surrogatepass") + _END_OF_STRING
        case int() | float():
            return _NUMBER + struct.pack("<d", value)
    return _ABSENT
