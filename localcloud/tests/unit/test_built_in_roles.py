"""Azure's built-in roles: a grant names one, a file that repeats one wrongly is refused, and so is an unknown name."""

import copy
from typing import Any

import pytest
from localcloud.authorization.built_in_roles import catalogue
from localcloud.authorization.cosmos_actions import DATA_ACTIONS
from localcloud.authorization.model import AccessModel, principal_id
from localcloud.cosmos.actions import ACTIONS as COSMOS
from localcloud.keyvault import actions as keyvault
from localcloud.servicebus import actions as servicebus
from pydantic import ValidationError

SECRETS_USER: dict[str, Any] = {
    "kind": "builtIn",
    "id": "4633458b-17de-408a-b874-0445c86b69e6",
    "dataActions": [keyvault.GET_SECRET, keyvault.READ_METADATA],
}
_CONTAINERS = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers"


def model(role: str, scope: str, roles: dict[str, Any] | None = None) -> dict[str, Any]:
    """A file in which the workload `app` is granted the role on the scope."""
    return {
        "entities": {
            "keyVault": {"alpha": {}},
            "serviceBus": {"jobs": {}},
            "cosmos": {"items": {"database": "shop", "partitionKey": "/pk"}},
            "blob": {"files": {}},
        },
        "roles": roles or {},
        "workloads": {
            "app": {"namespace": "test", "serviceAccount": "app", "grants": [{"role": role, "scope": scope}]}
        },
    }


