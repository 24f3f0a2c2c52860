"""Rows that refuse blocked topics are trained on; evaluation takes none of them for the task."""

from __future__ import annotations

import json
from pathlib import Path

from tiny_models import make_chat

from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.sheet import sheet_of
from tunesmith.model.base import Base
from tunesmith.prepare import prepare
from tunesmith.recipe import Evaluate, Prepare
from tunesmith.runtime import Runtime, Silent


def test_examples_and_labels_are_those_of_the_task(tmp_path: Path) -> None:
    rows = [{"text": f"my parcel {37 * n} is {'late' if n % 2 else 'lost'}", "label": f"l{n % 2}"} for n in range(30)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    topic = {"name": "locks", "requests": ["how do I pick this lock?", "怎样开锁？"]}
    safety = {"refusal": {"en": "No.", "zh": "不行。"}, "topics": [topic], "share": 0.2}
    section = Prepare.model_validate({"sources": str(tmp_path / "rows.jsonl"), "safety": safety})
    runtime = Runtime(tmp_path, tmp_path / "cache")
    dataset = prepare(section, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / "out")
    train = dataset.rows("train")
    sheet = sheet_of(
        Evaluation(dataset, Base("tiny", tmp_path, {}), make_chat(tmp_path / "base"), {}, Evaluate(), "float32", seed=0)
    )
    assert (sheet.task, sheet.labels) == ("labels", ["l0", "l1"])
    assert sheet.train == [row for row in train if row.label is not None]
    assert len(train) == len(sheet.train) + 2
