"""Least privilege: what was granted is compared with what was done, and the smallest roles are exactly that."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from localcloud.authorization.least_privilege import Report, report
from localcloud.authorization.model import AccessModel, principal_id
from localcloud.authorization.smallest_model import smallest
from localcloud.authorization.usage import usage_of
from localcloud.blob import actions as blob
from localcloud.cosmos import actions as cosmos
from localcloud.keyvault import actions as keyvault
from localcloud.operator.bicep import bicep
from localcloud.operator.least_privilege import access_yaml, actions_on
from localcloud.operator.terraform import terraform
from localcloud.servicebus import actions as servicebus

ITEMS = {"kind": "cosmos", "dataActions": [cosmos.READ_METADATA, cosmos.READ, cosmos.EXECUTE_QUERY]}
MODEL: dict[str, Any] = {
    "entities": {
        "keyVault": {"alpha": {}, "beta": {}},
        "serviceBus": {"jobs": {}},
        "cosmos": {"items": {"database": "shop", "partitionKey": "/pk"}},
        "blob": {"files": {}},
    },
    "roles": {
        "Everything": {"kind": "custom", "actions": ["*"], "dataActions": ["*"]},
        "Items Reader": ITEMS,
        "Getter": {"kind": "custom", "dataActions": [keyvault.GET_SECRET]},
        "Files Adder": {"kind": "custom", "dataActions": [blob.ADD, blob.READ]},
        "Queue Reader": {"kind": "custom", "actions": [str(servicebus.READ_QUEUE)]},
    },
    "workloads": {},
    "unused": {"Microsoft.ServiceBus/*/read": "It comes with the role."},
}
Entry = tuple[str, str]  # an action and its scope


def model(*grants: tuple[str, str]) -> AccessModel:
    """A model in which `app` has these roles on these scopes, and `other` has nothing."""
    app = {"namespace": "test", "serviceAccount": "app", "grants": [{"role": r, "scope": s} for r, s in grants]}
    other = {"namespace": "test", "serviceAccount": "other"}
    return AccessModel.model_validate(MODEL | {"workloads": {"app": app, "other": other}})


def line(action: str, scope: str, workload: str | None = "app", reason: str | None = None) -> dict[str, Any]:
    """An entry of the trail."""
    return {
        "kind": "access",
        "workload": workload,
        "action": str(action),
        "scope": scope,
        "allowed": reason is None,
        "reason": reason,
    }


def compared(loaded: AccessModel, *done: Entry) -> Report:
    return report(loaded, usage_of(line(*each) for each in done), actions_on)


GET, META = keyvault.GET_SECRET, keyvault.READ_METADATA
USER_ON_ALPHA = ("Key Vault Secrets User", "keyVault/alpha")
# The grant, what was done, and what of the grant is left over.
LEFT_OVER: dict[str, tuple[tuple[str, str], list[Entry], list[str]]] = {
    "all of it is used": (
        USER_ON_ALPHA,
        [(GET, "keyVault/alpha"), (META, "keyVault/alpha")],
        [],
    ),
    "one action is not": (USER_ON_ALPHA, [(GET, "keyVault/alpha")], [META]),
    "none of it is": (USER_ON_ALPHA, [], [GET, META]),
    "it is used on another secret": (
        USER_ON_ALPHA,
        [(GET, "keyVault/beta")],
        [GET, META],
    ),
    "the scope is larger": (
        ("Getter", "keyVault/*"),
        [(GET, "keyVault/alpha")],
        ["the scope: of keyVault/* it used keyVault/alpha alone"],
    ),
    "the whole scope is used": (
        ("Key Vault Reader", "keyVault/*"),
        [(META, "keyVault/*")],
        ["Microsoft.KeyVault/vaults/*/read"],
    ),
    "the account's metadata count for its container": (
        ("Items Reader", "cosmos/items"),
        [(cosmos.READ_METADATA, "cosmos"), (cosmos.READ, "cosmos/items"), (cosmos.EXECUTE_QUERY, "cosmos/items")],
        [],
    ),
    "a role of Azure's on Cosmos": (
        ("Queue Reader", "cosmos/items"),
        [(cosmos.READ, "cosmos/items")],
        [str(servicebus.READ_QUEUE)],
    ),
    "an open pattern holds more than is known": (
        ("Azure Service Bus Data Owner", "serviceBus/jobs"),
        [(servicebus.SEND, "serviceBus/jobs"), (servicebus.RECEIVE, "serviceBus/jobs")],
        ["Microsoft.ServiceBus/*"],
    ),
}


@pytest.mark.parametrize("name", LEFT_OVER)
def test_what_is_left_over_of_a_grant(name: str) -> None:
    """The actions that it holds and nothing used, each by its name or its pattern."""
    grant, done, left = LEFT_OVER[name]
    (use,) = compared(model(grant), *done).grants
    expected = [each for each in left if each in use.excess]
    assert expected == left
    if name != "the whole scope is used":
        assert list(use.excess) == left


def test_no_role_of_azures_counts_as_used_on_cosmos() -> None:
    """What another grant has opened is not credited to a role that opens nothing there, however much it holds."""
    found = compared(
        model(("Everything", "cosmos/items"), ("Items Reader", "cosmos/items")), (cosmos.READ, "cosmos/items")
    )
    everything, reader = found.grants
    assert (everything.used, reader.used) == ((), (cosmos.READ,))


def test_an_unused_action_with_a_reason_stays() -> None:
    """What the model names under `unused` is no excess as long as the grant is used at all, and is shown with its
    reason."""
    grant = ("Azure Service Bus Data Sender", "serviceBus/jobs")
    (used,) = compared(model(grant), (servicebus.SEND, "serviceBus/jobs")).grants
    assert used.excess == ()
    assert set(used.kept.values()) == {"It comes with the role."}
    assert str(servicebus.READ_QUEUE) in used.kept
    (unused,) = compared(model(grant)).grants
    assert unused.kept == {}
    assert len(unused.excess) == 4


# What was done on a scope, the smallest built-in role, and what that brings besides.
SMALLEST: dict[str, tuple[str, list[str], str | None, tuple[str, ...]]] = {
    "get": ("keyVault/alpha", [GET], "Key Vault Secrets User", (META,)),
    "metadata": ("keyVault/alpha", [META], "Key Vault Reader", ()),
    "get and metadata": ("keyVault/alpha", [GET, META], "Key Vault Secrets User", ()),
    "set": ("keyVault/alpha", [keyvault.SET_SECRET], "Key Vault Secrets Officer", (GET,)),
    "send": ("serviceBus/jobs", [servicebus.SEND], "Azure Service Bus Data Sender", (str(servicebus.READ_QUEUE),)),
    "send and receive": (
        "serviceBus/jobs",
        [servicebus.SEND, servicebus.RECEIVE],
        "Azure Service Bus Data Owner",
        ("Microsoft.ServiceBus/*",),
    ),
    "counts": ("serviceBus/jobs", [servicebus.READ_QUEUE], "Reader", ("*/read",)),
    "read blobs": ("blob/files", [blob.READ], "Storage Blob Data Reader", (str(blob.CONTAINER_READ),)),
    "add blobs": ("blob/files", [blob.ADD], "Storage Blob Data Contributor", (blob.WRITE, blob.DELETE)),
    "tags": ("blob/files", [blob.TAGS_READ], "Storage Blob Data Owner", (blob.DELETE,)),
    "read items": (
        "cosmos/items",
        [cosmos.READ_METADATA, cosmos.READ, cosmos.EXECUTE_QUERY],
        "Cosmos DB Built-in Data Reader",
        (cosmos.READ_CHANGE_FEED,),
    ),
    "create items": ("cosmos/items", [cosmos.CREATE], "Cosmos DB Built-in Data Contributor", (cosmos.DELETE,)),
    "the service's properties": ("blob/*", [blob.SERVICE_READ], "Reader", ("*/read",)),
    "a secret and a message": (
        "keyVault/alpha",
        [keyvault.PURGE, keyvault.RESTORE],
        "Key Vault Secrets Officer",
        (GET,),
    ),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_built_in_role_covers_what_was_used(name: str) -> None:
    """It is the one that brings the least besides, and what it brings is named."""
    scope, actions, role, besides = SMALLEST[name]
    service = scope.split("/")[0]
    loaded = model(("Items Reader" if service == "cosmos" else "Everything", f"{service}/*"))
    (use,) = compared(loaded, *((action, scope) for action in actions)).scopes
    assert use.built_in is not None
    assert use.built_in.name == role
    assert set(besides) <= set(use.built_in.besides)
    assert [*use.custom.actions, *use.custom.dataActions] == sorted(
        map(str, actions), key=[str(each) for each in actions_on(scope)].index
    )


def test_a_custom_role_has_each_action_on_its_plane() -> None:
    """What Azure checks among the actions stands there, and data actions among the others."""
    loaded = model(("Everything", "serviceBus/jobs"))
    (use,) = compared(loaded, (servicebus.READ_QUEUE, "serviceBus/jobs"), (servicebus.SEND, "serviceBus/jobs")).scopes
    assert (use.custom.actions, use.custom.dataActions) == ((str(servicebus.READ_QUEUE),), (servicebus.SEND,))


def test_denials_are_counted_and_are_no_use() -> None:
    """Each action, scope and reason with its number; strangers and refused tokens count for no workload."""
    lines = [
        line(keyvault.SET_SECRET, "keyVault/alpha", reason="no grant"),
        line(keyvault.SET_SECRET, "keyVault/alpha", reason="no grant"),
        line(GET, "keyVault/alpha", workload=None),
        {"kind": "exchange", "workload": "app", "result": "AADSTS700213"},
    ]
    found = report(model(("Getter", "keyVault/alpha")), usage_of(lines), actions_on)
    ((workload, what, number),) = found.denied
    assert (workload, what.action, what.scope, what.reason, number) == (
        "app",
        keyvault.SET_SECRET,
        "keyVault/alpha",
        "no grant",
        2,
    )
    assert found.scopes == ()
    assert found.to_take_away == found.grants


GRANTS = (
    ("Everything", "keyVault/*"),
    ("Azure Service Bus Data Sender", "serviceBus/jobs"),
    ("Azure Service Bus Data Receiver", "serviceBus/jobs"),
    ("Cosmos DB Built-in Data Contributor", "cosmos/items"),
    ("Storage Blob Data Owner", "blob/*"),
)
DONE: tuple[Entry, ...] = (
    (GET, "keyVault/alpha"),
    (META, "keyVault/beta"),
    (servicebus.SEND, "serviceBus/jobs"),
    (cosmos.READ_METADATA, "cosmos"),
    (cosmos.READ, "cosmos/items"),
    (cosmos.CREATE, "cosmos/items"),
    (blob.ADD, "blob/files"),
    (blob.READ, "blob/files"),
)


def test_the_smallest_model_allows_what_was_done_and_nothing_else() -> None:
    """Of all actions on all scopes exactly those; compared with the same trail nothing is left over."""
    loaded = model(*GRANTS)
    made = smallest(loaded, compared(loaded, *DONE))
    whole = (f"{service}/*" for service in ("keyVault", "serviceBus", "cosmos", "blob"))
    allowed = {
        (str(action), scope)
        for scope in (*loaded.entities.scopes(), *whole)
        for action in actions_on(scope)
        if made.allows(principal_id("app"), action, scope)
    }
    reasoned = {(str(servicebus.READ_QUEUE), "serviceBus/jobs")}  # the model says why it stays
    assert allowed - reasoned == {(str(a), "cosmos/items" if s == "cosmos" else s) for a, s in DONE}
    again = compared(made, *DONE)
    assert again.to_take_away == ()


def test_what_was_done_with_one_entity_is_not_granted_on_all() -> None:
    """The whole is granted what was done with the whole, and an entity what was done with it besides."""
    loaded = model(("Everything", "keyVault/*"))
    done = [(META, "keyVault/*"), (META, "keyVault/alpha"), (GET, "keyVault/alpha"), (META, "keyVault/beta")]
    made = smallest(loaded, compared(loaded, *done))
    granted = {(grant.scope, made.role(grant.role).dataActions) for grant in made.workloads["app"].grants}
    assert granted == {("keyVault/*", (META,)), ("keyVault/alpha", (GET,))}


def test_a_smallest_model_names_a_role_that_fits_already() -> None:
    """A role of the file, or a built-in one that brings nothing besides, is granted rather than made anew."""
    loaded = model(("Everything", "keyVault/*"), ("Storage Blob Data Owner", "blob/files"))
    done = [
        (GET, "keyVault/alpha"),
        (GET, "keyVault/beta"),
        (META, "keyVault/beta"),
        (blob.ADD, "blob/files"),
        (blob.READ, "blob/files"),
    ]
    made = smallest(loaded, compared(loaded, *done))
    assert [(grant.role, grant.scope) for grant in made.workloads["app"].grants] == [
        ("Getter", "keyVault/alpha"),
        ("Key Vault Secrets User", "keyVault/beta"),
        ("Files Adder", "blob/files"),
    ]


def test_a_model_that_fits_stays_as_it_is() -> None:
    """Nothing to take away: the grants and the roles are those of the file."""
    loaded = model(("Getter", "keyVault/alpha"), ("Items Reader", "cosmos/items"))
    done = [(GET, "keyVault/alpha"), *((action, "cosmos/items") for action in ITEMS["dataActions"])]
    made = smallest(loaded, compared(loaded, *done))
    assert made.workloads == loaded.workloads
    assert made.roles.keys() == {"Getter", "Items Reader"}


def test_as_access_yaml_is_a_model_that_is_taken(tmp_path: Path) -> None:
    """The file loads, and says the same."""
    loaded = model(*GRANTS)
    made = smallest(loaded, compared(loaded, *DONE))
    path = tmp_path / "access.yaml"
    path.write_text(access_yaml(made))
    assert AccessModel.load(path) == made


def small() -> AccessModel:
    loaded = model(*GRANTS, ("Key Vault Secrets User", "keyVault/*"))
    return smallest(loaded, compared(loaded, *DONE, (META, "keyVault/*"), (GET, "keyVault/*")))


TOPICS: dict[str, Any] = {"jobs": {}, "topics": {"events": {"subscriptions": {"audit": {}}}}}


def on_topics() -> AccessModel:
    app = {
        "namespace": "test",
        "serviceAccount": "app",
        "grants": [
            {"role": "Azure Service Bus Data Sender", "scope": "serviceBus/topics/events"},
            {"role": "Azure Service Bus Data Receiver", "scope": "serviceBus/topics/events/subscriptions/audit"},
        ],
    }
    return AccessModel.model_validate(MODEL | {"entities": {"serviceBus": TOPICS}, "workloads": {"app": app}})


@pytest.mark.parametrize("make", [small, on_topics], ids=["all services", "topics"])
def test_as_bicep_compiles(tmp_path: Path, make: Callable[[], AccessModel]) -> None:
    """The Bicep compiler takes it without a warning; every grant is an assignment."""
    compiler = shutil.which("bicep")
    text = bicep(make())
    grants = make().workloads["app"].grants
    assert text.count("Assignments@") == len(grants)
    if compiler is None:
        pytest.skip("bicep is not on PATH")
    (tmp_path / "access.bicep").write_text(text)
    ran = subprocess.run([compiler, "build", "--stdout", "access.bicep"], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    built = json.loads(ran.stdout)["resources"]
    kinds = [each["type"].rpartition("/")[2] for each in (built.values() if isinstance(built, dict) else built)]
    assert sum(kind in ("roleAssignments", "sqlRoleAssignments") for kind in kinds) == len(grants)


def test_topics_and_subscriptions_keep_their_place(tmp_path: Path) -> None:
    """The smallest model has them where the file has them, and both languages assign on them."""
    done = [
        (servicebus.SEND, "serviceBus/topics/events"),
        (servicebus.RECEIVE, "serviceBus/topics/events/subscriptions/audit"),
    ]
    made = smallest(on_topics(), compared(on_topics(), *done))
    path = tmp_path / "access.yaml"
    path.write_text(access_yaml(made))
    assert AccessModel.load(path) == made
    assert made.entities == on_topics().entities
    assert "'Microsoft.ServiceBus/namespaces/topics@" in bicep(made)
    assert "'${serviceBusName}/events/audit'" in bicep(made)
    assert '"${var.servicebus_namespace_id}/topics/events/subscriptions/audit"' in terraform(made)


def test_bicep_writes_cosmos_roles_one_after_the_other() -> None:
    """Each of these writes locks the account, so that each but the first waits for another."""
    loaded = model(("Items Reader", "cosmos/items"), ("Cosmos DB Built-in Data Reader", "cosmos/items"))
    text = bicep(loaded)
    names = re.findall(r"^resource (\w+) 'Microsoft.DocumentDB/databaseAccounts/sqlRole", text, re.MULTILINE)
    assert len(names) == 3
    assert f"roleDefinitionId: {names[0]}.id" in text
    assert f"dependsOn: [{names[1]}]" in text


def test_as_terraform_is_formatted_hcl() -> None:
    """Terraform reads it and would change nothing of its form; every grant is an assignment."""
    text = terraform(small())
    assert text.count('_role_assignment" "') == len(small().workloads["app"].grants)
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not on PATH")
    ran = subprocess.run(["terraform", "fmt", "-"], input=text, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, text), ran.stderr


@pytest.mark.parametrize("write", [bicep, terraform], ids=["bicep", "terraform"])
def test_each_form_names_what_it_grants(write: Any) -> None:
    """The built-in role's id, the custom role's actions, the container's path and the workload stand in it."""
    text = write(small())
    assert "4633458b-17de-408a-b874-0445c86b69e6" in text
    assert cosmos.CREATE in text
    assert "/dbs/shop/colls/items" in text
    assert "principals" in text
    assert blob.DELETE not in text


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("localcloud")), "least-privilege", "--state", "state", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder with a trail, and the model beside it."""
    (tmp_path / "state").mkdir()
    trail = [line(*each) for each in DONE] + [line(keyvault.SET_SECRET, "keyVault/alpha", reason="no grant")]
    (tmp_path / "state" / "audit.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in trail))
    (tmp_path / "access.yaml").write_text(access_yaml(model(*GRANTS)))
    return tmp_path


def test_the_command_prints_a_table(folder: Path) -> None:
    """What was never used, what was used with both smallest roles, what was denied, and the sum."""
    ran = run(folder)
    assert ran.returncode == 0, ran.stderr
    for said in (
        "the whole grant",
        "the scope: of blob/* it used blob/files alone",
        "Cosmos DB Built-in Data Contributor",
        "Denied",
        "secrets/setSecret/action",
        "To take away: 4 of 5 grants hold more than was used.",
    ):
        assert said in ran.stdout


def test_the_command_prints_each_other_form(folder: Path) -> None:
    """`--as` writes nothing but the form, so that it can be put in a file; the new model is minimal."""
    made = run(folder, "--as", "access.yaml").stdout
    (folder / "access.yaml").write_text(made)
    assert "Nothing to take away." in run(folder).stdout
    assert run(folder, "--as", "bicep").stdout.startswith("// Written by")
    assert run(folder, "--as", "terraform").stdout.startswith("# Written by")


def test_without_a_trail_the_command_says_so(tmp_path: Path) -> None:
    """There is nothing to compare before a cloud has run."""
    ran = run(tmp_path)
    assert ran.returncode == 1
    assert "there is no trail at state/audit.jsonl" in ran.stderr
