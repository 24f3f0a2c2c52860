"""A dataset with planted faults, made by the real stage: what the card says can be counted by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

from tunesmith.artifacts import Dataset, DatasetReport, publish
from tunesmith.artifacts.quality import QUALITY, QualityReport
from tunesmith.chat import load_chat
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS
from tunesmith.report import Card, Reader
from tunesmith.runtime import Runtime, Silent

NUM_ROWS = 320
NUM_BAD = 7
NUM_EQUAL = 12
NUM_WITHOUT_LABEL = 40
SITUATIONS = ("the kettle leaks", "the lamp flickers", "a parcel is lost", "the bill is wrong", "I cannot sign in")


def rows() -> list[dict[str, Any]]:
    """Labels tied to time and language, not to anything else; every second row with an e-mail address."""
    made = []
    for number in range(NUM_ROWS):
        late, chinese = number >= NUM_ROWS // 2, number % 4 == 1
        is_complaint = number % 10 < (8 if late else 2)
        address = f"ann{number}@example.org" if number % 2 else "my desk"
        asked = (
            f"工单{number * 7919}：请把处理结果发到{address}，谢谢"
            if chinese
            else (f"Case {number * 7919}: {SITUATIONS[number % 5]}, please answer to {address}")
        )
        label = "invoice" if chinese and number % 8 == 1 else "complaint" if is_complaint else "question"
        made.append({"text": asked, "label": label, "date": f"{2021 + number * 4 // NUM_ROWS}-0{1 + number % 9}-11"})
    return made


def make_dataset(folder: Path, **section: Any) -> Dataset:
    """From `desk.jsonl` (bad lines at its end) and `客服.csv` (rows without label, repeats of its own first rows)."""
    folder.mkdir(parents=True, exist_ok=True)
    made = rows()
    first, second = made[: NUM_ROWS // 2 : 1], made[NUM_ROWS // 2 :]
    lines = [json.dumps(row, ensure_ascii=False) for row in first] + ["{broken"] * NUM_BAD
    (folder / "desk.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    unlabelled = [{**row, "text": f"{row['text']} again", "label": ""} for row in second[:NUM_WITHOUT_LABEL]]
    with (folder / "客服.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ["text", "label", "date"])
        writer.writeheader()
        writer.writerows([*second, *second[:NUM_EQUAL], *unlabelled])
    sources = [str(folder / "desk.jsonl"), str(folder / "客服.csv")]
    settings = Prepare.model_validate({"sources": sources, **section})
    runtime = Runtime(folder, folder / "cache")
    return prepare(settings, seed=0, runtime=runtime, progress=Silent(), out=folder / "dataset")


def make_card(dataset: Dataset, *, with_model: bool = True) -> Card:
    base = find_base(BUILTIN, None)
    reader = Reader(BUILTIN, load_chat(base.folder), base.max_tokens) if with_model else None
    return Card(dataset, "service_desk", reader)


def edited(
    dataset: Dataset,
    out: Path,
    edit: Callable[[DatasetReport], DatasetReport] = lambda report: report,
    quality: QualityReport | None = None,
) -> Dataset:
    """The same rows with another report, and a 3C score."""
    with publish(out, dataset.manifest.identity) as staging:
        for split in SPLITS:
            copy(dataset.folder / f"{split}.jsonl", staging)
        (staging / "report.json").write_text(edit(dataset.report()).model_dump_json(), encoding="utf-8")
        if quality is not None:
            (staging / QUALITY).write_text(quality.model_dump_json(), encoding="utf-8")
    return Dataset.open(out)
