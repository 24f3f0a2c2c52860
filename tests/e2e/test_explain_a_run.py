"""A small model tuned on labels that hang on one word: errors, bias and explanations of a real run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job, Outcome
from tunesmith.lifecycle.explain import Question, explain

ROOT = Path(__file__).parents[2]
FILLERS = ("today", "please", "again", "now", "my", "the", "for", "with", "order", "account")
WHO = ("he", "she", "my brother", "my sister")
TRAIN = {
    "method": "full",
    "max_steps": 40,
    "batch_rows": 16,
    "trackers": [],
    "precision": "fp32",
    "learning_rate": 1e-3,
}


def bias_page(language: str) -> dict[str, Any]:
    text = (ROOT / "docs" / language / "how-to" / "check-for-bias.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return dict(yaml.safe_load(block))


def job(folder: Path) -> Job:
    """Tickets whose topic hangs on one word: `broken` is a repair, all else a question."""
    random = np.random.default_rng(0)
    rows = ["text,label,region"]
    for n in range(200):
        words = list(random.permutation(FILLERS)[:5])
        if n % 2:
            words.insert(int(random.integers(6)), "broken")
        label, region = ("question", "repair")[n % 2], ("north", "south")[n % 3 > 0]
        rows.append(f"{WHO[n // 2 % 4]} said {' '.join(words)} {n},{label},{region}")
    (folder / "tickets.csv").write_text("\n".join(rows), encoding="utf-8")
    tree = bias_page("en")
    tree["prepare"] |= {"sources": str(folder / "tickets.csv"), "test_share": 0.3}
    tree["train"] = TRAIN
    tree["evaluate"] |= {"general_suite": False, "arms": ["base", "classic", "tuned"]}
    return open_job(tree, workspace=folder / "work")


def test_both_languages_show_the_same_recipe() -> None:
    assert bias_page("en") == bias_page("zh")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Job, Outcome]]:
    folder = tmp_path_factory.mktemp("desk")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        this = job(folder)
        with pytest.raises(TunesmithError, match="run-unmade"):
            explain(this, Question(text="is it broken"), 3)
        yield this, lifecycle.run(this)


@pytest.mark.thorough
def test_the_word_that_decides_is_ranked_first(made: tuple[Job, Outcome]) -> None:
    this, outcome = made
    body = outcome.scorecard.body
    tuned = next(arm for arm in body.arms if arm.name == "tuned")
    assert tuned.metrics["test"]["accuracy"].value > 0.9
    repairs = [row for row in outcome.dataset.rows("test") if row.label == "repair"][:5]
    first = []
    for row in repairs:
        found = explain(this, Question(item=row.id), 3)
        assert found.reasons is not None
        assert found.reasons.deletion is not None
        if found.answer == "repair":
            first.append(max(found.reasons.units, key=lambda unit: unit.drop).text)
            assert found.reasons.deletion.drop > found.reasons.deletion.random_drop
        assert [Path(near.file).name for near in found.neighbours] == ["tickets.csv"] * 3
        assert all(near.line is not None and near.line > 1 for near in found.neighbours)
    assert first.count("broken") >= 4
    own = explain(this, Question(text="he said it is broken today"), 0)
    assert (own.item, own.neighbours, own.answer) == ("", (), "repair")


@pytest.mark.thorough
def test_what_cannot_be_explained_is_told(made: tuple[Job, Outcome]) -> None:
    this, _ = made
    for asked, code in (
        (Question(), "explain-what"),
        (Question(item="x", text="y"), "explain-what"),
        (Question(item="nothing"), "explain-item"),
        (Question(item=""), "explain-item"),
    ):
        with pytest.raises(TunesmithError) as caught:
            explain(this, asked, 3)
        assert caught.value.code == code


@pytest.mark.thorough
def test_the_run_has_errors_and_bias_that_are_rechecked(made: tuple[Job, Outcome]) -> None:
    _, outcome = made
    body = outcome.scorecard.body
    accuracy = {arm.name: arm.metrics["test"]["accuracy"].value for arm in body.arms}
    for arm, share in accuracy.items():
        wrong = sum(found.count for found in body.errors.get(arm, []))
        assert wrong == pytest.approx((1 - share) * body.num_items["test"])
    assert body.bias is not None
    assert set(body.bias.group_sizes) == {"gender", "name", "region"}
    assert set(body.bias.group_sizes["gender"]) == {"female", "male"}
    assert {effect.arm for effect in body.bias.swaps} == {"base", "tuned"}
    assert {effect.attribute for effect in body.bias.swaps} == {"gender"}  # nobody has a name
    assert all(effect.changed.n == body.num_items["test"] for effect in body.bias.swaps)
    found = recheck(outcome.scorecard.folder)
    assert found.largest < TOLERANCE
    assert "gaps by region" in found.unchecked
    text = outcome.report.html.read_text(encoding="utf-8")
    assert "What the wrong answers are" in text
    assert "The same questions about somebody else" in text


@pytest.mark.thorough
def test_the_command_shows_it_and_tells_json(made: tuple[Job, Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    this, outcome = made
    row = next(row for row in outcome.dataset.rows("test") if row.label == "repair")
    workspace = ["--workspace", str(this.runtime.workspace)]
    asked = [*workspace, "explain", str(outcome.run_folder), "--item", row.id[:10]]
    shown = CliRunner().invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "broken⟧" in shown.stdout
    assert "tickets.csv:" in shown.stdout
    told = CliRunner().invoke(app, [*asked, "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout.splitlines()[-1])
    assert found["item"] == row.id
    assert {unit["text"] for unit in found["reasons"]["units"]} >= {"said", "broken"}


@pytest.mark.thorough
def test_answers_in_words_are_asked_about_somebody_else_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked = ("What does he want?", "她想要什么？", "What is on the shelf?")
    rows = [{"question": f"Case {n}: {asked[n % 3]}", "answer": f"A card for case {n}."} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tree = {
        "name": "words",
        "prepare": {"sources": str(tmp_path / "rows.jsonl"), "test_share": 0.5},
        "train": {**TRAIN, "max_steps": 2},
        "evaluate": {
            "general_suite": False,
            "arms": ["base", "tuned"],
            "decoding": {"max_new_tokens": 8},
            "confidence": {"answers": ["likelihood", "verbalised"]},
            "protected": {"swap": ["gender", "name"]},
        },
    }
    outcome = lifecycle.run(open_job(tree, workspace=tmp_path / "work"))
    body = outcome.scorecard.body
    assert body.bias is not None
    num_named = sum("shelf" not in row.prompt[-1].content for row in outcome.dataset.rows("test"))
    whole = [effect for effect in body.bias.swaps if not effect.language]
    assert [(effect.arm, effect.attribute, effect.changed.n) for effect in whole] == [
        ("base", "gender", num_named),
        ("tuned", "gender", num_named),
    ]
    assert {effect.difference.metric for effect in whole} == {"rouge_l"}
    samples = list(outcome.scorecard.samples())
    assert len({(s.arm, s.suite, s.item, s.index) for s in samples}) == len(samples)
    assert recheck(outcome.scorecard.folder).largest < TOLERANCE
