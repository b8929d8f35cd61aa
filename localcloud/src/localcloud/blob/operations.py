"""The operations of Blob Storage's REST API: how each is recognised, what it takes and which action it needs.

Names, request lines, parameters and headers are those of
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api, actions those of
https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory. The list is closed: what is
none of these operations, or carries more than its operation takes, never reaches Azurite. A header that Azurite would
take and not obey stands nowhere here.
"""

from localcloud.blob.actions import (
    ADD,
    CONTAINER_DELETE,
    CONTAINER_READ,
    CONTAINER_WRITE,
    DELETE,
    FILTER,
    GENERATE_USER_DELEGATION_KEY,
    GET_ACL,
    GET_INFO,
    READ,
    SERVICE_READ,
    SERVICE_WRITE,
    SET_ACL,
    TAGS_READ,
    TAGS_WRITE,
    WRITE,
)
from localcloud.blob.operation import Body, Operation, names, operation

_READS = ("GET", "HEAD")

# What many operations take.
_PAGE = names("marker maxresults include")
_SNAPSHOT = names("snapshot")
_METADATA = names("x-ms-meta-")
_LEASE = names("x-ms-lease-id")
_DATES = names("If-Modified-Since If-Unmodified-Since")
_TAGS = names("x-ms-if-tags")
_IF = _DATES | _TAGS | names("If-Match If-None-Match")
_CONDITIONS = _IF | _LEASE
_SOURCE_CONDITIONS = names(
    "x-ms-source-if-match x-ms-source-if-none-match x-ms-source-if-modified-since x-ms-source-if-unmodified-since"
)
_SEQUENCE_CONDITIONS = names("x-ms-if-sequence-number-le x-ms-if-sequence-number-lt x-ms-if-sequence-number-eq")
_RANGE = names("Range x-ms-range")
_CHECKSUMS = names("Content-MD5 x-ms-content-crc64")
_PROPERTIES = names(
    "x-ms-blob-cache-control x-ms-blob-content-disposition x-ms-blob-content-encoding x-ms-blob-content-language"
    " x-ms-blob-content-md5 x-ms-blob-content-type"
)
_NEW_BLOB = _PROPERTIES | _METADATA | _CONDITIONS | names("x-ms-tags")
_COPY = _METADATA | _CONDITIONS | _SOURCE_CONDITIONS | names("x-ms-tags x-ms-access-tier")

_ACCOUNT = (
    operation("List Containers", "GET /?comp=list", CONTAINER_READ, parameters=_PAGE | names("prefix")),
    operation("Find Blobs by Tags", "GET /?comp=blobs&where", FILTER, parameters=_PAGE),
    operation("Get Blob Service Properties", "GET /?restype=service&comp=properties", SERVICE_READ),
    operation(
        "Set Blob Service Properties",
        "PUT /?restype=service&comp=properties",
        SERVICE_WRITE,
        body=Body.SERVICE_PROPERTIES,
    ),
    operation("Get Blob Service Stats", "GET /?restype=service&comp=stats", SERVICE_READ),
    *(
        operation("Get Account Information", f"{method} {resource}?restype=account&comp=properties", GET_INFO)
        for method in _READS
        for resource in ("/", "/container", "/container/blob")
    ),
)

_CONTAINER = (
    operation("Create Container", "PUT /container?restype=container", CONTAINER_WRITE, headers=_METADATA),
    *(
        operation(name, f"{method} /container?restype=container{comp}", CONTAINER_READ, headers=_LEASE)
        for method in _READS
        for name, comp in (("Get Container Properties", ""), ("Get Container Metadata", "&comp=metadata"))
    ),
    operation(
        "Set Container Metadata",
        "PUT /container?restype=container&comp=metadata",
        CONTAINER_WRITE,
        headers=_METADATA | _LEASE | names("If-Modified-Since"),
    ),
    operation("Delete Container", "DELETE /container?restype=container", CONTAINER_DELETE, headers=_LEASE | _DATES),
    operation(
        "List Blobs",
        "GET /container?restype=container&comp=list",
        READ,
        parameters=_PAGE | names("prefix delimiter startFrom"),
    ),
    operation(
        "Find Blobs by Tags in Container",
        "GET /container?restype=container&comp=blobs&where",
        FILTER,
        parameters=_PAGE,
    ),
)

