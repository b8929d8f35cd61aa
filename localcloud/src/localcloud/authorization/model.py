"""Reads the access model, and says whether a principal may do an action on a scope.

A scope is `service/entity`, for example `keyVault/api-key` or `serviceBus/jobs`. `service/*` is the whole vault,
namespace or account. A grant on it covers every entity in it; what belongs to no entity, such as listing all secrets,
needs one. A principal is the object id of a workload's identity. Actions have Azure's own names.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from localcloud import yaml_document
from localcloud.authorization import built_in_roles
from localcloud.authorization.messaging import (
    DeclaredQueue,
    DeclaredTopic,
    EntityPath,
    require_forwarding_makes_sense,
    without_topics,
)
from localcloud.authorization.roles import Role
from localcloud.authorization.workload import Grant, Workload
from localcloud.validation import faults_of
from localcloud.yaml_document import YamlError

Service = Literal["keyVault", "serviceBus", "cosmos", "blob"]

_SECRET_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
_IDENTITIES = uuid.UUID("6b657966-6c65-7373-8000-000000000000")  # the name space of this cloud's made-up ids


class AccessFileError(Exception):
    """The access model can't be read; the message names the file and, in one line, all that is wrong with it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Part):
    """A Key Vault secret; infrastructure hands its value over, the model only names it."""


# https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-container-limits
CosmosName = Annotated[str, Field(pattern=r"^[^/\\?#]*[^/\\?# ]$", max_length=255)]
# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
BlobContainerName = Annotated[str, Field(pattern=r"^[a-z0-9](-?[a-z0-9])*$", min_length=3, max_length=63)]
PartitionKeyPath = Annotated[str, Field(pattern=r"^(/[A-Za-z_][A-Za-z0-9_]*)+$")]


class CosmosContainer(_Part):
    """A Cosmos container: the database it is in and the path of its partition key, such as `/customerId`.

    A hierarchical partition key is a list of up to three paths.
    """

    database: CosmosName
    partitionKey: PartitionKeyPath | Annotated[tuple[PartitionKeyPath, ...], Field(min_length=1, max_length=3)]
    defaultTtl: int | None = None

    @property
    def partitionKeyPaths(self) -> tuple[str, ...]:
        return (self.partitionKey,) if isinstance(self.partitionKey, str) else self.partitionKey


class BlobContainer(_Part):
    """A container of the storage account."""


class Entities(_Part):
    keyVault: dict[str, Secret] = {}
    serviceBus: Annotated[dict[EntityPath, DeclaredQueue], BeforeValidator(without_topics)] = {}
    topics: dict[EntityPath, DeclaredTopic] = Field({}, validation_alias=AliasPath("serviceBus", "topics"))
    cosmos: dict[CosmosName, CosmosContainer] = {}
    blob: dict[BlobContainerName, BlobContainer] = {}

    @model_validator(mode="after")
    def _secrets_have_names_of_their_own(self) -> "Entities":
        spellings: dict[str, str] = {}
        for name in self.keyVault:
            if not _SECRET_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} is no name of a Key Vault secret: it has 1 to 127 letters, digits and hyphens"
                )
            other = spellings.setdefault(name.lower(), name)
            if other != name:
                raise ValueError(f"{other!r} and {name!r} are one secret: Key Vault compares names without case")
        return self

    def scopes(self) -> list[str]:
        """Return every entity's scope, in the order of the file."""
        scopes = [f"{service}/{entity}" for service in get_args(Service) for entity in getattr(self, service)]
        return scopes + [f"serviceBus/{each}" for name, topic in self.topics.items() for each in topic.scopes(name)]

    @model_validator(mode="after")
    def _forwarding_makes_sense(self) -> "Entities":
        require_forwarding_makes_sense(self.serviceBus, self.topics)
        return self