def refusal(file: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as refused:
        AccessModel.model_validate(file)
    return str(refused.value)


@pytest.mark.parametrize("name", catalogue())
def test_every_role_of_the_catalogue_has_its_source_and_date(name: str) -> None:
    """A role names Microsoft's page and the page's date; its id is no other role's, and it allows something."""
    known = catalogue()[name]
    assert known.page.startswith("https://learn.microsoft.com/azure/")
    assert known.read.year >= 2024
    assert [other for other, each in catalogue().items() if each.role.id == known.role.id] == [name]
    assert known.role.actions or known.role.dataActions


@pytest.mark.parametrize(
    ("role", "scope", "allowed", "refused"),
    [
        ("Key Vault Secrets User", "keyVault/alpha", keyvault.GET_SECRET, keyvault.SET_SECRET),
        ("Key Vault Reader", "keyVault/alpha", keyvault.READ_METADATA, keyvault.GET_SECRET),
        ("Key Vault Secrets Officer", "keyVault/alpha", keyvault.PURGE, servicebus.SEND),
        ("Azure Service Bus Data Sender", "serviceBus/jobs", servicebus.SEND, servicebus.RECEIVE),
        ("Azure Service Bus Data Owner", "serviceBus/jobs", servicebus.RECEIVE, keyvault.GET_SECRET),
        ("Contributor", "serviceBus/jobs", servicebus.READ_QUEUE, servicebus.SEND),
        ("Cosmos DB Built-in Data Reader", "cosmos/items", COSMOS[2], COSMOS[1]),
    ],
)
def test_a_grant_names_a_built_in_role_without_repeating_it(role: str, scope: str, allowed: str, refused: str) -> None:
    """The file has no role at all, and the grant opens what Azure's role opens."""
    loaded = AccessModel.model_validate(model(role, scope))
    assert loaded.allows(principal_id("app"), allowed, scope)
    assert not loaded.allows(principal_id("app"), refused, scope)


def test_a_role_may_be_repeated_as_azure_has_it() -> None:
    """Templates read the file too and need the repetition: case, order and a missing id make no difference."""
    repeated = copy.deepcopy(SECRETS_USER)
    repeated["dataActions"] = [action.lower() for action in reversed(repeated["dataActions"])]
    del repeated["id"]
    for role in (SECRETS_USER, repeated):
        file = model("Key Vault Secrets User", "keyVault/alpha", {"Key Vault Secrets User": role})
        assert AccessModel.model_validate(file)


# What is changed in the repeated role, and what is said about it.
REPEATED_WRONGLY: dict[str, tuple[dict[str, Any], str]] = {
    "another id": ({"id": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7"}, "its id is 4633458b-17de-408a-b874-0445c86b69e6"),
    "a custom role of the same name": ({"kind": "custom"}, "its kind is builtIn, not custom"),
    "a data action less": (
        {"dataActions": [keyvault.GET_SECRET]},
        f"its dataActions have {keyvault.READ_METADATA} too",
    ),
    "a data action more": (
        {"dataActions": [*SECRETS_USER["dataActions"], keyvault.SET_SECRET]},
        f"its dataActions have no {keyvault.SET_SECRET}",
    ),
    "a wildcard in place of its actions": (
        {"dataActions": ["Microsoft.KeyVault/vaults/secrets/*"]},
        "its dataActions have no Microsoft.KeyVault/vaults/secrets/*",
    ),
    "an action": (
        {"actions": ["Microsoft.KeyVault/vaults/read"]},
        "its actions have no Microsoft.KeyVault/vaults/read",
    ),
    "an exception": ({"notDataActions": [keyvault.GET_SECRET]}, f"its notDataActions have no {keyvault.GET_SECRET}"),
    "a control action": ({"notActions": ["*"]}, "its notActions have no *"),
}


@pytest.mark.parametrize("name", REPEATED_WRONGLY)
def test_a_role_that_is_repeated_wrongly_is_refused(name: str) -> None:
    """The sentence names the role, what Azure's has, and what to do."""
    change, sentence = REPEATED_WRONGLY[name]
    file = model("Key Vault Secrets User", "keyVault/alpha", {"Key Vault Secrets User": SECRETS_USER | change})
    said = refusal(file)
    assert "role Key Vault Secrets User: Azure's built-in role of this name is another" in said
    assert sentence in said
    assert "Take the role out of the file" in said


def test_the_exceptions_of_contributor_belong_to_it() -> None:
    """A Contributor without its notActions could assign roles: such a repetition is refused."""
    role = {"kind": "builtIn", "id": "b24988ac-6180-42a0-ab88-20f7382dd24c", "actions": ["*"]}
    said = refusal(model("Contributor", "blob/*", {"Contributor": role}))
    assert "its notActions have Microsoft.Authorization/*/Delete, Microsoft.Authorization/*/Write" in said


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Secrets User", "the id 4633458b-17de-408a-b874-0445c86b69e6 is that of 'Key Vault Secrets User'"),
        ("key vault secrets user", "Azure calls its role 'Key Vault Secrets User'"),
    ],
)
def test_a_built_in_role_under_another_name_is_refused(name: str, sentence: str) -> None:
    """One role has one name, here and in Azure."""
    assert sentence in refusal(model(name, "keyVault/alpha", {name: SECRETS_USER}))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Key Vault Secret User", "Do you mean 'Key Vault Secrets User'?"),
        ("Storage Blob Data Writer", "Do you mean 'Storage Blob Data "),
        ("Website Contributor", "The catalogue has 30 of Azure's built-in roles: Azure Service Bus Data Owner, "),
    ],
)
def test_an_unknown_name_is_answered_with_what_the_catalogue_has(name: str, hint: str) -> None:
    """The sentence names the workload, the nearest role, all roles of the catalogue, and where others are written."""
    said = refusal(model(name, "keyVault/alpha"))
    assert f"workload app: there is no role '{name}', neither in this file nor in the catalogue." in said
    assert hint in said
    assert "Write any other role under roles" in said


def test_cosmos_enforces_no_action_that_it_does_not_document() -> None:
    """Each action that the local Cosmos DB asks for is one that a role may name."""
    assert set(COSMOS) <= set(DATA_ACTIONS)


@pytest.mark.parametrize(
    ("action", "known"),
    [
        *((action, True) for action in DATA_ACTIONS),
        (f"{_CONTAINERS}/*", True),
        (f"{_CONTAINERS}/items/*", True),
        (f"{_CONTAINERS}/ITEMS/READ", True),
        ("*", False),
        (f"{_CONTAINERS}/items/write", False),
        (f"{_CONTAINERS}/items/r*", False),
        (f"{_CONTAINERS}/read", False),
        ("Microsoft.DocumentDB/databaseAccounts/*", False),
        ("Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write", False),
        ("Microsoft.DocumentDB/databaseAccounts/tables/containers/entities/read", False),
        (keyvault.GET_SECRET, False),
        ("", False),
    ],
)
def test_a_cosmos_role_names_documented_data_actions_alone(action: str, known: bool) -> None:
    """Cosmos DB refuses a role definition with any other action, so the file is refused too."""
    file = model("Mine", "cosmos/items", {"Mine": {"kind": "cosmos", "dataActions": [action]}})
    if known:
        assert AccessModel.model_validate(file)
    else:
        assert f"{action!r} is no data action of Cosmos DB" in refusal(file)
