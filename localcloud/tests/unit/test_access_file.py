"""The access file: an edit counts at once, and one that makes no sense is a sentence and changes nothing."""

import copy
import os
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from localcloud.authorization.audit import AccessEntry
from localcloud.authorization.model import AccessFileError, AccessModel, principal_id
from localcloud.authorization.model_file import AccessFile
from localcloud.authorization.roles import Role
from localcloud.cosmos.actions import ACTIONS as COSMOS
from localcloud.entra.federation import Federation, Way
from localcloud.keyvault import actions
from localcloud.operator.advice import Advice
from localcloud.servicebus.actions import READ_QUEUE, SEND
from localcloud.testing.changes import revoked

ROOT = Path(__file__).parents[1]
_times = count(1)


def edit(path: Path, text: str | bytes) -> None:
    """Writes the file with a time of its own, however fast one edit follows the other."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    os.utime(path, (next(_times), 0))


def opened(folder: Path) -> tuple[Path, AccessFile, list[str]]:
    """A copy of the tests' model, and what is reported of it."""
    path, said = folder / "access.yaml", list[str]()
    edit(path, (ROOT / "access.yaml").read_text())
    return path, AccessFile(path, said.append), said


def test_a_grant_taken_away_counts_at_once(tmp_path: Path) -> None:
    """The next question is answered by the file as it is then, and the edit is reported in one line."""
    path, model, said = opened(tmp_path)
    assert model().allows(principal_id("writer"), SEND, "serviceBus/jobs")
    edit(path, path.read_text().replace("role: Sender", "role: Receiver"))
    assert not model().allows(principal_id("writer"), SEND, "serviceBus/jobs")
    assert said == [f"{path} has changed and is in force"]


def test_a_bad_edit_leaves_the_last_good_model(tmp_path: Path) -> None:
    """What can't be read is said once, with what is wrong, and no grant changes."""
    path, model, said = opened(tmp_path)
    edit(path, path.read_text().replace("role: Sender", "role: Sendr", 1))
    assert all(model().allows(principal_id("writer"), SEND, "serviceBus/jobs") for _again in range(2))
    assert len(said) == 1
    assert "there is no role 'Sendr'" in said[0]
    assert said[0].endswith("The last good version stays in force.")


def test_an_edit_under_a_change_counts_and_the_change_stays(tmp_path: Path) -> None:
    """What a test has changed lies over the file: an edit is read below it, and one that it does not fit is refused."""
    path, model, said = opened(tmp_path)
    model.change(revoked("writer", "Sender", None, None))
    assert not model().allows(principal_id("writer"), SEND, "serviceBus/jobs")
    edit(path, path.read_text().replace("    files: {}\n", "    files: {}\n    archive: {}\n"))
    assert not model().allows(principal_id("writer"), SEND, "serviceBus/jobs")
    edit(path, path.read_text().replace("role: Sender", "role: Receiver"))
    assert not model().allows(principal_id("writer"), SEND, "serviceBus/jobs")
    assert said[-1].startswith("writer is not granted Sender")
    assert said[-1].endswith("The last good version stays in force.")
    model.change()
    assert model().allows(principal_id("writer"), SEND, "serviceBus/jobs")


def test_a_new_entity_is_said_to_need_a_restart(tmp_path: Path) -> None:
    """Queues and containers are made at the start, so an edit of them is not passed off as done."""
    path, model, said = opened(tmp_path)
    edit(path, path.read_text().replace("    files: {}\n", "    files: {}\n    archive: {}\n"))
    model()
    assert "needs a restart" in said[-1]


