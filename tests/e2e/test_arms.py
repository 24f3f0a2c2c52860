"""Every recipe of the page on arms, run from rows to verdict, with a server of this test; and an evaluation stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from chat_server import serving

from tunesmith import lifecycle
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.kept import Kept
from tunesmith.lifecycle import Job
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
COLOURS = ("red", "green", "blue")
TRAIN = {"max_steps": 4, "batch_rows": 8, "trackers": [], "precision": "fp32", "learning_rate": 1e-3}


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / "choose-what-to-compare.md").read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **evaluate: Any) -> Job:
    random = np.random.default_rng(0)
    rows = []
    for n in range(60):
        colour = COLOURS[random.integers(3)]
        asked = {"role": "user", "content": f"Colour of box {n}, which is {colour}?"}
        rows.append({"messages": [asked, {"role": "assistant", "content": colour}]})
    folder.mkdir(exist_ok=True)
    (folder / "conversations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    monkeypatch.chdir(folder)
    tree = recipes("en")[name]
    tree["prepare"] |= {"test_share": 0.2}
    tree["train"] = TRAIN
    tree["evaluate"] |= {"general_suite": False, "decoding": {"max_new_tokens": 8, "temperature": 0.0}, **evaluate}
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def test_both_languages_show_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


def test_a_model_of_another_run_and_one_behind_an_api_are_arms_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = lifecycle.run(job("shown", tmp_path, monkeypatch))
    assert [arm.name for arm in earlier.scorecard.body.arms] == ["base", "base_few_shot", "tuned"]
    shown = [sample for sample in earlier.scorecard.samples() if sample.arm == "base_few_shot"]
    assert all(len(sample.prompt) == 4 * 2 + 1 for sample in shown)

    given = {"march": f"runs/{earlier.run_folder.name}"}
    beside = lifecycle.run(job("beside-march", tmp_path, monkeypatch, arms=["base", "tuned"], models=given))
    march, tuned = (
        [sample.raw for sample in beside.scorecard.samples() if sample.arm == name] for name in ("march", "tuned")
    )
    assert march == tuned  # trained by the same settings on the same rows
    assert {verdict.arm for verdict in beside.scorecard.body.verdicts} == {"tuned", "march"}
    assert "march" in beside.report.html.read_text(encoding="utf-8")

    def knows(system: str, text: str) -> str:
        return next(colour for colour in COLOURS if colour in text)

    with serving(knows) as server:
        address = {"large": {"url": server.url, "model": "large-model", "parallel": 8}}
        asked = lifecycle.run(job("beside-an-api", tmp_path, monkeypatch, arms=["base", "tuned"], endpoints=address))
    arms = {arm.name: arm for arm in asked.scorecard.body.arms}
    assert arms["large"].metrics["test"]["exact_match"].value == 1.0
    assert arms["large"].num_prompt_tokens_mean is not None
    assert {body["max_tokens"] for body in server.bodies} == {8}
    assert len(server.bodies) == asked.scorecard.body.num_items["test"]
    gain = next(d for d in asked.scorecard.body.differences if (d.arm, d.metric) == ("large", "exact_match"))
    assert (gain.against, gain.mean) == ("base", 1.0)


def test_questions_of_ones_own_are_asked_before_and_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = [
        {"prompt": "Tell me which word means the opposite of empty.", "answer": "full"},
        {"prompt": "Tell me the use of a fridge.", "answer": "to keep food cold", "aliases": ["keep food cold"]},
        {"prompt": "Colour of box 3, which is green?", "answer": "green"},
    ]
    tmp_path.joinpath("suites").mkdir()
    lines = "".join(json.dumps(row) + "\n" for row in suite)
    tmp_path.joinpath("suites", "house-rules.jsonl").write_text(lines, encoding="utf-8")
    outcome = lifecycle.run(job("own-questions", tmp_path, monkeypatch, arms=["base", "tuned"]))
    body = outcome.scorecard.body
    assert body.num_items["house-rules"] == 3
    (loss,) = body.forgetting
    answers = {s.arm: [] for s in outcome.scorecard.samples()}  # type: ignore[var-annotated]
    for sample in outcome.scorecard.samples():
        if sample.suite == "house-rules":
            right = {sample.reference, *([] if "fridge" not in sample.prompt[0].content else ["keep food cold"])}
            answers[sample.arm].append(float(sample.answer.strip(" .").lower() in right))
    assert (loss.suite, loss.before.value, loss.after.value) == (
        "house-rules",
        pytest.approx(np.mean(answers["base"])),
        pytest.approx(np.mean(answers["tuned"])),
    )
    assert "house-rules" in outcome.report.html.read_text(encoding="utf-8")


@pytest.mark.parametrize("given", ["runs/nothing-here", "artifacts/tuned_model/0123456789abcdef"])
def test_a_model_that_is_not_there_is_told_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    this = job("beside-march", tmp_path, monkeypatch, models={"march": given})
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert (caught.value.code, str(caught.value.place)) == ("arm-model", given)
    assert not (tmp_path / "work" / "artifacts" / "tuned_model").exists()


def test_a_stopped_evaluation_asks_for_the_missing_answers_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lifecycle.run(job("shown", tmp_path / "whole", monkeypatch))
    this = job("shown", tmp_path / "stopped", monkeypatch)
    with lifecycle.running(this) as record:
        dataset = lifecycle.prepare(this)
        plans = lifecycle.plan(this, dataset)
        models = lifecycle.train(this, dataset, plans, record)
    asked: list[int] = []
    generate, keep = LocalEngine.generate, Kept.keep

    def counted(self: LocalEngine, conversations: Any, *others: Any) -> Any:
        asked.append(len(conversations))
        return generate(self, conversations, *others)

    def stopping(self: Kept, name: str, answer: Any) -> None:
        keep(self, name, answer)
        if name.startswith("base_few_shot") and name.endswith("\t5"):
            raise KeyboardInterrupt

    monkeypatch.setattr(LocalEngine, "generate", counted)
    monkeypatch.setattr(Kept, "keep", stopping)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.run(this)
    monkeypatch.setattr(Kept, "keep", keep)
    num_items, asked_before = asked[0], sum(asked)
    outcome = lifecycle.run(this)
    assert 0 < sum(asked) - asked_before < 2 * num_items
    assert outcome.scorecard.body.differences == whole.scorecard.body.differences
    assert [s.raw for s in outcome.scorecard.samples()] == [s.raw for s in whole.scorecard.samples()]
    assert models.keys() == {"tuned"}
    assert list((outcome.run_folder / "answers").iterdir()) == []


def test_the_page_on_weak_spots_shows_its_ways_to_divide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [
        re.findall(
            r"```yaml\n(.*?)```", (ROOT / "docs" / code / "how-to" / "find-weak-spots.md").read_text("utf-8"), re.S
        )
        for code in ("en", "zh")
    ]
    (english,), (chinese,) = pages
    assert yaml.safe_load(english)["evaluate"] == yaml.safe_load(chinese)["evaluate"]
    random = np.random.default_rng(0)
    rows = ["text,label,channel"]
    for n in range(120):
        place = random.integers(3)
        asked = f"parcel {n} {('is lost', 'came broken', '在哪里')[place]}"
        rows.append(f"{asked},{COLOURS[place]},{('phone', 'mail')[n % 2]}")
    (tmp_path / "tickets.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    tree = yaml.safe_load(english)
    tree["prepare"] |= {"test_share": 0.4}
    tree["train"] = TRAIN
    tree["evaluate"] |= {"general_suite": False, "arms": ["base", "classic", "tuned"]}
    outcome = lifecycle.run(Job(Recipe.model_validate(tree), Runtime(tmp_path / "w", tmp_path / "c"), Silent()))
    body = outcome.scorecard.body
    assert body.slices.keys() == {"language", "label", "length", "channel"}  # one file is no division
    for by_value in body.slices.values():
        assert sum(arms["tuned"].n for arms in by_value.values()) == body.num_items["test"]
    whole = next(arm for arm in body.arms if arm.name == "classic").metrics["test"]["accuracy"].value
    parts = [arms["classic"] for arms in body.slices["channel"].values()]
    assert sum(part.value * part.n for part in parts) / sum(part.n for part in parts) == pytest.approx(whole)
    assert "By channel" in outcome.report.html.read_text(encoding="utf-8")
    tree["evaluate"]["slices"] = ["canal"]
    wrong = Job(Recipe.model_validate(tree), Runtime(tmp_path / "w", tmp_path / "c"), Silent())
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(wrong, lifecycle.prepare(wrong))
    assert caught.value.code == "slice-column"
