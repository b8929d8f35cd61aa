"""Two texts one below the other, with the characters marked in which they differ."""

from difflib import SequenceMatcher

_LIKENESS = 0.4  # of 1.0, which is the same text


def alike(presented: str, trusted: str) -> bool:
    """Whether they have so much in common that marks below the difference help."""
    return SequenceMatcher(None, presented, trusted, autojunk=False).ratio() >= _LIKENESS


def beside(presented: str, trusted: str) -> list[str]:
    """Three lines: what was presented, what is trusted, and marks below the characters that differ."""
    marks = [" "] * max(len(presented), len(trusted))
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(None, presented, trusted, autojunk=False).get_opcodes():
        if kind != "equal":
            for at in range(min(from_a, from_b), max(to_a, to_b)):
                marks[at] = "^"
    return [f"presented  {presented}", f"trusted    {trusted}", f"           {''.join(marks)}".rstrip()]
