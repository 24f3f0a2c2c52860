"""What the page says of how training went, and the answers that it shows side by side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pages import Page
from report_material import NUM_STEPS, make_products

from tunesmith.artifacts import Event, TunedModel
from tunesmith.artifacts.tuned_model import METRICS, SAMPLES, write_events
from tunesmith.metrics.wording import Language
from tunesmith.report import Products, report
from tunesmith.report.watch import MAX_STEPS_SHOWN


def sample(step: int, item: int, answer: str, reason: str = "stop") -> Event:
    data = {
        "model": "tuned",
        "item": item,
        "prompt": f"Where is parcel {item} <b>now</b>?",
        "reference": None if item == 0 else "In the shop.",
        "answer": answer,
        "reasoning": "Let me see." if step else None,
        "finish_reason": reason,
    }
    return Event("sample", "2026-03-14T09:00:00+00:00", 1, data, step)


def asked(products: Products, steps: range) -> Products:
    """The same, its first model asked two questions at these steps."""
    model = products.models["tuned"]
    events = [sample(step, item, f"answer {item} of {step}") for step in steps for item in range(2)]
    events[-1] = sample(steps[-1], 1, "never end", "length")
    write_events(model.folder / SAMPLES, events)
    return products


def spoiled(model: TunedModel) -> None:
    """Give the model's validation the shape of overfitting."""
    lines = (model.folder / METRICS).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        if "eval/loss" in row["data"]:
            row["data"]["eval/loss"] = 1.0 + abs(row["step"] - NUM_STEPS // 2) / NUM_STEPS
    (model.folder / METRICS).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def page(products: Products, out: Path, language: Language = "en") -> Page:
    return Page(report(products, language=language, out=out).html.read_text(encoding="utf-8"))


def test_answers_stand_side_by_side_over_a_few_steps(tmp_path: Path) -> None:
    shown = page(asked(make_products(tmp_path), range(0, 101, 10)), tmp_path / "out")
    rows = [[cell.strip() for cell in row] for row in shown.tables["samples"]]
    steps = [0, 20, 40, 60, 80, 100]
    assert len(steps) == MAX_STEPS_SHOWN
    assert rows[0] == ["Prompt", *(f"Step {step}" for step in steps), "Expected"]
    assert rows[1][0] == "Where is parcel 0 <b>now</b>?"
    assert rows[1][1:3] == ["answer 0 of 0", "(Let me see.) answer 0 of 20"]
    assert rows[1][-1] == "–"
    assert rows[2][-2:] == ["(Let me see.) never end …", "In the shop."]


def test_without_samples_there_is_no_table(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    assert "samples" not in page(products, tmp_path / "out").tables
    assert products.models["tuned"].samples("tuned") == []


@pytest.mark.thorough
@pytest.mark.parametrize(("language", "word"), [("en", "overfitting"), ("zh", "过拟合")])
def test_findings_stand_in_words_with_what_to_change(tmp_path: Path, language: Language, word: str) -> None:
    products = make_products(tmp_path)
    healthy = page(products, tmp_path / "healthy", language).texts["health"]
    assert word in healthy  # it says that there is none
    assert "train.stop.patience" not in healthy
    spoiled(products.models["lora_small"])
    text = page(replace(products), tmp_path / "out", language).texts["health"]
    assert f"lora_small{': ' if language == 'en' else '：'}" in text
    assert word in text
    assert str(NUM_STEPS // 2) in text
    assert "train.stop.patience=2" in text
