"""Each test that SECURITY.md names for a weakness of other projects exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", (ROOT / "SECURITY.md").read_text(encoding="utf-8"))


def named_in(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_each_named_test_exists() -> None:
    files = {file.name: file for file in (ROOT / "tests").rglob("test_*.py")}
    assert len(NAMED) >= 16
    assert [f"{file}::{name}" for file, name in NAMED if file not in files or name not in named_in(files[file])] == []


def test_each_row_names_a_test() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text(encoding="utf-8").splitlines() if "CVE-" in line]
    assert len(rows) >= 14
    assert [row for row in rows if "::test_" not in row] == []