_BLOB = (
    operation(
        "Put Blob",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-blob-type: BlockBlob"],
        headers=_NEW_BLOB | _CHECKSUMS | names("Content-Type x-ms-access-tier"),
        body=Body.BYTES,
        replaces=True,
    ),
    operation(
        "Put Blob",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-blob-type: AppendBlob"],
        headers=_NEW_BLOB | names("Content-Type"),
        replaces=True,
    ),
    operation(
        "Put Blob",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-blob-type: PageBlob", "x-ms-blob-content-length"],
        headers=_NEW_BLOB | names("Content-Type x-ms-access-tier x-ms-blob-sequence-number"),
        replaces=True,
    ),
    operation(
        "Get Blob",
        "GET /container/blob",
        READ,
        parameters=_SNAPSHOT,
        headers=_RANGE | _CONDITIONS | names("x-ms-range-get-content-md5"),
    ),
    operation("Get Blob Properties", "HEAD /container/blob", READ, parameters=_SNAPSHOT, headers=_CONDITIONS),
    operation("Set Blob Properties", "PUT /container/blob?comp=properties", WRITE, headers=_PROPERTIES | _CONDITIONS),
    operation(
        "Set Blob Properties",  # the sequence number of a page blob
        "PUT /container/blob?comp=properties",
        WRITE,
        given=["x-ms-sequence-number-action"],
        headers=_CONDITIONS | names("x-ms-blob-sequence-number"),
    ),
    operation(
        "Get Blob Metadata", "HEAD /container/blob?comp=metadata", READ, parameters=_SNAPSHOT, headers=_CONDITIONS
    ),
    operation("Set Blob Metadata", "PUT /container/blob?comp=metadata", WRITE, headers=_METADATA | _CONDITIONS),
    operation(
        "Get Blob Tags", "GET /container/blob?comp=tags", TAGS_READ, parameters=_SNAPSHOT, headers=_LEASE | _TAGS
    ),
    operation(
        "Set Blob Tags",
        "PUT /container/blob?comp=tags",
        TAGS_WRITE,
        headers=_LEASE | _TAGS | names("Content-MD5"),
        body=Body.TAGS,
    ),
    operation(
        "Set Blob Tier",
        "PUT /container/blob?comp=tier",
        WRITE,
        given=["x-ms-access-tier"],
        headers=_LEASE | names("x-ms-rehydrate-priority"),
    ),
    operation("Snapshot Blob", "PUT /container/blob?comp=snapshot", WRITE, ADD, headers=_METADATA | _CONDITIONS),
    operation(
        "Copy Blob",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-copy-source"],
        headers=_COPY | names("x-ms-rehydrate-priority x-ms-source-if-tags"),
        replaces=True,
    ),
    operation(
        "Copy Blob From URL",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-copy-source", "x-ms-requires-sync: true"],
        headers=_COPY | names("x-ms-copy-source-tag-option"),
        replaces=True,
    ),
    operation(
        "Abort Copy Blob",
        "PUT /container/blob?comp=copy&copyid",
        WRITE,
        given=["x-ms-copy-action: abort"],
        headers=_LEASE,
    ),
    operation(
        "Delete Blob",
        "DELETE /container/blob",
        DELETE,
        parameters=_SNAPSHOT,
        headers=_CONDITIONS | names("x-ms-delete-snapshots"),
    ),
)

_BLOCK_BLOB = (
    operation(
        "Put Block",
        "PUT /container/blob?comp=block&blockid",
        WRITE,
        headers=_LEASE | _CHECKSUMS,
        body=Body.BYTES,
    ),
    operation(
        "Put Block List",
        "PUT /container/blob?comp=blocklist",
        WRITE,
        headers=_NEW_BLOB | names("Content-MD5 x-ms-access-tier"),
        body=Body.BLOCK_LIST,
    ),
    operation(
        "Get Block List",
        "GET /container/blob?comp=blocklist",
        READ,
        parameters=_SNAPSHOT | names("blocklisttype"),
        headers=_LEASE | _TAGS,
    ),
)

_APPEND_BLOB = (
    operation(
        "Append Block",
        "PUT /container/blob?comp=appendblock",
        WRITE,
        ADD,
        headers=_CONDITIONS | _CHECKSUMS | names("x-ms-blob-condition-maxsize x-ms-blob-condition-appendpos"),
        body=Body.BYTES,
    ),
)

_PAGE_BLOB = (
    operation(
        "Put Page",
        "PUT /container/blob?comp=page",
        WRITE,
        given=["x-ms-page-write: update"],
        headers=_RANGE | _CONDITIONS | _SEQUENCE_CONDITIONS | _CHECKSUMS,
        body=Body.BYTES,
    ),
    operation(
        "Put Page",
        "PUT /container/blob?comp=page",
        WRITE,
        given=["x-ms-page-write: clear"],
        headers=_RANGE | _CONDITIONS | _SEQUENCE_CONDITIONS,
    ),
    operation(
        "Get Page Ranges",
        "GET /container/blob?comp=pagelist",
        READ,
        parameters=_SNAPSHOT | names("marker maxresults"),
        headers=_RANGE | _CONDITIONS,
    ),
)