class AccessModel(_Part):
    """The whole file, checked: a grant names a role and an entity that exist, and the role can be granted there.

    `roles` are those that the file defines. A grant may also name one of Azure's built-in roles: see `role`.
    """

    entities: Entities
    roles: dict[str, Role] = {}
    workloads: dict[str, Workload]
    unused: dict[str, str] = {}

    @model_validator(mode="after")
    def _roles_are_as_azure_has_them(self) -> "AccessModel":
        for name, role in self.roles.items():
            built_in_roles.check_repeated(name, role)
        return self

    @model_validator(mode="after")
    def _grants_make_sense(self) -> "AccessModel":
        scopes = {*self.entities.scopes(), *(f"{service}/*" for service in get_args(Service))}
        for name, workload in self.workloads.items():
            for grant in workload.grants:
                role = self._find(grant.role)
                if role is None:
                    raise ValueError(f"workload {name}: {built_in_roles.unknown(grant.role, list(self.roles))}")
                if grant.scope not in scopes:
                    raise ValueError(f"workload {name}: there is no entity {grant.scope!r}")
                if role.kind == "cosmos" and not _is_of_cosmos(grant.scope):
                    raise ValueError(
                        f"workload {name}: the role {grant.role!r} is of the kind cosmos, so it can be granted on "
                        f"cosmos/… alone, and not on {grant.scope!r}"
                    )
        return self

    @classmethod
    def load(cls, path: Path) -> "AccessModel":
        """Read the file; raise `AccessFileError`."""
        try:
            return cls.model_validate(yaml_document.parse(path.read_bytes()))
        except OSError as error:
            raise AccessFileError(f"the access model {path} can't be read: {error.strerror}") from error
        except YamlError as error:
            raise AccessFileError(f"the access model {path} is not YAML: {error}") from error
        except ValidationError as error:
            raise AccessFileError(f"the access model {path} is wrong: {'; '.join(faults_of(error))}") from error

    def allows(self, principal: str, action: str, scope: str) -> bool:
        """Whether the principal holds `action` on `scope` (`service/entity`), or, if `scope` is a service's name
        alone, on any entity of it: reading an account's metadata needs a grant somewhere in it.

        Cosmos DB knows its own roles alone, so that no role of Azure's opens it.
        """
        return any(
            role.allows(action) and (role.kind == "cosmos" or not _is_of_cosmos(scope))
            for role in self.roles_on(principal, scope).values()
        )

    def roles_on(self, principal: str, scope: str) -> dict[str, Role]:
        """Return the roles, by name, that the principal is granted on `scope`, as `allows` understands it."""
        workload = self.workload_of(principal)
        grants = self.workloads[workload].grants if workload else ()
        return {grant.role: self.role(grant.role) for grant in grants if covers(grant.scope, scope)}

    def role(self, name: str) -> Role:
        """Return the role of this name, the file's own or one of Azure's; raise `KeyError` if there is none."""
        role = self._find(name)
        if role is None:
            raise KeyError(name)
        return role

    def changed(self, grants: Mapping[str, Sequence[Grant]], roles: Mapping[str, Role]) -> "AccessModel":
        """Return this model with other grants, by workload, and other roles; raise `ValueError` if they are wrong."""
        workloads = {
            name: workload.model_copy(update={"grants": tuple(grants.get(name, workload.grants))})
            for name, workload in self.workloads.items()
        }
        content = {"entities": self.entities, "roles": dict(roles), "workloads": workloads, "unused": self.unused}
        return AccessModel.model_validate(content)

    def _find(self, name: str) -> Role | None:
        return self.roles.get(name) or built_in_roles.find(name)

    def workload_of(self, principal: str) -> str | None:
        """Return the name of the workload whose identity has this object id, or None."""
        return self._workloads_by_principal.get(principal)

    @cached_property
    def _workloads_by_principal(self) -> dict[str, str]:
        return {principal_id(name): name for name in self.workloads}


def client_id(workload: str) -> str:
    """Return the client (application) id of a workload's identity. It is made from the name, so it never changes."""
    return str(uuid.uuid5(_IDENTITIES, f"client:{workload}"))


def principal_id(workload: str) -> str:
    """Return the object id of a workload's identity: roles are assigned to it, and it is a token's `oid`."""
    return str(uuid.uuid5(_IDENTITIES, f"principal:{workload}"))


TENANT_ID = str(uuid.uuid5(_IDENTITIES, "tenant"))


def covers(granted: str, scope: str) -> bool:
    """Whether a grant on `granted` counts on `scope`, as `AccessModel.allows` understands it."""
    service, _, entity = granted.partition("/")
    if granted.startswith("serviceBus/topics/") and scope.startswith(f"{granted}/subscriptions/"):
        return True
    if service == "keyVault" and granted.lower() == scope.lower():  # Key Vault compares names without case
        return True
    return granted == scope or scope == service or (entity == "*" and scope.startswith(f"{service}/"))


def _is_of_cosmos(scope: str) -> bool:
    return scope.partition("/")[0] == "cosmos"