# What stands in the file's third line, after two good ones, and what is said about it.
NOT_YAML: dict[str, tuple[str | bytes, str]] = {
    "no such month": ("unused: {x: 2026-13-01}", "'2026-13-01' is no timestamp"),
    "no such day, as a key": ("unused: {2026-02-30: x}", "'2026-02-30' is no timestamp"),
    "no such hour": ("unused: {x: 2026-01-01 25:00:00}", "is no timestamp"),
    "no such time zone": ("unused: {x: 2026-01-01T00:00:00+99:99}", "is no timestamp"),
    "tagged a timestamp": ("unused: {x: !!timestamp soon}", "'soon' is no timestamp"),
    "tagged an integer": ("unused: {x: !!int ten}", "'ten' is no int"),
    "tagged an integer, empty": ("unused: {x: !!int ''}", "'' is no int"),
    "an integer of 5,000 digits": (f"unused: {{x: {'9' * 5000}}}", "is no int"),
    "tagged a float": ("unused: {x: !!float ten}", "'ten' is no float"),
    "tagged a boolean": ("unused: {x: !!bool maybe}", "'maybe' is no bool"),
    "tagged binary": ("unused: {x: !!binary é}", "base64"),
    "binary cut off": ("unused: {x: !!binary A}", "base64"),
    "a Python object": ("unused: {x: !!python/object/apply:os.system [id]}", "could not determine a constructor"),
    "a tag of its own": ("unused: {x: !secret y}", "could not determine a constructor for the tag '!secret'"),
    "a set that is a list": ("unused: !!set [x]", "expected a mapping node"),
    "a key twice": ("roles: {}", "the key 'roles' stands a second time"),
    "a key twice, in quotes": ("unused: {x: a, 'x': b}", "the key 'x' stands a second time"),
    "a list as a key": ("unused: {[x]: y}", "a key is a list or a map"),
    "a map as a key": ("? {x: y}\n: z", "a key is a list or a map"),
    "an alias of nothing": ("unused: *nothing", "undefined alias 'nothing'"),
    "an anchor twice": ("unused: [&x a, &x b]", "duplicate anchor 'x'"),
    "a list within itself": ("unused: &x [*x]", "*x stands within what it names"),
    "a map within itself": ("unused: &x {y: *x}", "*x stands within what it names"),
    "a map merged with itself": ("unused: &x {<<: *x}", "*x stands within what it names"),
    "a map merged with text": ("unused: {<<: x}", "expected a mapping or list of mappings for merging"),
    "nested too deeply": ("unused: " + "[" * 1000, "nested too deeply"),
    "not closed": ("unused: [x", "expected ',' or ']'"),
    "a tab": ("\tunused: {}", "cannot start any token"),
    "two documents": ("---\nunused: {}", "but found another document"),
    "an escape that is none": ('unused: {x: "\\q"}', "unknown escape character 'q'"),
    "a control character": ("unused: {x: \x1b}", "not text"),
    "no UTF-8": (b"unused: {x: \xff}", "not text"),
    "half a character": (b"unused: {x: \xed\xa0\x80}", "not text"),
}


@pytest.mark.parametrize("name", NOT_YAML)
def test_what_is_not_yaml_is_a_sentence_with_its_line(tmp_path: Path, name: str) -> None:
    """At the start and at an edit, the file, the line and what is wrong are named, and the last good model stays."""
    wrong, sentence = NOT_YAML[name]
    path, model, said = opened(tmp_path)
    before = model()
    edit(path, b"entities: {}\nroles: {}\n" + (wrong if isinstance(wrong, bytes) else wrong.encode()))
    with pytest.raises(AccessFileError) as first:
        AccessModel.load(path)
    assert str(first.value).startswith(f"the access model {path} is not YAML: ")
    assert sentence in str(first.value)
    assert str(first.value).endswith(" in line 3")
    assert "\n" not in str(first.value)
    assert model() is before
    assert said == [f"{first.value}. The last good version stays in force."]


MODEL: dict[str, Any] = {
    "entities": {"keyVault": {"alpha": {}}, "cosmos": {"items": {"database": "shop", "partitionKey": "/pk"}}},
    "roles": {
        "Secrets Reader": {"kind": "custom", "dataActions": ["Microsoft.KeyVault/vaults/secrets/getSecret/action"]},
        "Items Reader": {"kind": "cosmos", "dataActions": ["Microsoft.DocumentDB/databaseAccounts/readMetadata"]},
    },
    "workloads": {
        "reader": {
            "namespace": "test",
            "serviceAccount": "reader",
            "grants": [
                {"role": "Secrets Reader", "scope": "keyVault/alpha"},
                {"role": "Items Reader", "scope": "cosmos/items"},
            ],
        }
    },
}

