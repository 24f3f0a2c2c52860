from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, write_jsonl
from pydantic import ValidationError

from tunesmith.errors import TunesmithError
from tunesmith.prepare.formats import layout_of, to_example
from tunesmith.prepare.rows import RawRow, Table
from tunesmith.prepare.sources import inputs_of, rows_by_share, share_rank, tables_of, take_share
from tunesmith.recipe import Prepare, Source
from tunesmith.records import SPLITS


def joined(folder: Path, **join: Any) -> Table:
    rows = [{"id": 1, "text": "a"}, {"id": 2, "text": "b"}, {"id": 9, "text": "c"}, {"text": "d"}]
    source = {"path": write_jsonl(folder / "rows.jsonl", rows), "join": {"path": str(folder / "second.csv"), **join}}
    (table,) = tables_of(Source.model_validate(source))
    return table


def test_a_second_table_is_joined_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "second.csv").write_text("id,label,region\n2,y,EU\n1,x,US\n5,z,US\n")
    table = joined(tmp_path, on="id")
    assert table.columns == ("id", "text", "label", "region")
    expected: list[dict[str, Any]] = [
        {"id": 1, "text": "a", "label": "x", "region": "US"},
        {"id": 2, "text": "b", "label": "y", "region": "EU"},
        {"id": 9, "text": "c"},
        {"text": "d"},
    ]
    for _ in range(2):
        assert [row.values for row in table.rows if isinstance(row, RawRow)] == expected
    row = next(iter(table.rows))
    assert isinstance(row, RawRow)
    example = to_example(row, layout_of(table, Source(path="x")), None, None)
    assert (example.label, example.metadata) == ("x", {"id": "1", "region": "US"})
    assert joined(tmp_path, on="id", columns=["label"]).columns == ("id", "text", "label")


def test_rows_without_a_key_are_joined_to_nothing(tmp_path: Path) -> None:
    first = [{"id": 1, "text": "a"}, {"id": None, "text": "b"}, {"text": "c"}, {"id": "", "text": "d"}]
    second = [{"id": "1", "label": "x"}, {"id": None, "label": "y"}, {"label": "z"}, {"id": "", "label": "w"}]
    join = {"path": write_jsonl(tmp_path / "second.jsonl", second), "on": "id"}
    (table,) = tables_of(Source.model_validate({"path": write_jsonl(tmp_path / "rows.jsonl", first), "join": join}))
    assert [row.values.get("label") for row in table.rows if isinstance(row, RawRow)] == ["x", None, None, None]


@pytest.mark.parametrize(
    ("second", "join", "code"),
    [
        ("key,label\n1,x\n", {"on": "id"}, "join-column"),
        ("id,label\n1,x\n", {"on": "id", "columns": ["class"]}, "join-column"),
        ("name,label\n1,x\n", {"on": "name"}, "join-column"),
        ("id,label\n1,x\n1,y\n", {"on": "id"}, "join-repeated"),
        ("id,text\n1,x\n", {"on": "id"}, "join-twice"),
        ("id,label\n1,x,y\n", {"on": "id"}, "join-row"),
    ],
)
def test_a_join_that_cannot_be_made_is_a_coded_error(
    tmp_path: Path, second: str, join: dict[str, Any], code: str
) -> None:
    (tmp_path / "second.csv").write_text(second)
    with pytest.raises(TunesmithError) as caught:
        joined(tmp_path, **join)
    assert caught.value.code == code
    assert all(caught.value.message(language) and caught.value.hint(language) for language in ("en", "zh"))


def test_the_second_table_decides_the_content_too(tmp_path: Path) -> None:
    (tmp_path / "second.csv").write_text("id,label\n1,x\n")
    first = {"path": write_jsonl(tmp_path / "rows.jsonl", [{"id": 1}])}
    source = Source.model_validate({**first, "join": {"path": str(tmp_path / "second.csv"), "on": "id"}})
    before = inputs_of(source)
    assert len(before) == 2
    assert inputs_of(Source.model_validate(first)).items() < before.items()
    (tmp_path / "second.csv").write_text("id,label\n1,y\n")
    assert inputs_of(source) != before


