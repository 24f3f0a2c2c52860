"""Rules about the source itself: sizes, guesses, prints, the environment, docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tunesmith

SOURCE = Path(tunesmith.__file__).parent
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_GUESSES_PER_1000_LINES = 2
GUESSES = {"getattr", "hasattr", "setattr"}


@cache
def texts() -> dict[str, str]:
    return {file.relative_to(SOURCE).as_posix(): file.read_text(encoding="utf-8") for file in SOURCE.rglob("*.py")}


@cache
def trees() -> dict[str, ast.Module]:
    return {name: ast.parse(text) for name, text in texts().items()}


def nodes() -> Iterator[tuple[str, ast.AST]]:
    for name, tree in trees().items():
        yield from ((name, node) for node in ast.walk(tree))


def calls_of(names: set[str]) -> list[str]:
    """Places where one of the built-in functions is called."""
    return [
        f"{name}:{node.lineno}"
        for name, node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]


def is_cli(name: str) -> bool:
    return name == "cli.py" or name.startswith("cli/")


def test_no_file_is_too_long() -> None:
    sizes = {name: len(text.splitlines()) for name, text in texts().items()}
    assert {name: size for name, size in sizes.items() if size > MAX_FILE_LINES} == {}
    assert len(sizes) > 20


def test_no_function_is_too_long() -> None:
    sizes = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, node in nodes()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert {name: size for name, size in sizes.items() if size > MAX_FUNCTION_LINES} == {}


def test_attributes_are_seldom_guessed() -> None:
    guesses = calls_of(GUESSES)
    num_lines = sum(len(text.splitlines()) for text in texts().values())
    assert len(guesses) <= MAX_GUESSES_PER_1000_LINES * num_lines / 1000, guesses


def test_only_the_command_line_prints() -> None:
    assert [place for place in calls_of({"print"}) if not is_cli(place.rpartition(":")[0])] == []


def test_only_the_command_line_reads_the_environment() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, node in nodes()
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and not is_cli(name)
    ]
    assert found == []


def test_modules_and_public_classes_say_what_they_are() -> None:
    """Frozen dataclasses may let their name and fields speak."""
    silent = [name for name, tree in trees().items() if tree.body and ast.get_docstring(tree) is None]
    silent += [
        f"{name}:{node.lineno} {node.name}"
        for name, node in nodes()
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
        and not any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    assert not silent, "\n".join(silent)
