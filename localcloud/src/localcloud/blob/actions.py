"""The actions on containers and blobs that are enforced: those on blobs are data actions, all others are not.

https://learn.microsoft.com/azure/role-based-access-control/permissions/storage#microsoftstorage
"""

from localcloud.authorization.roles import ControlAction

_SERVICE = "Microsoft.Storage/storageAccounts/blobServices"
_CONTAINERS = f"{_SERVICE}/containers"
_BLOBS = f"{_CONTAINERS}/blobs"

SERVICE_READ = ControlAction(f"{_SERVICE}/read")
SERVICE_WRITE = ControlAction(f"{_SERVICE}/write")
GET_INFO = ControlAction(f"{_SERVICE}/getInfo/action")
GENERATE_USER_DELEGATION_KEY = ControlAction(f"{_SERVICE}/generateUserDelegationKey/action")

CONTAINER_READ = ControlAction(f"{_CONTAINERS}/read")
CONTAINER_WRITE = ControlAction(f"{_CONTAINERS}/write")
CONTAINER_DELETE = ControlAction(f"{_CONTAINERS}/delete")
GET_ACL = ControlAction(f"{_CONTAINERS}/getAcl/action")
SET_ACL = ControlAction(f"{_CONTAINERS}/setAcl/action")

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
