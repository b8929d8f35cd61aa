"""Durations in words."""

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def in_words(seconds: float) -> str:
    """Return a duration in its largest unit, such as "2 hours"."""
    for size, unit in _UNITS:
        if count := int(max(0, seconds)) // size:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a second"
