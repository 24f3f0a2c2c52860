"""The learning curve: one training on an eighth, a quarter, a half and all of its rows, judged on one test split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Scorecard
from tunesmith.chat.cache import rendered_rows
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.metrics.registry import LOWER_IS_BETTER, verdict_metric
from tunesmith.plan.curve import SHARES, Curve, Floats, read_curve
from tunesmith.recipe.metrics import AUTO

MIN_ROWS: Final = 16
"""Fewer rows than these have no eighth worth training on."""
BASELINES: Final = ("base", "base_few_shot", "classic")


def learning_curve(job: Job) -> Curve:
    """Train on nested parts of the training rows, the test split frozen, and read the curve.

    Raises TunesmithError `curve-rows` when there are too few rows.
    """
    dataset = lifecycle.prepare(job)
    sizes = _sizes(job, dataset)
    total = max(sizes)
    parts = {f"rows_{size}": job.recipe.train.model_copy(update={"max_rows": size}) for size in sizes if size < total}
    recipe = job.recipe.model_copy(update={"name": f"{job.recipe.name}-curve", "variants": parts})
    curve = replace(job, recipe=recipe)
    with lifecycle.running(curve) as record:
        plans = lifecycle.plan(curve, dataset)
        models = lifecycle.train(curve, dataset, plans, record)
        scorecard = lifecycle.evaluate(curve, dataset, plans, models, record)
    scores, groups = item_scores(scorecard)
    values = {size: scores["tuned" if size == total else f"rows_{size}"] for size in sizes}
    others = {arm: scores[arm] for arm in BASELINES if arm in scores}
    return read_curve(values, others, groups, job.recipe.seed)


def _sizes(job: Job, dataset: Dataset) -> list[int]:
    rows = rendered_rows(dataset, "train", job.chat, job.recipe.train.objective, job.runtime.cache)
    total = min(len(rows), job.recipe.train.max_rows or len(rows))
    if total < MIN_ROWS:
        raise TunesmithError("curve-rows", rows=total, least=MIN_ROWS)
    return [*(total // share for share in SHARES), total]


def item_scores(scorecard: Scorecard) -> tuple[Mapping[str, Floats], list[str] | None]:
    """Of each arm the score of every test item, in one order, and the groups of the items."""
    metric = verdict_metric(AUTO, scorecard.body.task)
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    groups: dict[str, str | None] = {}
    for sample in scorecard.samples():
        if sample.suite == "test":
            found[sample.arm][sample.item].append(sample.scores[metric])
            groups[sample.item] = sample.group
    items = sorted(groups)
    scores = {arm: np.array([np.mean(of_item[item]) for item in items]) for arm, of_item in found.items()}
    if metric in LOWER_IS_BETTER:  # the share of the mean error of all arms that an arm saves
        mean = np.mean(list(scores.values()))
        scores = {arm: 1.0 - errors / mean for arm, errors in scores.items()}
    grouped = [groups[item] or item for item in items]
    return scores, None if all(group is None for group in groups.values()) else grouped
