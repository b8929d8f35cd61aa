"""Azure's built-in roles: a catalogue that comes with the package, so that a grant names a role and no file repeats it.

The roles, their source and its date are in `built_in_roles.yaml`.
"""

import difflib
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

from localcloud import yaml_document
from localcloud.authorization.roles import Role

_FILE = Path(__file__).with_name("built_in_roles.yaml")
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")


class BuiltInRole(NamedTuple):
    """A role definition of Azure's, the page that it was read from, and the date of that page."""

    role: Role
    page: str
    read: date


@cache
def catalogue() -> dict[str, BuiltInRole]:
    """Return every role of the catalogue by its name."""
    return {
        name: BuiltInRole(Role.model_validate(role), page["page"], page["read"])
        for page in yaml_document.parse(_FILE.read_bytes())
        for name, role in page["roles"].items()
    }


def find(name: str) -> Role | None:
    """Return the role with exactly this name, or None."""
    known = catalogue().get(name)
    return known.role if known else None


def unknown(name: str, defined: list[str]) -> str:
    """Return the sentence for a name that neither the file's roles (`defined`) nor the catalogue has."""
    names = sorted(catalogue())
    near = difflib.get_close_matches(name, [*defined, *names], 1)
    hint = f" Do you mean {near[0]!r}?" if near else ""
    return (
        f"there is no role {name!r}, neither in this file nor in the catalogue.{hint} The catalogue has "
        f"{len(names)} of Azure's built-in roles: {', '.join(names)}. Write any other role under roles"
    )


def check_repeated(name: str, role: Role) -> None:
    """Raise `ValueError` if a role of a file has the name or the id of a role of the catalogue and differs from it.

    An id may be left out. Lists are compared without case and order, as Azure compares them.
    """
    known = find(name)
    if known is None:
        for other, built_in in catalogue().items():
            if name.lower() == other.lower() and role.kind != "custom":  # a role of one's own may be called `reader`
                raise ValueError(f"role {name}: Azure calls its role {other!r}. Call it so here too")
            if role.id is not None and built_in.role.id == role.id and built_in.role.kind == role.kind:
                raise ValueError(f"role {name}: the id {role.id} is that of {other!r}. Call the role so")
        return
    differences = list(_differences(known, role))
    if differences:
        page = catalogue()[name].page
        raise ValueError(
            f"role {name}: Azure's built-in role of this name is another: {'; '.join(differences)} ({page}). Take the "
            "role out of the file, since a grant finds it by its name, or write it as Azure has it"
        )


def _differences(known: Role, given: Role) -> list[str]:
    found = []
    if given.kind != known.kind:
        found.append(f"its kind is {known.kind}, not {given.kind}")
    if given.id not in (None, known.id):
        found.append(f"its id is {known.id}, not {given.id}")
    for field in _LISTS:
        theirs = {action.lower(): action for action in getattr(known, field)}
        ours = {action.lower(): action for action in getattr(given, field)}
        if missing := [action for lower, action in theirs.items() if lower not in ours]:
            found.append(f"its {field} have {', '.join(missing)} too")
        if extra := [action for lower, action in ours.items() if lower not in theirs]:
            found.append(f"its {field} have no {', '.join(extra)}")
    return found
