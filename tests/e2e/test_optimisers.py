"""Every training of the page on optimisers trains the embedded base, and each optimiser resumes to the bit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nine_steps
import pytest
from killing import fork

from tunesmith.artifacts import open_run
from tunesmith.chat import load_chat
from tunesmith.model.base import find_base
from tunesmith.plan.run import Planning, plan
from tunesmith.prepare import prepare
from tunesmith.recipe import Evaluate, Prepare, Recipe, Train
from tunesmith.recipe.optimizers import Adam, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.recipe.tree import parse_yaml
from tunesmith.runtime import Runtime, Silent, utc_now
from tunesmith.train.run import build
from tunesmith.train.sampler import RowSampler
from tunesmith.train.step import train_steps
from tunesmith.train.training import Training

ROOT = Path(__file__).parents[2]


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / "choose-the-optimiser.md").read_text(encoding="utf-8")
    found: list[Any] = [parse_yaml(block, "page", [])[0] for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def trainings(name: str) -> dict[str, Train]:
    recipe = Recipe.model_validate(recipes("en")[name])
    return {"tuned": recipe.train, **recipe.variants}


@pytest.mark.parametrize(
    ("page", "name"),
    [("optimisers", name) for name in ("tuned", "small", "adam", "sgd", "rmsprop", "muon")]
    + [
        ("regularisers", "tuned"),
        ("regularisers", "coupled"),
        ("regularisers", "dropped"),
        ("regularisers", "attended"),
    ],
)
def test_every_training_of_the_page_lowers_the_embedded_bases_loss(page: str, name: str, tmp_path: Path) -> None:
    base = find_base("builtin:tiny")
    chat = load_chat(base.folder)
    section = trainings(page)[name].model_copy(update={"max_steps": 4, "batch_rows": 4, "trackers": (), "warmup": 0.0})
    rows = "".join(json.dumps({"question": f"number {n}", "answer": f"{n} is {n}"}) + "\n" for n in range(12))
    (tmp_path / "rows.jsonl").write_text(rows, encoding="utf-8")
    runtime = Runtime(tmp_path, tmp_path / "cache", num_threads=1)
    prepared = Prepare.model_validate({"sources": [{"path": str(tmp_path / "rows.jsonl")}]}, strict=False)
    data = prepare(prepared, seed=0, runtime=runtime, progress=Silent(), out=tmp_path / "dataset")
    planning = Planning("tuned", data, base, chat, section, Evaluate(), RowSampler, 0, runtime)
    planned = plan(planning, progress=Silent(), out=tmp_path / "plan")
    training = Training("tuned", data, base, chat, planned, section, 0)
    with open_run(tmp_path / "run", "", utc_now) as run:
        loop = build(training, runtime, Silent(), run)
        losses = [
            report.loss_sum.item() / report.weight
            for report in train_steps(loop.model, loop.source, loop.objective, loop.optimizer, loop.schedule, range(4))
        ]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("settings", [Adam(l2=0.1), AdamW8Bit(), Sgd(), RmsProp(momentum=0.5), Muon()], ids=str)
def test_it_resumes_to_the_bit(tmp_path: Path, settings: AnyOptimizer) -> None:
    finished = nine_steps.finish(tmp_path, settings)
    run, result = tmp_path / "again", tmp_path / "again.json"

    def job() -> None:
        nine_steps.train(run, result, settings=settings)

    assert not fork(job, run, kill_at=finished.num_operations // 2)
    assert run.exists()
    assert not result.exists()
    assert fork(job, run)
    assert result.read_text() == finished.digest
