"""What Azure refuses only for the moment is asked again, with a sentence; any other refusal ends the run."""

from pathlib import Path

import pytest

from infra.deploy.patience import REPLICATION, UNAVAILABLE, until_it_works
from infra.deploy.programs import Failed, ProgramFailed
from tests.infra.deploying import Checkout

WEST = ("--location", "westeurope")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.mark.parametrize(("words", "why"), [*REPLICATION.items(), *UNAVAILABLE.items()])
def test_each_passing_refusal_is_waited_for(words: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The second answer counts, and the reason for waiting is printed once."""
    refusals = [ProgramFailed(("az",), 1, f"ERROR: (Code) {words}: try again.") for _ in range(2)]

    def ask() -> str:
        if refusals:
            raise refusals.pop()
        return "made"

    assert until_it_works(ask, "It is made", 20, REPLICATION | UNAVAILABLE) == "made"
    assert capsys.readouterr().out.splitlines() == [f"… again, since {why}"]


@pytest.mark.parametrize(
    "words", ["QuotaExceeded", "InvalidTemplate", "RequestDisallowedByPolicy", "AuthorizationFailed"]
)
def test_another_refusal_is_not_waited_for(words: str) -> None:
    """It ends the wait at once, with the tool's own words."""
    asked = []

    def ask() -> str:
        asked.append(words)
        raise ProgramFailed(("az",), 1, words)

    with pytest.raises(ProgramFailed, match=words):
        until_it_works(ask, "It is made", 20, REPLICATION | UNAVAILABLE)
    assert len(asked) == 1


def test_patience_has_an_end() -> None:
    """After the given time the last refusal is the error."""

    def ask() -> str:
        raise ProgramFailed(("az",), 1, "PrincipalNotFound: the principal x")

    with pytest.raises(Failed, match=r"(?s)It is made: still not so after 0 s\..*the principal x"):
        until_it_works(ask, "It is made", 0, REPLICATION)


@pytest.mark.parametrize(
    ("iac", "match"),
    [("bicep", "az deployment sub create"), ("terraform", "apply -input=false")],
)
def test_a_deployment_waits_for_its_own_new_principals(checkout: Checkout, iac: str, match: str) -> None:
    """The infrastructure is asked for again, in both languages, and the run succeeds."""
    checkout.fail(match, "PrincipalNotFound: Principal x does not exist in the directory y.", times=2)
    run = checkout.succeed("up", *WEST, "--iac", iac)
    assert run.output.count("again, since a new identity is not known everywhere yet") == 1


def test_terraform_waits_for_the_role_on_its_state(checkout: Checkout) -> None:
    """The role on the container was assigned a moment ago, so the first answers may be refusals."""
    checkout.fail("init -input=false", "AuthorizationPermissionMismatch: This request is not authorized", times=2)
    checkout.succeed("up", *WEST, "--iac", "terraform")
