"""What of an access model becomes infrastructure: the roles to define, and the assignments with their scopes."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from localcloud.authorization.model import AccessModel
from localcloud.authorization.roles import Role

WHOLE = "*"


class Assignment(NamedTuple):
    """A grant, taken apart. `entity` is `*` for a whole account; `database` is that of a Cosmos container."""

    workload: str
    role_name: str
    role: Role
    service: str
    entity: str
    database: str

    @property
    def scope(self) -> str:
        return f"{self.service}/{self.entity}"

    @property
    def symbol(self) -> str:
        """A name for it that Bicep and Terraform take."""
        return symbol("grant", f"{self.workload} {self.role_name} {self.scope}")

    @property
    def container_path(self) -> str:
        """The scope within a Cosmos account, empty for the whole."""
        return "" if self.entity == WHOLE else f"/dbs/{self.database}/colls/{self.entity}"


def assignments(model: AccessModel) -> Iterator[Assignment]:
    """Yield every grant of the model, in the order of the file."""
    for name, workload in model.workloads.items():
        for grant in workload.grants:
            service, entity = grant.scope.split("/", 1)
            container = model.entities.cosmos.get(entity) if service == "cosmos" else None
            database = container.database if container else ""
            yield Assignment(name, grant.role, model.role(grant.role), service, entity, database)


def roles_to_define(model: AccessModel) -> list[tuple[str, Role]]:
    """Return the granted roles that Azure does not have: those without an id."""
    named = {grant.role_name for grant in assignments(model)}
    return [
        (name, role)
        for name, role in model.roles.items()
        if name in named and role.kind != "builtIn" and role.id is None
    ]


def symbol(kind: str, name: str) -> str:
    """Return an identifier for a thing of this kind."""
    return f"{kind}_{re.sub(r'[^A-Za-z0-9]+', '_', name).strip('_')}"
