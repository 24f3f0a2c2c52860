"""The tree of folders and the ladder of layers that the pages show are the real ones."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "tunesmith"
PAGES = ["README.md", "README.zh.md"]
# what runs and tools leave in a checkout
NOT_OURS = {"runs", "artifacts", "reports", "annotation", "dist", "shared"}
PATH = re.compile(r"(?:[\w.-]+/)*[\w-]+(?:/|\.\w+)|Makefile|LICENSE")


def tree_of(page: Path) -> list[str]:
    """Paths of the first fenced block that shows `src/tunesmith/`: names before the remarks, two spaces a level."""
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    block = next((block for block in blocks if "src/tunesmith/\n" in block), "")
    paths: list[str] = []
    folders: list[str] = []
    for line in filter(str.strip, block.splitlines()):
        level = (len(line) - len(line.lstrip())) // 2
        names = []
        for word in line.split():
            if not PATH.fullmatch(word):
                break
            names.append("".join(folders[:level]) + word)
        paths += names
        folders = [*folders[:level], line.split()[0]]
    return paths


def ladder_of(page: Path) -> list[set[str]]:
    """The lines of the block that begins with `api`, each as the set of names between its bars."""
    block = re.findall(r"^```\n(api\n.*?)^```", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)[0]
    return [{name.strip() for name in line.split("|")} for line in block.splitlines()]


@pytest.mark.parametrize("page", PAGES)
def test_the_tree_on_the_page_is_on_disk(page: str) -> None:
    assert [path for path in tree_of(ROOT / page) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_tree_on_the_page_lacks_nothing(page: str) -> None:
    modules = [path for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    names = {path.name + ("/" if path.is_dir() else "") for path in modules} - {"__init__.py", "__main__.py"}
    assert {f"src/tunesmith/{name}" for name in names} - set(tree_of(ROOT / page)) == set()
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert folders - NOT_OURS - {path.split("/")[0] for path in tree_of(ROOT / page)} == set()


def test_both_languages_show_one_tree() -> None:
    assert tree_of(ROOT / "README.md") == tree_of(ROOT / "README.zh.md")


def test_the_ladder_on_the_page_is_the_one_that_is_checked() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = config["tool"]["importlinter"]["contracts"][0]["layers"]
    here = {path.stem for path in SOURCE.iterdir()}
    checked = [{name.strip(" ()") for name in layer.split("|")} & here for layer in layers]
    assert ladder_of(ROOT / "ARCHITECTURE.md") == [line for line in checked if line]


def test_a_tree_is_read_by_its_indentation(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```\nREADME.md Makefile\nsrc/tunesmith/\n  cli.py   verb -> name\n  text/ stats/\n  model/   load\n"
        "    tiny/  the base\ntests/  all\n```\n",
        encoding="utf-8",
    )
    base = "src/tunesmith/"
    assert tree_of(page) == [
        "README.md",
        "Makefile",
        base,
        f"{base}cli.py",
        f"{base}text/",
        f"{base}stats/",
        f"{base}model/",
        f"{base}model/tiny/",
        "tests/",
    ]
