"""Ratings on the disk: added one by one, read back, and refused with their place."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rating_material import rated_sample

from tunesmith.artifacts.ratings import append_ratings, newest, ratings_file, read_ratings, shown_hash
from tunesmith.errors import TunesmithError
from tunesmith.records import Rating

ONE = Rating(
    "i1", ("base",), "0" * 16, "accuracy", 4, "安娜", comment="好\n</script>", time="2026-01-01T12:00:00+00:00"
)
TWO = Rating("i1", ("tuned", "base"), "f" * 16, "preference", "both_bad", "安娜", seed=3)


def test_what_is_added_is_read_back_and_a_torn_line_is_not(tmp_path: Path) -> None:
    file = tmp_path / "ratings" / "安娜.jsonl"
    assert read_ratings(file) == []
    append_ratings(file, [ONE])
    with file.open("ab") as stream:
        stream.write(b'{"item": "i1", "arms": ["ba')
    assert read_ratings(file) == [ONE]
    append_ratings(file, [TWO, replace(ONE, value=None)])
    assert read_ratings(file) == [ONE, TWO, replace(ONE, value=None)]
    lines = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0]) == {"kind": "ratings", "format": 1}
    assert len(lines) == 4
    assert newest(read_ratings(file)) == [replace(ONE, value=None), TWO]
    file.write_bytes(b'{"kind": "rat')  # killed within the very first line
    append_ratings(file, [ONE])
    assert read_ratings(file) == [ONE]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"value": 6}, None),
        ({"value": "left"}, None),
        ({"value": True}, "value.int"),
        ({"dimension": "preference", "value": "tie"}, None),
        ({"arms": []}, "arms"),
        ({"shown": "abc"}, "shown"),
        ({"rating": 4}, "rating"),
    ],
)
def test_a_line_that_is_no_rating_is_refused_with_its_place(
    tmp_path: Path, change: dict[str, object], field: str | None
) -> None:
    file = tmp_path / "anna.jsonl"
    append_ratings(file, [ONE])
    line = json.loads(file.read_text(encoding="utf-8").splitlines()[1]) | change
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    with pytest.raises(TunesmithError) as caught:
        read_ratings(file)
    assert caught.value.code == "ratings-line"
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.field) == (3, field)


@pytest.mark.parametrize("name", ["", "../anna", ".anna", "a/b", "a\x00", "x" * 65])
def test_a_rater_names_a_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(TunesmithError, match="rater-name"):
        ratings_file(tmp_path, name)
    assert ratings_file(tmp_path, "Anna B. 安娜").parent == tmp_path / "ratings"


def test_the_hash_tells_what_was_shown_apart() -> None:
    base, tuned = rated_sample("base", 1, "yes"), rated_sample("tuned", 1, "no")
    shown = [
        shown_hash(base.prompt, [base]),
        shown_hash(base.prompt, [tuned]),
        shown_hash(base.prompt, [base, tuned]),
        shown_hash(base.prompt, [tuned, base]),
        shown_hash((), [base]),
        shown_hash(base.prompt, [replace(base, reasoning=None)]),
        shown_hash(base.prompt, [replace(base, reference="other")]),
    ]
    assert len(set(shown)) == len(shown)
    assert shown_hash(base.prompt, [replace(base, arm="march", scores={"x": 1.0})]) == shown[0]