def _lease(name: str, line: str, action: str, conditions: frozenset[str]) -> tuple[Operation, ...]:
    """Make the operations of one page of the reference. Each of its five lease actions takes headers of its own."""
    return tuple(
        operation(name, line, action, given=given, headers=conditions | optional)
        for given, optional in (
            (["x-ms-lease-action: acquire", "x-ms-lease-duration"], names("x-ms-proposed-lease-id")),
            (["x-ms-lease-action: renew", "x-ms-lease-id"], names("")),
            (["x-ms-lease-action: change", "x-ms-lease-id", "x-ms-proposed-lease-id"], names("")),
            (["x-ms-lease-action: release", "x-ms-lease-id"], names("")),
            (["x-ms-lease-action: break"], names("x-ms-lease-break-period")),
        )
    )


# Azure's, and not done here: access is asked for, then the answer says what is not there.
_FROM_A_URL = "content that is read from a URL"
_NO_SAS = "stored access policies and user delegation keys, since it takes no SAS"
_REFUSED = (
    operation(
        "Get User Delegation Key",
        "POST /?restype=service&comp=userdelegationkey",
        GENERATE_USER_DELEGATION_KEY,
        refused=_NO_SAS,
    ),
    *(
        operation("Get Container ACL", f"{method} /container?restype=container&comp=acl", GET_ACL, refused=_NO_SAS)
        for method in _READS
    ),
    operation("Set Container ACL", "PUT /container?restype=container&comp=acl", SET_ACL, refused=_NO_SAS),
    *(
        operation("Blob Batch", f"POST {target}comp=batch", CONTAINER_WRITE, refused="batches")
        for target in ("/?", "/container?restype=container&")
    ),
    operation(
        "Restore Container", "PUT /container?restype=container&comp=undelete", CONTAINER_WRITE, refused="soft delete"
    ),
    operation(
        "Rename Container",
        "PUT /container?restype=container&comp=rename",
        CONTAINER_WRITE,
        refused="containers that are renamed",
    ),
    operation("Undelete Blob", "PUT /container/blob?comp=undelete", WRITE, refused="soft delete"),
    operation(
        "Get Blob Metadata", "GET /container/blob?comp=metadata", READ, refused="a blob's metadata by GET, only by HEAD"
    ),
    operation("Set Blob Expiry", "PUT /container/blob?comp=expiry", WRITE, refused="blobs that expire"),
    *(
        operation(name, f"{method} /container/blob?comp={comp}", WRITE, refused="immutable blobs")
        for name, method, comp in (
            ("Set Blob Immutability Policy", "PUT", "immutabilityPolicies"),
            ("Delete Blob Immutability Policy", "DELETE", "immutabilityPolicies"),
            ("Set Blob Legal Hold", "PUT", "legalhold"),
        )
    ),
    operation("Query Blob Contents", "POST /container/blob?comp=query", READ, refused="queries of a blob's content"),
    operation(
        "Put Blob From URL",
        "PUT /container/blob",
        WRITE,
        ADD,
        given=["x-ms-blob-type: BlockBlob", "x-ms-copy-source"],
        refused=_FROM_A_URL,
    ),
    operation(
        "Put Block From URL", "PUT /container/blob?comp=block", WRITE, given=["x-ms-copy-source"], refused=_FROM_A_URL
    ),
    operation(
        "Append Block From URL",
        "PUT /container/blob?comp=appendblock",
        WRITE,
        ADD,
        given=["x-ms-copy-source"],
        refused=_FROM_A_URL,
    ),
    operation("Append Blob Seal", "PUT /container/blob?comp=seal", WRITE, refused="append blobs that are sealed"),
    operation(
        "Put Page From URL",
        "PUT /container/blob?comp=page",
        WRITE,
        given=["x-ms-page-write: update", "x-ms-copy-source"],
        refused=_FROM_A_URL,
    ),
    operation(
        "Set Blob Properties",
        "PUT /container/blob?comp=properties",
        WRITE,
        given=["x-ms-blob-content-length"],
        refused="page blobs that are resized",
    ),
    operation("Incremental Copy Blob", "PUT /container/blob?comp=incrementalcopy", WRITE, refused="incremental copies"),
)

OPERATIONS = (
    *_ACCOUNT,
    *_CONTAINER,
    *_lease("Lease Container", "PUT /container?restype=container&comp=lease", CONTAINER_WRITE, _DATES),
    *_BLOB,
    *_lease("Lease Blob", "PUT /container/blob?comp=lease", WRITE, _IF),
    *_BLOCK_BLOB,
    *_APPEND_BLOB,
    *_PAGE_BLOB,
    *_REFUSED,
)
