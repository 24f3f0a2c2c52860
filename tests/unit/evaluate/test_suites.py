"""A suite of the user's own, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith.errors import TunesmithError
from tunesmith.evaluate.items import general_items, suite_items
from tunesmith.metrics.checks import Exact, Form, Number
from tunesmith.records import Message


def test_lines_become_items_in_their_language(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    english = '{"prompt": "What is due?", "answer": "rent", "aliases": ["the rent"]}'
    file.write_text(english + '\n{"prompt": "应付什么？", "answer": "房租"}\n', encoding="utf-8")
    first, second = suite_items("house", file)
    assert (first.suite, first.prompt, first.accepted) == (
        "house",
        (Message("user", "What is due?"),),
        ("rent", "the rent"),
    )
    assert (second.id, second.language, second.accepted) == ("house-2", "zh", ("房租",))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, None),
        ("", None),
        ('{"prompt": "a", "answer": "b"}\n{"prompt": "a"}\n', 2),
        ('{"prompt": "a", "answer": "b", "points": 3}\n', 1),
        ("[1]\n", 1),
        ('{"prompt": "a", "answer": "b", "check": "likes"}', 1),
        ('{"prompt": "a", "answer": "b"}\n{"prompt": "a", "answer": "b", "check": "number"}\n', 2),
        ('{"prompt": "a", "answer": "low", "check": {"name": "form", "case": "upper"}}', 1),
        ("\n", 1),
        ('{"prompt": "", "answer": "b"}', 1),
    ],
)
def test_what_is_no_item_is_told_with_its_line(tmp_path: Path, content: str | None, line: int | None) -> None:
    file = tmp_path / "a.jsonl"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(TunesmithError) as caught:
        suite_items("house", file)
    place = caught.value.place
    assert place is not None
    assert (caught.value.code, place.file, place.line) == ("suite-file", str(file), line)
    assert "house" in caught.value.message("zh")


def test_lines_may_say_their_kind_and_check(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [
        {"prompt": "2 + 3?", "answer": "5", "kind": "sums", "check": "number"},
        {"prompt": "Shout.", "answer": "OH", "check": {"name": "form", "case": "upper", "lacks": ["h!"]}},
        {"prompt": "a", "answer": "b"},
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    first, second, third = suite_items("house", file)
    assert (first.kind, first.check) == ("sums", Number())
    assert (second.kind, second.check) == (None, Form(case="upper", lacks=("h!",)))
    assert third.check == Exact()


def test_the_general_suites_keep_their_languages() -> None:
    items = general_items()
    assert {(item.suite, item.language) for item in items} == {("general_en", "en"), ("general_zh", "zh")}
    assert len({item.id for item in items}) == len(items)
