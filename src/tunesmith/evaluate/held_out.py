"""What a tuned model is worth on the validation rows, asked as the test rows will be: for a choice before the test."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import torch

from tunesmith.artifacts.figures import Estimate
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.arms import Asking
from tunesmith.evaluate.asked import judge_test, sources_of
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.kept import Kept
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.sheet import sheet_of
from tunesmith.evaluate.summary import arm_of
from tunesmith.metrics.registry import verdict_metric
from tunesmith.model.load import compute_dtype, ready_models
from tunesmith.recipe import Evaluate
from tunesmith.recipe.confidence import Confidence
from tunesmith.recipe.safety_checks import SafetyChecks
from tunesmith.runtime import Progress, Runtime

TUNED = "tuned"


def validation_figures(evaluation: Evaluation, *, runtime: Runtime, progress: Progress) -> dict[str, Estimate]:
    """Every metric of the model `tuned` on all validation rows, with its interval; nothing else is asked.

    Raises TunesmithError `no-test-rows` where there is none, and what `measure` raises.
    """
    torch.set_num_threads(runtime.num_threads)
    asked = replace(evaluation, section=_rows_alone(evaluation.section), split="validation")
    sheet = sheet_of(asked)
    items = sheet.items["test"]
    progress.begin("task.evaluate", len(items))
    source = {TUNED: sources_of(asked)[TUNED]}
    for _, model in ready_models(source, dtype=compute_dtype(asked.precision), device=runtime.device):
        engine = LocalEngine(model, asked.chat, asked.base.max_tokens)
        asking = Asking(engine, Kept(StringIO(), {}), progress.advance)
        found = {TUNED: {"test": judge_test(asked, sheet, TUNED, asking)}}
        del asking, engine, model
    progress.end()
    metric = verdict_metric(asked.section.metric, sheet.task)
    measure(found, items, Wanted(sheet.task, metric, asked.section.metrics, sheet.labels))
    return arm_of(TUNED, {"test": (found[TUNED]["test"], items)}, sheet.labels, asked.seed).metrics["test"]


def _rows_alone(section: Evaluate) -> Evaluate:
    """Without suites, confidences, swaps and judges."""
    return section.model_copy(
        update={
            "arms": (TUNED,),
            "max_items": None,
            "general_suite": False,
            "suites": {},
            "harness": None,
            "confidence": Confidence(answers=(), map="none"),
            "protected": None,
            "safety": SafetyChecks(suite=False),
            "judge": None,
        }
    )
