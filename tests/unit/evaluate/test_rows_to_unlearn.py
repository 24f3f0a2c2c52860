"""An answer of weight 0 is to be unlearned or only read: nobody is asked for it, and nobody is shown it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from tiny_models import make_chat

from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.sheet import sheet_of
from tunesmith.model.base import Base
from tunesmith.prepare import prepare
from tunesmith.recipe import Evaluate, Prepare
from tunesmith.runtime import Runtime, Silent


def question(*key: object) -> str:
    """Like no other one."""
    letters = random.Random(str(key))
    return " ".join("".join(letters.choices("abcdefghij", k=6)) for _ in range(9)) + "?"


def rated(number: int, split: str) -> dict[str, Any]:
    is_good = number % 3 > 0
    answer = f"It left on day {number}." if is_good else f"No idea, ask somebody else about {number}."
    return {"prompt": question("rated", split, number), "completion": answer, "label": is_good}


def said(number: int, split: str) -> dict[str, Any]:
    """A conversation of two answers, the last of which is only read now and then."""
    last = {"role": "assistant", "content": f"Shelf {number}."} | ({} if number % 3 else {"weight": 0})
    turns = [
        {"role": "user", "content": question("said", split, number)},
        {"role": "assistant", "content": "One moment."},
        {"role": "user", "content": "Well?"},
        last,
    ]
    return {"messages": turns}


def test_what_is_not_to_be_said_is_no_reference_and_no_example(tmp_path: Path) -> None:
    sources = []
    for split, num in (("train", 24), ("test", 12)):
        for name, row in (("rated", rated), ("said", said)):
            file = tmp_path / f"{name}-{split}.jsonl"
            file.write_text("".join(json.dumps(row(n, split)) + "\n" for n in range(num)), encoding="utf-8")
            sources.append({"path": str(file), "split": split})
    section = Prepare.model_validate({"sources": sources, "validation_share": 0.0})
    runtime = Runtime(tmp_path, tmp_path / "cache")
    dataset = prepare(section, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / "out")
    assert len(dataset.rows("test")) == 24
    sheet = sheet_of(
        Evaluation(dataset, Base("tiny", tmp_path, {}), make_chat(tmp_path / "base"), {}, Evaluate(), "float32", seed=0)
    )
    answers = [item.answer.content for item in sheet.items["test"]]
    assert sorted(answers) == sorted(
        [f"It left on day {n}." for n in range(12) if n % 3] + [f"Shelf {n}." for n in range(12) if n % 3]
    )
    assert {row.answer.weight for row in sheet.train} == {1.0}
    assert len(sheet.train) == 32
