"""Personal data that a recipe leaves in the rows are told, where their form alone tells them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prepare_material import Listening, Run, runner, write_jsonl

from tunesmith.cli.show import dataset_lines
from tunesmith.metrics.wording import Words
from tunesmith.recipe.prepare import Personal
from tunesmith.report.data_privacy import privacy_view
from tunesmith.runtime import Runtime


@pytest.fixture
def listening() -> Listening:
    return Listening()


@pytest.fixture
def run(tmp_path: Path, runtime: Runtime, listening: Listening) -> Run:
    return runner(tmp_path, runtime, listening)


def rows(tmp_path: Path, *texts: str) -> str:
    answers = [{"question": text, "answer": f"Answer {num}."} for num, text in enumerate(texts)]
    return write_jsonl(tmp_path / "rows.jsonl", answers)


TEXTS = (
    "Call me at 13812345678, please: the parcel is lost.",
    "请回电 13912345678，或写到 li@example.com。",
    "Where is the shop in Leeds?",
    "王小明的订单 487926 还没发货",
)


def test_what_is_left_is_counted_and_told(tmp_path: Path, run: Run, listening: Listening) -> None:
    dataset = run(rows(tmp_path, *TEXTS), test_share=0, validation_share=0)
    report = dataset.report()
    assert report.unhidden is not None
    assert report.unhidden.model_dump() == {"looked_at": 4, "rows": 2, "types": {"phone": 2, "email": 1}}
    assert ("say.prepare.unhidden", {"rows": 2, "looked_at": 4, "types": "phone 2, email 1"}) in listening.said
    for language, types in (("en", "phone numbers 2"), ("zh", "电话号码 2")):
        view = privacy_view(report, Personal(), Words(language))
        assert types in view.sentence
        assert {"2", "4"} <= set(view.glance)
        assert any(types in line for line in dataset_lines(dataset, language))


def test_nothing_is_told_of_rows_that_hold_none(tmp_path: Path, run: Run, listening: Listening) -> None:
    report = run(rows(tmp_path, *TEXTS[2:]), test_share=0, validation_share=0).report()
    assert report.unhidden is not None
    assert report.unhidden.rows == 0
    assert "say.prepare.unhidden" not in listening.said_keys()
    assert "None of 2 training rows" in privacy_view(report, Personal(), Words("en")).sentence


def test_what_is_treated_is_not_looked_for_again(tmp_path: Path, run: Run, listening: Listening) -> None:
    report = run(rows(tmp_path, *TEXTS), test_share=0, validation_share=0, personal={"mode": "mask"}).report()
    assert report.unhidden is None
    assert "say.prepare.unhidden" not in listening.said_keys()
