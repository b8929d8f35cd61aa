"""The access file while the cloud runs: an edit counts at once, and a bad one changes nothing."""

import os
from itertools import count
from pathlib import Path

from localcloud.access import principal_id
from localcloud.access_file import AccessFile

ROOT = Path(__file__).parents[2]
SEND = "Microsoft.ServiceBus/namespaces/messages/send/action"
_times = count(1)


def edit(path: Path, text: str) -> None:
    """Writes the file with a time of its own, however fast one edit follows the other."""
    path.write_text(text)
    os.utime(path, (next(_times), 0))


def opened(folder: Path) -> tuple[Path, AccessFile, list[str]]:
    """A copy of the application's model, and what is reported of it."""
    path, said = folder / "access.yaml", list[str]()
    edit(path, (ROOT / "infra/access.yaml").read_text())
    return path, AccessFile(path, said.append), said


def test_a_grant_taken_away_counts_at_once(tmp_path: Path) -> None:
    """The next question is answered by the file as it is then, and the edit is reported in one line."""
    path, model, said = opened(tmp_path)
    assert model().allows(principal_id("frontend"), SEND, "serviceBus/orders")
    edit(path, path.read_text().replace("role: Azure Service Bus Data Sender", "role: Keyless Queue Reader"))
    assert not model().allows(principal_id("frontend"), SEND, "serviceBus/orders")
    assert said == [f"{path} has changed and is in force"]


def test_a_bad_edit_leaves_the_last_good_model(tmp_path: Path) -> None:
    """What can't be read is said once, with what is wrong, and nobody gains or loses anything."""
    path, model, said = opened(tmp_path)
    edit(path, path.read_text().replace("role: Azure Service Bus Data Sender", "role: Sendr", 1))
    assert all(model().allows(principal_id("frontend"), SEND, "serviceBus/orders") for _again in range(2))
    assert len(said) == 1
    assert "there is no role 'Sendr'" in said[0]
    assert said[0].endswith("The last good version stays in force.")


def test_a_new_entity_is_said_to_need_a_restart(tmp_path: Path) -> None:
    """Queues and containers are made at the start, so an edit of them is not passed off as done."""
    path, model, said = opened(tmp_path)
    edit(path, path.read_text().replace("    receipts: {}\n", "    receipts: {}\n    archive: {}\n"))
    model()
    assert "needs a restart" in said[-1]
