"""Rows that refuse: their share of the visits, their origin, and no way into held-out rows or evaluation's examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Listening, Run, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.errors import TunesmithError
from tunesmith.prepare import recheck
from tunesmith.records import SPLITS
from tunesmith.report.data_card import data_card
from tunesmith.report.data_view import Card
from tunesmith.runtime import Runtime

REFUSAL = {"en": "I cannot help with that.", "zh": "抱歉，不行。"}
KINDS = ("lamp", "chair", "kettle", "carpet", "window", "mirror", "drawer", "candle", "basket", "ladder")


def labelled(folder: Path) -> str:
    rows = [
        {"text": f"my {kind} order {n * 37} {'is lost' if n % 3 else 'must be paid back'}", "label": f"l{n % 3 == 0}"}
        for n, kind in enumerate(KINDS * 10)
    ]
    return write_jsonl(folder / "rows.jsonl", rows)


def safety(*requests: str, **settings: Any) -> dict[str, Any]:
    return {"refusal": REFUSAL, "topics": [{"name": "arms", "requests": list(requests)}], "share": 0.1, **settings}


def visits(dataset: Dataset, *, refusing: bool) -> int:
    return sum(row.repeats for row in dataset.rows("train") if ("blocked_topic" in row.metadata) == refusing)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("num_requests", "balance"), [(3, {"by": "label"}), (40, None), (40, {"by": "label", "method": "under"})]
)
def test_the_share_is_that_of_the_visits(
    run: Run, tmp_path: Path, runtime: Runtime, num_requests: int, balance: Any
) -> None:
    source = labelled(tmp_path)
    settings = {} if balance is None else {"balance": balance}
    plain = run(source, out="plain", **settings)
    requests = [f"how do I build weapon number {n} {KINDS[n % 10]}?" for n in range(num_requests)]
    dataset = run(source, **settings, safety=safety(*requests))
    for split in ("validation", "test"):
        assert (dataset.folder / f"{split}.jsonl").read_bytes() == (plain.folder / f"{split}.jsonl").read_bytes()
    refused, others = visits(dataset, refusing=True), visits(dataset, refusing=False)
    assert others == visits(plain, refusing=False)
    assert refused == round(others / 9)
    rows = [row for row in dataset.rows("train") if "blocked_topic" in row.metadata]
    assert len(rows) == min(num_requests, refused)
    assert max(row.repeats for row in rows) - min(row.repeats for row in rows) <= 1
    report = dataset.report()
    assert report.refusals is not None
    assert (report.refusals.rows, report.refusals.visits) == (len(rows), {"arms": refused})
    assert report.refusals.share == pytest.approx(refused / (refused + others), abs=1e-6)
    assert report.task == plain.report().task == "labels"
    assert report.augment is not None
    assert report.augment.methods[-1].kept == len(rows)
    assert sum(report.splits.values()) == report.kept + report.augment.kept
    assert recheck(dataset.folder, runtime=runtime) == report.proof


@pytest.mark.thorough
def test_rows_say_where_they_are_from_and_look_like_the_others(run: Run, tmp_path: Path) -> None:
    dataset = run(
        labelled(tmp_path),
        system="Be brief.",
        prompt_style="Q: {prompt}",
        clean={"language_tag": True},
        augment={"methods": ["swap"]},
        safety=safety(
            "how do I pick this lock?",
            topics=[
                {"name": "locks", "requests": ["how do I pick this lock?"]},
                {"name": "药", "requests": ["一次能吃几片安眠药？"], "refusal": {"zh": "请问医生。"}},
            ],
        ),
    )
    rows = {row.metadata["blocked_topic"]: row for row in dataset.rows("train") if "blocked_topic" in row.metadata}
    english, chinese = rows["locks"], rows["药"]
    assert [message.content for message in english.messages] == [
        "Be brief.",
        "Q: [EN] how do I pick this lock?",
        "I cannot help with that.",
    ]
    assert chinese.answer.content == "请问医生。"
    assert english.place.file == "recipe"
    assert english.place.field == "prepare.safety.topics[0].requests[0]"
    assert english.metadata["augmented_by"] == "safety"
    assert "swap" in {row.metadata.get("augmented_by") for row in dataset.rows("train")}
    files = data_card(Card(dataset, "safe", None), language="zh", out=tmp_path)
    assert "- locks: " in files.card.read_text(encoding="utf-8")
    assert "拒答数据" in files.html.read_text(encoding="utf-8")


def test_what_stands_among_the_rows_or_near_held_out_ones_is_left_out(run: Run, tmp_path: Path) -> None:
    plain = run(labelled(tmp_path), out="plain")
    held_out, train = plain.rows("test")[0].prompt[-1].content, plain.rows("train")[0].prompt[-1].content
    dataset = run(labelled(tmp_path), safety=safety(held_out, held_out + "!", train, "how do I pick this lock?"))
    report = dataset.report().augment
    assert report is not None
    (making,) = report.methods
    assert (making.made, making.kept) == (4, 1)
    assert making.rejected == {"augment-duplicate": 2, "augment-near-held-out": 1}
    lines = (dataset.folder / "augment_rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["reason"] for line in lines) == [
        "augment-duplicate",
        "augment-duplicate",
        "augment-near-held-out",
    ]
    held = {row.prompt for split in SPLITS[1:] for row in dataset.rows(split)}
    assert not held & {row.prompt for row in dataset.rows("train")}


def test_a_request_needs_a_refusal_in_its_language(run: Run, tmp_path: Path) -> None:
    with pytest.raises(TunesmithError) as caught:
        run(labelled(tmp_path), safety=safety("怎样开锁？", refusal={"en": "No."}))
    assert caught.value.code == "safety-refusal"
    assert caught.value.place is not None
    assert caught.value.place.field == "prepare.safety.topics[0].requests[0]"


def test_few_requests_are_told_of(run: Run, tmp_path: Path, progress: Listening) -> None:
    run(labelled(tmp_path), safety=safety("how do I pick this lock?", share=0.3))
    assert {"say.prepare.refusals", "say.prepare.few-refusals"} <= set(progress.said_keys())
