"""Whether the method that `auto` advises is the best one: on four jobs it is trained beside the two others.

All three methods train for the same epochs on the same rows with the rates that `plan` derives, and are judged on the
same test rows by the metric of the verdict. The advised one is best or tied where no other is shown to beat it (paired
95 % interval).
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.process import REPOSITORY
from tunesmith import lifecycle
from tunesmith.artifacts import TunedModel
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.curve import item_scores
from tunesmith.model.base import BUILTIN
from tunesmith.recipe import AUTO_METHODS, Recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.stats.paired import PairedDifference, paired_difference

DATA: Final = REPOSITORY.parent / "shared" / "data"
NEWS: Final = REPOSITORY / "examples" / "finance_sentiment" / "news.csv"
NUM_TEXTS: Final = 600
MIN_NUM_BEST: Final = 3
GOALS: Final = {"num_best_or_tied": Goal(minimum=MIN_NUM_BEST)}


@dataclass(frozen=True)
class AdviceJob:
    """Rows, and how long all methods train on them."""

    name: str
    sources: tuple[Mapping[str, Any], ...]
    """As in a recipe; a path is looked for in the folder of made files first, then taken as it is."""
    train: Mapping[str, Any]
    prepare: Mapping[str, Any]
    after: str | None = None
    """The job whose fully tuned model is the base; None for the embedded base."""

    def recipe(self, base: str, folder: Path) -> Recipe:
        sources = [{**source, "path": str(folder / source["path"])} for source in self.sources]
        return Recipe.model_validate(
            {
                "name": self.name,
                "model": {"base": base},
                "prepare": {"sources": sources, **self.prepare},
                "train": {"method": "auto", "trackers": [], **self.train},
                "evaluate": {"arms": ["base", "tuned"], "general_suite": False, "max_items": 500},
            }
        )


@dataclass(frozen=True)
class Judged:
    """A job by each method: mean scores, higher is better, and how far the advised method lies above each other."""

    job: AdviceJob
    advised: str
    reason: Mapping[str, Any]
    scores: Mapping[str, float]
    gains: Mapping[str, PairedDifference]
    seconds: Mapping[str, float]

    @property
    def is_best_or_tied(self) -> bool:
        return all(gain.high >= 0 for gain in self.gains.values())

    @property
    def figures(self) -> dict[str, float]:
        found = {f"{self.job.name}/best_or_tied": float(self.is_best_or_tied)}
        found |= {f"{self.job.name}/{method}": score for method, score in self.scores.items()}
        return found | {f"{self.job.name}/advised_minus_{method}": gain.mean for method, gain in self.gains.items()}


_BANKING: Final = (
    {"path": "banking77_train.csv", "split": "train"},
    {"path": "banking77_test.csv", "split": "test"},
)
JOBS: Final = (
    AdviceJob("banking-300", _BANKING, {"max_rows": 300, "epochs": 2}, {"validation_share": 0.05}),
    AdviceJob("banking-3000", _BANKING, {"max_rows": 3_000, "epochs": 4}, {"validation_share": 0.05}),
    AdviceJob("news", ({"path": "news.csv"},), {"epochs": 6}, {"test_share": 0.3}, after="banking-3000"),
    AdviceJob(
        "maths-texts",
        ({"path": "texts.jsonl", "format": "text"},),
        {"objective": "text", "epochs": 5},
        {"test_share": 0.2},
    ),
)
SMOKE: Final = AdviceJob(
    "smoke", ({"path": "news.csv"},), {"max_rows": 60, "epochs": 1}, {"test_share": 0.02, "validation_share": 0.02}
)


def run(*, quick: bool) -> Outcome:
    """All jobs; `quick` takes few rows, and neither real set."""
    missing = [] if quick else _missing()
    if missing:
        return Outcome({}, [["job"]], void=tuple(f"{name} is not there" for name in missing))
    started = perf_counter()
    with tempfile.TemporaryDirectory() as workspace:
        folder = Path(workspace)
        _write_sources(folder, quick=quick)
        judged, tuned = [], {}
        for job in (SMOKE,) if quick else JOBS:
            base = BUILTIN if job.after is None else str(tuned[job.after].payload)
            found, tuned[job.name] = judge(job, base, folder)
            judged.append(found)
    figures = {name: value for one in judged for name, value in one.figures.items()}
    figures["num_best_or_tied"] = float(sum(one.is_best_or_tied for one in judged))
    figures["seconds"] = perf_counter() - started
    details = {one.job.name: {"reason": one.reason, "seconds": one.seconds, "gains": _ends(one)} for one in judged}
    return Outcome(figures, _table(judged), details=details)


def judge(job: AdviceJob, base: str, folder: Path) -> tuple[Judged, TunedModel]:
    """Ask for advice, then train and judge all methods; the fully tuned model beside it."""
    runtime = Runtime(folder, folder / "cache", num_threads=num_usable_cores())
    asked = Job(job.recipe(base, folder), runtime, Silent())
    dataset = lifecycle.prepare(asked)
    started = perf_counter()
    body = lifecycle.plan(asked, dataset)["tuned"].body
    seconds = {"advice": perf_counter() - started}
    (choice,) = (choice for choice in body.choices if choice.name == "method")
    sections = {name: asked.recipe.train.model_copy(update={"method": AUTO_METHODS[name]()}) for name in AUTO_METHODS}
    section = sections.pop(body.method)
    recipe = asked.recipe.model_copy(update={"name": f"{job.name}-all", "train": section, "variants": sections})
    told = replace(asked, recipe=recipe)
    with lifecycle.running(told) as record:
        plans = lifecycle.plan(told, dataset)
        models = lifecycle.train(told, dataset, plans, record)
        scorecard = lifecycle.evaluate(told, dataset, plans, models, record)
    scores, groups = item_scores(scorecard)
    of_method = {plans[arm].body.method: scores[arm] for arm in models}
    seconds |= {plans[arm].body.method: float(model.training()["seconds"]) for arm, model in models.items()}
    gains = {
        name: paired_difference(of_method[name], of_method[body.method], groups, seed=recipe.seed) for name in sections
    }
    means = {name: float(values.mean()) for name, values in of_method.items()}
    reason = {"code": choice.reason, **choice.parameters}
    full = next(model for arm, model in models.items() if plans[arm].body.method == "full")
    return Judged(job, body.method, reason, means, gains, seconds), full


def _missing() -> list[str]:
    names = ("banking77_train.csv", "banking77_test.csv", "gsm8k_2000.jsonl")
    return [name for name in names if not (DATA / name).is_file()]


def _write_sources(folder: Path, *, quick: bool) -> None:
    """Everything that the jobs read, in one folder."""
    with NEWS.open(encoding="utf-8", newline="") as stream:
        news = [{"text": row["text"], "label": row["label"]} for row in csv.DictReader(stream)]
    with (folder / "news.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, ("text", "label"))
        writer.writeheader()
        writer.writerows(news)
    if quick:
        return
    for name in ("banking77_train.csv", "banking77_test.csv"):
        (folder / name).symlink_to(DATA / name)
    solved = map(json.loads, (DATA / "gsm8k_2000.jsonl").read_text(encoding="utf-8").splitlines()[:NUM_TEXTS])
    lines = (json.dumps({"text": f"{row['question']}\n{row['answer']}"}) + "\n" for row in solved)
    (folder / "texts.jsonl").write_text("".join(lines), encoding="utf-8")


def _ends(judged: Judged) -> dict[str, list[float]]:
    return {name: [gain.low, gain.high] for name, gain in judged.gains.items()}


def _table(judged: list[Judged]) -> list[list[str]]:
    rows = [["", "advised", *AUTO_METHODS, *(f"s {name}" for name in ("advice", *AUTO_METHODS)), "best or tied"]]
    for one in judged:
        cells = []
        for method in AUTO_METHODS:
            gain = one.gains.get(method)
            ends = "" if gain is None else f" [{gain.low:+.3f}, {gain.high:+.3f}]"
            cells.append(f"{one.scores[method]:.3f}{ends}")
        cells += [f"{one.seconds[name]:.0f}" for name in ("advice", *AUTO_METHODS)]
        rows.append([one.job.name, one.advised, *cells, "yes" if one.is_best_or_tied else "no"])
    return rows
