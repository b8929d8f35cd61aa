"""What a workload that is not ready says of itself."""

from collections.abc import Mapping


def unready_sentence(missing: Mapping[str, str]) -> str:
    """Return why each dependency is missing, each reason once: one refusal of Entra's often closes every service."""
    names: dict[str, list[str]] = {}
    for name, reason in missing.items():
        names.setdefault(reason, []).append(name)
    return "; ".join(f"{', '.join(listed)}: {reason}" for reason, listed in names.items())
