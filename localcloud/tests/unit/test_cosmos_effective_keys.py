"""Effective partition keys are those that the SDKs compute."""

import pytest
from localcloud.cosmos.effective_partition_keys import effective
from localcloud.cosmos.partition_keys import join, of_document, of_header

# Microsoft's own tests:
# https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/tests/Microsoft.Azure.Cosmos.Tests/Routing/PartitionKeyInternalTest.cs
# https://github.com/Azure/azure-sdk-for-js/blob/main/sdk/cosmosdb/cosmos/test/internal/unit/hashing/v2.spec.ts
PUBLISHED = [
    ('["redmond"]', "22E342F38A486A088463DFF7838A5963"),
    ('[""]', "32E9366E637A71B4E710384B2F4970A0"),
    ('["aa"]', "05033626483AE80D00E44FBD35362B19"),
    ("[null]", "378867E4430E67857ACE5C908374FE16"),
    ("[true]", "0E711127C5B5A8E4726AC6DD306A3E59"),
    ("[false]", "2FE1BE91E90A3439635E0E9E37361EF2"),
    ("[{}]", "11622DAA78F835834610ABE56EFF5CB5"),
    ("[5.0]", "19C08621B135968252FB34B4CF66F811"),
    ("[5.12312419050912359123]", "0EF2E2D82460884AF0F6440BE4F726A8"),
    ("[-128]", "01DAEDABF913540367FE219B2AD06148"),
    ("[1.7976931348623157e308]", "31424D996457102634591FF245DBCC4D"),
    ('["seattle", "redmond"]', "07E4D14180A45153F00B44907886F85622E342F38A486A088463DFF7838A5963"),
]


@pytest.mark.parametrize(("key", "expected"), PUBLISHED)
def test_effective_keys_are_the_published_ones(key: str, expected: str) -> None:
    """Each kind of value, alone and after another, has the hash that Microsoft's tests record."""
    assert effective(join(of_header(key, 3))) == expected


@pytest.mark.parametrize(
    ("document", "header"),
    [
        ({"a": "x", "b": {"c": 1}}, '["x", 1.0]'),
        ({"a": "x", "b": {}}, '["x", {}]'),
        ({"a": "x", "b": 7}, '["x", {}]'),
        ({"b": {"c": None}}, "[{}, null]"),
        ({}, "[]"),
        ({"a": 2**53, "b": {"c": 0}}, f"[{2**53 + 1}, -0.0]"),
    ],
)
def test_a_document_has_the_key_that_its_header_names(document: dict[str, object], header: str) -> None:
    """Values are found at nested paths, what is not there is undefined, and numbers are compared as doubles."""
    assert of_document(document, [("a",), ("b", "c")]) == join(of_header(header, 2))
