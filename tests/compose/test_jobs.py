"""The backend's image serves the third workload too."""

from tests.compose.docker import docker


def test_redrive_lists_the_dead_letters_with_an_identity_of_its_own() -> None:
    """`docker compose run redrive` receives with its own token, and ends in order."""
    docker("compose", "run", "--rm", "--no-TTY", "redrive", "redrive", "list")
    trail = docker("compose", "exec", "--no-TTY", "localcloud", "cat", "/state/audit.jsonl")
    assert '"workload": "redrive"' in trail
