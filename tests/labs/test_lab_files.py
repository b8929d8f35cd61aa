"""The files of the labs: small, complete, true to the checkout. How each goes, `make lab NAME=all` shows."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.lab.beside import beside
from demo.lab.lab import LABS, Change, LabFileError, load, names, read
from demo.lab.observation import Observation
from demo.stack import ROOT

MODEL: dict[str, Any] = yaml.safe_load((ROOT / "infra/access.yaml").read_text())


@pytest.mark.parametrize("name", names())
def test_a_lab_is_a_small_file_that_names_what_mends_it(name: str) -> None:
    """It has at most 30 lines, its change fits the access model, and the line that mends it stands in the checkout."""
    lab = load(name)
    (path,) = LABS.glob(f"*-{name}.yaml")
    assert len(path.read_text().splitlines()) <= 30
    assert lab.change != Change()
    assert not lab.change.of_access or lab.change.applied(MODEL) != lab.change.before(MODEL)
    assert lab.fix.write in (ROOT / lab.fix.file).read_text()
    assert lab.shows.keys() >= (
        {"terminal", "page"} if lab.workload == "keda-operator" else {"terminal", "/readyz", "page"}
    )


def test_every_service_has_a_lab_that_takes_its_role_away() -> None:
    """All four of them, and for Service Bus sending and receiving apart."""
    taken = {(grant.scope.partition("/")[0], grant.role) for name in names() for grant in load(name).change.take}
    assert {service for service, _role in taken} == {"keyVault", "serviceBus", "cosmos", "blob"}
    assert {role.rpartition(" ")[2] for service, role in taken if service == "serviceBus"} == {"Sender", "Receiver"}


def test_the_list_names_every_lab() -> None:
    """`make lab` without a name prints each lab's name and title, and starts nothing."""
    listed = subprocess.run([sys.executable, "-m", "demo.lab"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [load(name).title for name in names() if f"  {name} " not in listed.stdout] == []


WRONG = {
    "no lab": ("- 1", "no lab"),
    "no YAML": ("title: a: b", "line 1"),
    "a field misspelt": ("titel: x", "titel"),
    "a place that there is not": ("shows: {log: x}", "shows.log"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_named(tmp_path: Path, name: str) -> None:
    """Who writes a lab is told the file and the field."""
    text, word = WRONG[name]
    path = tmp_path / "01-mine.yaml"
    path.write_text(text)
    with pytest.raises(LabFileError, match=str(path)) as refused:
        read(path)
    assert word in str(refused.value)


def test_an_unknown_lab_is_said() -> None:
    """With the command that lists those there are."""
    with pytest.raises(LabFileError, match="there is no lab nonsense"):
        load("nonsense")


def test_what_was_not_as_predicted_is_said() -> None:
    """A text that never came, another cause that the doctor named, and a second one beside the right one."""
    lab = load("issuer-without-slash")
    right = {"workload": "backend", "name": "issuer"}
    seen = dict.fromkeys(lab.shows, ("AADSTS700211", 1.0))
    assert Observation(seen, {}, [right]).differences(lab) == []
    assert "page did not show '200'" in Observation({}, {"page": "503"}, [right]).differences(lab)[0]
    for named in ([], [{"workload": "frontend", "name": "issuer"}], [right, {"workload": "backend", "name": "role"}]):
        (difference,) = Observation(seen, {}, named).differences(lab)
        assert "the cause is the issuer of backend" in difference


@pytest.mark.parametrize(
    ("presented", "trusted", "marks"),
    [("https://a/", "https://a", " " * 9 + "^"), ("abc", "aXc", " ^"), ("same", "same", ""), ("", "ab", "^^")],
)
def test_the_difference_is_marked(presented: str, trusted: str, marks: str) -> None:
    """Below the characters that differ, on either side, and nothing if none does."""
    lines = beside(presented, trusted)
    assert lines[:2] == [f"presented  {presented}", f"trusted    {trusted}"]
    assert lines[2] == f"           {marks}".rstrip()
