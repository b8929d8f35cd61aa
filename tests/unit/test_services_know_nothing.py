"""The services know nothing of where they run: no host name, no address, no look at the environment by themselves."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for member in ("workload", "contract", "frontend", "backend")
    for path in sorted((ROOT / member / "src").rglob("*.py"))
]
PLACES = re.compile(r"localhost|127\.0\.0\.1|\[?::1\]?$|windows\.net|azure\.(net|com)|microsoftonline|keyless\.")
EXPLAINED = {"description"}  # what a setting's help says of the form of its value
CALLED = {("settings.py", name) for name in ("localhost", "127.0.0.1", "[::1]")}
"""What the frontend may be called until it is told (`ALLOWED_HOSTS`): not a place that it calls."""


def texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings that a program works with: not its docstrings, nor what explains a setting."""
    explained = {
        id(node)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in EXPLAINED
        for node in ast.walk(keyword.value)
    }
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained | docstrings:
            yield node


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_names_a_place(source: Path) -> None:
    """Which cloud answers is a setting: no string in the code is, or ends like, a host of one."""
    named = [
        f"line {text.lineno}: {text.value!r}"
        for text in texts(ast.parse(source.read_text()))
        if PLACES.search(text.value) and (source.name, text.value) not in CALLED
    ]
    assert named == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_environment_is_read_by_settings_alone(source: Path) -> None:
    """Nothing looks at variables, the platform or the host's name to decide what to do."""
    looked = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in {"os.environ", "os.getenv", "sys.platform", "platform.node", "socket.gethostname"}
    ]
    assert looked == []
