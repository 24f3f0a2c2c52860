"""The tree of folders that the pages for newcomers show is the one on disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", "ARCHITECTURE.md"])
def test_the_tree_on_the_page_is_the_tree_on_disk(page: str) -> None:
    paths = tree_of(ROOT / page)
    if not paths:
        pytest.skip("the page shows no tree of folders")
    assert [path for path in paths if not (ROOT / path).exists()] == []


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
