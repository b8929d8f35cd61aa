"""The pauses between tries: each longer than the one before, until things have gone well for a while."""

from localcloud.pauses import Pauses


def test_pauses_double_up_to_their_limit_and_are_forgotten() -> None:
    """From the first one up; once enough time has passed since the last one ended, from the first one again."""
    now = [0.0]
    pauses = Pauses(0.5, 5.0, 30.0, clock=lambda: now[0])
    taken = []
    for _ in range(6):
        taken.append(pauses.next())
        now[0] += taken[-1] + 1
    assert taken == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    now[0] += 28.5
    assert pauses.next() == 5.0
    now[0] += 5.0 + 30.1
    assert pauses.next() == 0.5
