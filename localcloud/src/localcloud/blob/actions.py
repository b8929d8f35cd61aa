"""The actions on containers and blobs that are enforced.

https://learn.microsoft.com/azure/role-based-access-control/permissions/storage#microsoftstorage
"""

_SERVICE = "Microsoft.Storage/storageAccounts/blobServices"
_CONTAINERS = f"{_SERVICE}/containers"
_BLOBS = f"{_CONTAINERS}/blobs"

SERVICE_READ = f"{_SERVICE}/read"
SERVICE_WRITE = f"{_SERVICE}/write"
GET_INFO = f"{_SERVICE}/getInfo/action"
GENERATE_USER_DELEGATION_KEY = f"{_SERVICE}/generateUserDelegationKey/action"

CONTAINER_READ = f"{_CONTAINERS}/read"
CONTAINER_WRITE = f"{_CONTAINERS}/write"
CONTAINER_DELETE = f"{_CONTAINERS}/delete"
GET_ACL = f"{_CONTAINERS}/getAcl/action"
SET_ACL = f"{_CONTAINERS}/setAcl/action"

READ = f"{_BLOBS}/read"
ADD = f"{_BLOBS}/add/action"
WRITE = f"{_BLOBS}/write"
DELETE = f"{_BLOBS}/delete"
FILTER = f"{_BLOBS}/filter/action"
TAGS_READ = f"{_BLOBS}/tags/read"
TAGS_WRITE = f"{_BLOBS}/tags/write"

ACTIONS = (
    SERVICE_READ,
    SERVICE_WRITE,
    GET_INFO,
    GENERATE_USER_DELEGATION_KEY,
    CONTAINER_READ,
    CONTAINER_WRITE,
    CONTAINER_DELETE,
    GET_ACL,
    SET_ACL,
    READ,
    ADD,
    WRITE,
    DELETE,
    FILTER,
    TAGS_READ,
    TAGS_WRITE,
)
