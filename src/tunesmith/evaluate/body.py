"""From a sheet that every arm has answered to the scorecard: figures, comparisons, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tunesmith.artifacts.calibration import Kind
from tunesmith.artifacts.scorecard import Difference, Forgetting, ScorecardBody, WeakSlice
from tunesmith.errors import RunFailed
from tunesmith.evaluate import memorisation, safety, slices, summary
from tunesmith.evaluate.confidence import Judging, Mended, judge_confidence
from tunesmith.evaluate.content import content_findings
from tunesmith.evaluate.evaluation import CHANGED, Evaluation
from tunesmith.evaluate.forgetting import forgetting
from tunesmith.evaluate.measure import Wanted
from tunesmith.evaluate.mistakes import error_changes, errors_by_kind
from tunesmith.evaluate.protected import model_bias
from tunesmith.evaluate.remedies import with_remedies
from tunesmith.evaluate.sheet import FREE_FORM, Sheet
from tunesmith.metrics.mistakes import judge_of
from tunesmith.recipe import Prepare
from tunesmith.recipe.confidence import HELD_OUT
from tunesmith.recipe.metrics import AUTO

_OWN_SUITES: Final = frozenset({"test", *safety.SUITES, *memorisation.SUITES})
"""What is not asked to see what was forgotten."""


def confidence_of(evaluation: Evaluation, sheet: Sheet) -> Mended:
    """How sure the arms are of their answers, and the maps that mend it."""
    section = evaluation.section
    metric = "exact_match" if section.metric == AUTO else section.metric
    asked: dict[str, list[Kind]] = {
        name: [*sheet.kinds] for name in sheet.judged if name not in ("majority", "classic")
    }
    if sheet.task == "labels":
        # whoever chooses among labels says how likely they are; an endpoint may not
        for name in section.endpoints:
            asked[name] = ["label"]
    models = {name: model.key for name, model in evaluation.models.items()}
    judging = Judging(metric, asked, section.confidence, evaluation.seed, models)
    samples = {name: suites["test"].answers.samples for name, suites in sheet.judged.items()}
    held_out = {name: [one for one in of_arm if one.suite == HELD_OUT] for name, of_arm in sheet.asides.items()}
    return judge_confidence(samples, held_out, judging)


def body_of(evaluation: Evaluation, sheet: Sheet, wanted: Wanted, mended: Mended) -> ScorecardBody:
    """Raises RunFailed `metric-silent` where the verdict's metric says nothing of an arm that is judged."""
    seed, max_loss, judged, metric = evaluation.seed, evaluation.section.max_loss, sheet.judged, wanted.metric
    test, tests = sheet.items["test"], {name: suites["test"] for name, suites in judged.items()}
    table = [
        summary.arm_of(name, {s: (j, sheet.items[s]) for s, j in suites.items()}, sheet.labels, seed)
        for name, suites in judged.items()
    ]
    # an encoder, which has nothing to say untuned, is held against the usual method without one
    before: str = next(name for name in ("base", "classic", "majority") if name in judged)
    tuned = [name for name in evaluation.models if name in judged]
    differences, losses = _differences(sheet, before, tuned, seed), _losses(sheet, tuned, seed)
    gains = {d.arm: d for d in differences if d.against == before and d.metric == metric}
    silent = next((name for name in tuned if name not in gains), None)
    if silent is not None:
        raise RunFailed("metric-silent", metric=metric, arm=silent)
    free_form = next((d for d in differences if d.against == FREE_FORM["base"] and d.metric == metric), None)
    untuned = next(arm.metrics["test"][metric].value for arm in table if arm.name == before)
    margin = summary.margin_of(metric, evaluation.section.margin, untuned)
    judge = judge_of(sheet.task, metric, sheet.labels, (name for arm in table for name in arm.metrics["test"]))
    errors = {name: errors_by_kind(found, test, judge, seed) for name, found in tests.items()}
    protected = evaluation.section.protected
    return ScorecardBody(
        task=sheet.task,
        metric=metric,
        num_items={suite: len(items) for suite, items in sheet.items.items()},
        arms=table,
        differences=differences,
        forgetting=losses,
        verdicts=[
            summary.conclude(
                metric,
                gains[name],
                [f for f in losses if f.arm == name],
                max_loss,
                margin,
                free_form if name == "tuned" else None,
            )
            for name in tuned
        ],
        max_loss=max_loss,
        margin=margin,
        labels=sheet.labels,
        calibration=mended.tables,
        unstated=mended.unstated,
        slices=slices.declared(evaluation.section.slices, test, tests, metric, seed),
        weak_slices=_weak_slices(evaluation, sheet, metric) if "tuned" in judged else [],
        errors={name: kinds for name, kinds in errors.items() if kinds},
        error_changes=error_changes(tests, before, tuned, test, judge, seed),
        bias=(
            model_bias(
                protected, sheet.swaps, {n: tests[n] for n in (before, "tuned") if n in tests}, test, wanted, seed
            )
            if protected
            else None
        ),
        safety=safety.changes(judged, sheet.items, tuned, seed),
        content=content_findings(wanted.content, judged, sheet.items["test"], seed),
        memorisation=memorisation.memorised(judged, sheet.items, tuned, seed),
    )


def _weak_slices(evaluation: Evaluation, sheet: Sheet, metric: str) -> list[WeakSlice]:
    test, train = sheet.items["test"], sheet.train
    found = slices.weak(test, train, sheet.judged["tuned"]["test"], metric, evaluation.seed)
    return with_remedies(found, train, Prepare.model_validate(evaluation.dataset.manifest.section), metric)


def _differences(sheet: Sheet, before: str, tuned: Sequence[str], seed: int) -> list[Difference]:
    """Every arm against the untuned one, and the tuned ones against what can be had without tuning."""
    judged, groups = sheet.judged, summary.groups_of(sheet.items["test"])
    pairs = [(name, before) for name in judged if name != before]
    others = [name for name in (CHANGED, "base_few_shot", "classic") if name in judged and name != before]
    pairs += [(name, other) for name in tuned for other in others]
    if all(name in judged for name in FREE_FORM.values()):
        pairs.append((FREE_FORM["tuned"], FREE_FORM["base"]))
    return summary.adjusted(
        [
            difference
            for arm, against in pairs
            for difference in summary.compare(
                "test", (arm, judged[arm]["test"]), (against, judged[against]["test"]), groups, seed
            )
        ]
    )


def _losses(sheet: Sheet, tuned: Sequence[str], seed: int) -> list[Forgetting]:
    """The general suites before and after, of each tuned arm."""
    losses = [
        forgetting(suite, (name, sheet.judged[name][suite]), sheet.judged["base"][suite], items, seed)
        for name in tuned
        for suite, items in sheet.items.items()
        if suite in sheet.judged[name] and suite not in _OWN_SUITES
    ]
    corrected = summary.adjusted([loss.difference for loss in losses])
    return [
        loss.model_copy(update={"difference": difference}) for loss, difference in zip(losses, corrected, strict=True)
    ]
