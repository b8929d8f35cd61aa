"""Two texts one below the other, with the characters marked in which they differ."""

from difflib import SequenceMatcher


def beside(presented: str, trusted: str) -> list[str]:
    """Three lines: what was presented, what is trusted, and marks below the characters that differ."""
    marks = [" "] * max(len(presented), len(trusted))
    for kind, from_a, to_a, from_b, to_b in SequenceMatcher(None, presented, trusted, autojunk=False).get_opcodes():
        if kind != "equal":
            for at in range(min(from_a, from_b), max(to_a, to_b)):
                marks[at] = "^"
    return [f"presented  {presented}", f"trusted    {trusted}", f"           {''.join(marks)}".rstrip()]
