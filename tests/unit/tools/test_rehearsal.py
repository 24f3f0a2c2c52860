"""The rehearsal rows are those of their maker and none of them peeks at the general suite."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import make_rehearsal
from tools.tiny_base import suite


@pytest.mark.thorough
def test_the_shipped_rows_are_those_of_the_maker(tmp_path: Path) -> None:
    made = tmp_path / "general.jsonl"
    make_rehearsal.main(made)
    assert made.read_bytes() == make_rehearsal.OUT.read_bytes()


def test_no_row_peeks_at_the_general_suite() -> None:
    rows = [json.loads(line) for line in make_rehearsal.OUT.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == make_rehearsal.NUM_ROWS
    asked = [message["content"] for row in rows for message in row["messages"] if message["role"] == "user"]
    assert not any(suite.shares_gram(question) or suite.is_prompt(question) for question in asked)