@pytest.mark.parametrize(
    ("available", "shares", "taken"),
    [
        ([100, 50], [None, None], (100, 50)),
        ([1000, 1000], [0.7, 0.3], (1000, 428)),  # N = 1000 / 0.7
        ([300, 900], [0.5, 0.5], (300, 300)),
        ([900, 1000], [None, 0.1], (900, 100)),  # N = 900 / 0.9
        ([900, 10], [None, 0.1], (90, 10)),  # the small source decides
        ([600, 300, 1000], [None, None, 0.5], (600, 300, 900)),
        ([100, 100, 100], [0.29, 0.5, 0.21], (58, 100, 42)),  # as binary fractions 0.29 * 200 is 57.99999999999999
        ([0, 100], [None, 0.5], (0, 100)),
        ([0, 100], [0.5, 0.5], (0, 0)),
    ],
)
def test_shares_hold_of_what_is_taken(available: list[int], shares: list[float | None], taken: tuple[int, ...]) -> None:
    assert rows_by_share(available, shares) == taken


def test_a_draw_is_the_same_for_the_same_rows_in_any_order() -> None:
    ids = [f"{number:016x}" for number in range(4_000)]
    places = take_share(ids, 1_000, seed=3)
    assert places == sorted(places)
    assert len(places) == 1_000
    taken = {ids[place] for place in places}
    assert {ids[::-1][place] for place in take_share(ids[::-1], 1_000, seed=3)} == taken
    assert taken != {ids[place] for place in take_share(ids, 1_000, seed=4)}
    assert {ids[place] for place in take_share(ids, 500, seed=3)} < taken
    # about 250 of each quarter: 4 standard deviations are 55
    assert all(195 < count < 305 for count in Counter(place // 1_000 for place in places).values())
    assert max(share_rank(id, 3) for id in taken) < min(share_rank(id, 3) for id in set(ids) - taken)


def test_shares_that_cannot_hold_are_refused_with_the_recipe() -> None:
    def prepare(*sources: dict[str, Any]) -> Prepare:
        return Prepare.model_validate({"sources": [{"path": "x", **source} for source in sources]})

    prepare({"share": 0.25}, {"share": 0.75}, {"split": "test"})
    prepare({"share": 0.25}, {})
    for sources in (
        [{"share": 0.25}, {"share": 0.5}],
        [{"share": 0.75}, {"share": 0.5}],
        [{"share": 1.0}, {}],
        [{"share": 0.5, "split": "test"}, {}],
    ):
        with pytest.raises(ValidationError, match="source_shares"):
            prepare(*sources)


def test_what_a_row_holds_beyond_its_messages_reaches_the_dataset(tmp_path: Path, run: Run) -> None:
    pairs = [{"prompt": f"p {n}", "chosen": "a", "rejected": f"b {n}"} for n in range(10)]
    wanted = [{"prompt": f"k {n}", "completion": "a", "label": n % 2 == 0} for n in range(10)]
    with gzip.open(tmp_path / "numbers.csv.gz", "wt") as stream:
        stream.write("text,score\n" + "".join(f"t {n},{n}.5\n" for n in range(10)))
    files = [write_jsonl(tmp_path / "a.jsonl", pairs), write_jsonl(tmp_path / "b.jsonl", wanted)]
    dataset = run([{"path": file} for file in [*files, str(tmp_path / "numbers.csv.gz")]])
    examples = [example for split in SPLITS for example in dataset.rows(split)]
    assert [source.format for source in dataset.report().sources] == ["preference", "kto", "regression"]
    assert {example.rejected.content for example in examples if example.rejected} == {f"b {n}" for n in range(10)}
    assert (
        sorted(example.desirable for example in examples if example.desirable is not None) == [False] * 5 + [True] * 5
    )
    assert sorted(example.target for example in examples if example.target is not None) == [n + 0.5 for n in range(10)]
    assert all(example.place.byte is not None for example in examples)