_GRANT, _ROLE, _COSMOS = ("workloads", "reader", "grants", 0), ("roles", "Secrets Reader"), ("roles", "Items Reader")
# Where something is added to the good model, what, and what is said about it.
NOT_OF_AZURE: dict[str, tuple[tuple[str | int, ...], dict[str, Any], str]] = {
    "a condition": (_GRANT, {"condition": "@Resource[x] StringEquals 'y'"}, "grants[0]: condition is not evaluated"),
    "conditions": (_GRANT, {"conditions": ["x"]}, "grants[0]: conditions is not evaluated"),
    "a condition's version": (_GRANT, {"conditionVersion": "2.0"}, "grants[0]: conditionVersion is not evaluated"),
    "a role's condition": (_ROLE, {"condition": "x"}, "roles.Secrets Reader: condition is not evaluated"),
    "a Cosmos role in a vault": (_GRANT, {"role": "Items Reader"}, "is of the kind cosmos, so it can be granted on"),
    "a Cosmos role on a whole vault": (
        _GRANT,
        {"role": "Items Reader", "scope": "keyVault/*"},
        "cosmos/… alone, and not on 'keyVault/*'",
    ),
    "a Cosmos role's actions": (_COSMOS, {"actions": ["*"]}, "Items Reader: a role of the kind cosmos has dataActions"),
    "a Cosmos role's notActions": (_COSMOS, {"notActions": ["*"]}, "Cosmos DB knows no notActions"),
    "a Cosmos role's notDataActions": (_COSMOS, {"notDataActions": ["*"]}, "Cosmos DB knows no notDataActions"),
    "a field of its own": (
        _ROLE,
        {"allActions": ["*"]},
        "roles.Secrets Reader.allActions: a field that is not known here",
    ),
    "no list": (
        _ROLE,
        {"dataActions": "*"},
        "roles.Secrets Reader.dataActions: Input should be a valid tuple, not '*'",
    ),
}


def written(folder: Path, model: dict[str, Any]) -> Path:
    path = folder / "access.yaml"
    path.write_text(yaml.safe_dump(model))
    return path


@pytest.mark.parametrize("name", NOT_OF_AZURE)
def test_what_azure_has_not_or_is_not_evaluated_is_refused(tmp_path: Path, name: str) -> None:
    """A file that would grant more than it says, or what Azure has no place for, is refused in a sentence."""
    place, added, sentence = NOT_OF_AZURE[name]
    assert AccessModel.load(written(tmp_path, MODEL))
    changed = copy.deepcopy(MODEL)
    part: Any = changed
    for step in place:
        part = part[step]
    part |= added
    with pytest.raises(AccessFileError) as refused:
        AccessModel.load(written(tmp_path, changed))
    assert sentence in str(refused.value)


def test_a_role_of_azures_may_be_granted_on_cosmos_and_opens_nothing_there(tmp_path: Path) -> None:
    """As in Azure: a Contributor manages an account and reads none of its documents."""
    model = copy.deepcopy(MODEL)
    model["roles"]["Everything"] = {"kind": "custom", "actions": ["*"], "dataActions": ["*"]}
    model["workloads"]["reader"]["grants"] = [{"role": "Everything", "scope": "cosmos/*"}]
    loaded = AccessModel.load(written(tmp_path, model))
    held = [action for action in COSMOS if loaded.allows(principal_id("reader"), action, "cosmos/items")]
    assert held == []


@pytest.mark.parametrize(
    ("pattern", "action", "covered"),
    [
        ("*", "Microsoft.KeyVault/vaults/secrets/getSecret/action", True),
        ("microsoft.keyvault/VAULTS/*/action", "Microsoft.KeyVault/vaults/secrets/getSecret/action", True),
        ("*/getSecret/*", "Microsoft.KeyVault/vaults/secrets/getSecret/action", True),
        ("Microsoft.KeyVault/vaults/secrets", "Microsoft.KeyVault/vaults/secrets/getSecret/action", False),
        ("Microsoft?KeyVault/vaults/secrets/delete", "Microsoft.KeyVault/vaults/secrets/delete", False),
        ("Microsoft.KeyVault/vaults/secrets/[a-z]*", "Microsoft.KeyVault/vaults/secrets/delete", False),
        ("MicrosoftxKeyVault/vaults/secrets/delete", "Microsoft.KeyVault/vaults/secrets/delete", False),
        ("Microsoft.KeyVault/vaults/secrets/delete", "Microsoft.KeyVault/vaults/secrets/delete", False),
        ("", "Microsoft.KeyVault/vaults/secrets/delete", False),
    ],
)
def test_a_pattern_has_azures_one_wildcard(pattern: str, action: str, covered: bool) -> None:
    """`*` is any run of characters, letters compare without case, and no other character means anything but itself."""
    assert Role(kind="custom", dataActions=(pattern,)).allows(action) is covered
    assert Role(kind="custom", dataActions=("*",), notDataActions=(pattern,)).allows(action) is not covered


GET, COUNTS, READ = actions.GET_SECRET, READ_QUEUE, COSMOS[0]
ADVICE: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"kind": "builtIn", "actions": ["*"]},
        GET,
        "keyVault/alpha",
        "Given's actions are the control plane's, and this is",
    ),
    (
        {"kind": "custom", "dataActions": ["*"]},
        COUNTS,
        "serviceBus/jobs",
        "Given holds the action among its dataActions",
    ),
    (
        {"kind": "custom", "dataActions": ["*"]},
        READ,
        "cosmos/items",
        "Cosmos DB's data plane knows its own roles alone",
    ),
    ({"kind": "builtIn", "actions": ["*/read"]}, READ, "cosmos/items", "Grant a role of the kind cosmos"),
    ({"kind": "custom", "dataActions": ["*/delete"]}, GET, "keyVault/alpha", f"nothing grants {GET} on keyVault/alpha"),
]


@pytest.mark.parametrize(("role", "action", "scope", "sentence"), ADVICE)
def test_the_advice_names_the_role_that_holds_the_action_on_the_other_plane(
    role: dict[str, Any], action: str, scope: str, sentence: str
) -> None:
    """If the workload has a role that names the action, the advice says why it is not enough, and what to grant."""
    model = copy.deepcopy(MODEL)
    model["entities"]["serviceBus"] = {"jobs": {}}
    model["roles"]["Given"] = role
    model["workloads"]["reader"]["grants"] = [{"role": "Given", "scope": scope}]
    denied = AccessEntry(principal_id("reader"), "reader", None, None, action, scope, allowed=False, reason="no grant")
    current = AccessModel.model_validate(model)
    federation = Federation(lambda: current, Way.CREDENTIALS, "https://issuer/", ())
    said = Advice(lambda: current, Path("access.yaml"), federation).on_access(denied)
    assert sentence in str(said)


@pytest.mark.parametrize(
    ("secrets", "sentence"),
    [
        (["ALPHA", "alpha"], "'ALPHA' and 'alpha' are one secret: Key Vault compares names without case"),
        (["under_score"], "'under_score' is no name of a Key Vault secret"),
        (["x" * 128], "1 to 127 letters, digits and hyphens"),
        ([""], "is no name of a Key Vault secret"),
    ],
)
def test_a_secret_has_a_name_that_key_vault_takes(tmp_path: Path, secrets: list[str], sentence: str) -> None:
    """What the vault would refuse, or take for one secret, is refused when the file is read."""
    model = {"entities": {"keyVault": {name: {} for name in secrets}}, "workloads": {}}
    with pytest.raises(AccessFileError) as refused:
        AccessModel.load(written(tmp_path, model))
    assert sentence in str(refused.value)


def test_a_grant_on_a_secret_counts_in_any_letters(tmp_path: Path) -> None:
    """Key Vault's names compare without case, so that the role on `alpha` is the role on `ALPHA`, and on no other."""
    loaded = AccessModel.load(written(tmp_path, MODEL))
    held = [
        loaded.allows(principal_id("reader"), GET, f"keyVault/{name}") for name in ("ALPHA", "Alpha", "alphas", "*")
    ]
    assert held == [True, True, False, False]
