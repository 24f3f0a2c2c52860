"""The report as data: pure functions from a run's artifacts to frozen dataclasses of ready words and numbers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts import Dataset, DatasetReport, Event, Plan, Scorecard, TunedModel, read_events
from tunesmith.artifacts.history import Taken
from tunesmith.artifacts.rated import Rated
from tunesmith.artifacts.scorecard import Difference, Estimate, ScorecardBody, Verdict
from tunesmith.metrics.wording import (
    Words,
    count,
    direction,
    figure,
    is_worse,
    probability,
    signed,
    significant,
)
from tunesmith.recipe import Recipe, dump_recipe
from tunesmith.report.answers import AnswersView, answers_view
from tunesmith.report.arm_table import ArmTable, arm_table, find_difference
from tunesmith.report.cells import Bar, DifferenceView, bar_around_zero, difference_view
from tunesmith.report.charts import Series, collect, line_chart
from tunesmith.report.confidence import CalibrationRow, calibration_rows, coverage_sentence
from tunesmith.report.details import DetailsView, details_view
from tunesmith.report.experts import ExpertRow, expert_rows
from tunesmith.report.facts import (
    DataView,
    MethodView,
    Pair,
    data_view,
    environment,
    four_bit_notes,
    method_view,
    proof,
)
from tunesmith.report.forgetting import ForgettingView, forgetting_view
from tunesmith.report.mending import MendingView, mending_view
from tunesmith.report.mistakes import ErrorsView, errors_view
from tunesmith.report.model_bias import BiasView, bias_view
from tunesmith.report.pairs import (
    BASE,
    TEST,
    PairView,
    before_after,
    judged_items,
)
from tunesmith.report.ratings import RatedView, rated_view
from tunesmith.report.reliability import Diagram, diagrams
from tunesmith.report.safety import SafetyView, safety_view
from tunesmith.report.slices import SliceTable, WeakSliceView, slice_tables, weak_slice_views
from tunesmith.report.watch import WatchView, watch_view

TUNED: Final = "tuned"
EMBEDDED: Final = "builtin:"
DATA_PAGE: Final = "prepare.html"
REPEAT_SENTENCE: Final = frozenset({"verdict.reason.gain_shown", "verdict.reason.loss_shown"})
"""The reasons that say nothing beyond the verdict's sentence."""
BASELINES: Final = ("majority", "classic", "base_few_shot")
"""Arms that a tuned model is expected to beat, or else it was not worth tuning."""
CURVES: Final = {
    "train/loss": True,
    "eval/loss": False,
    "eval/bits_per_byte": False,
    "train/mean_token_accuracy": True,
    "eval/mean_token_accuracy": False,
    "train/divergence": True,
    "eval/divergence": False,
    "train/accuracy": True,
    "eval/accuracy": False,
    "train/mae": True,
    "eval/mae": False,
    "eval/expert_load_max": False,
    "eval/expert_load_entropy": False,
    "train/learning_rate": False,
    "train/grad_norm": True,
    "train/tokens_per_second_per_gpu": True,
}
"""The charts in their order, and whether each is noisy enough to be smoothed."""


@dataclass(frozen=True)
class Products:
    """What a run left: everything the report is made from."""

    run_folder: Path
    recipe: Recipe
    dataset: Dataset
    plan: Plan | None
    models: Mapping[str, TunedModel]
    scorecard: Scorecard
    history: Sequence[Taken] = ()
    """Trainings of this workspace, the newest last."""
    rated: Sequence[Rated] = ()
    """What people and a judging model said of the answers."""


@dataclass(frozen=True)
class VerdictView:
    word: str
    """The code, which is also the CSS class."""
    title: str
    arm: str
    metric: str
    num_items: str
    sides: tuple[str, str]
    """What the two figures are called that follow."""
    before: str
    after: str
    difference: DifferenceView
    bar: Bar
    sentence: str
    meaning: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class DifferenceRow:
    suite: str
    metric: str
    arm: str
    against: str
    difference: DifferenceView
    p_value: str
    p_adjusted: str
    detectable: str
    num_items: str


@dataclass(frozen=True)
class ChartView:
    metric: str
    title: str
    svg: Markup
    legend: tuple[Pair, ...]
    """Series and what became of it, in words."""


@dataclass(frozen=True)
class RepeatView:
    recipe_yaml: str
    fingerprint: str
    seed: int
    keys: tuple[Pair, ...]
    environment: tuple[Pair, ...]
    command: str
    """Given where the run was: there its relative paths begin."""


@dataclass(frozen=True)
class ReportView:
    title: str
    run_id: str
    base: str
    finished: str
    embedded: bool
    metric: str
    headline: VerdictView
    others: tuple[VerdictView, ...]
    table: ArmTable
    notes: tuple[str, ...]
    differences: tuple[DifferenceRow, ...]
    details: DetailsView
    coverage: str
    """How far intervals on so few items may be trusted; empty where they are not few."""
    calibration: tuple[CalibrationRow, ...]
    reliability: tuple[tuple[Diagram, ...], ...]
    """Rows of diagrams, those before and after a map side by side."""
    mending: MendingView
    slices: tuple[SliceTable, ...]
    weak_slices: tuple[WeakSliceView, ...]
    errors: ErrorsView | None
    bias: BiasView | None
    forgetting: tuple[ForgettingView, ...]
    max_loss: str
    safety: SafetyView
    charts: tuple[ChartView, ...]
    watch: WatchView
    experts: tuple[ExpertRow, ...]
    answers: AnswersView
    ratings: tuple[RatedView, ...]
    pairs: tuple[PairView, ...]
    data: DataView
    data_page: str
    """The page of the data beside this one; empty where there is none."""
    method: MethodView
    repeat: RepeatView


def report_view(products: Products, words: Words) -> ReportView:
    body, recipe = products.scorecard.body, products.recipe
    contract = products.dataset.report()
    judged = judged_items(products.scorecard.samples(), {BASE, *products.models})
    safety = safety_view(body, judged, recipe.evaluate.safety, words)
    headline, *others = (verdict_view(verdict, body, words) for verdict in body.verdicts)
    return ReportView(
        title=recipe.name,
        run_id=products.run_folder.name,
        base=recipe.model.base,
        finished=_finished(products.run_folder),
        embedded=recipe.model.base.startswith(EMBEDDED),
        metric=words.metric(body.metric),
        headline=headline,
        others=tuple(others),
        table=arm_table(body, words),
        notes=notes(body, contract, recipe.evaluate.max_items, words)
        + four_bit_notes(products.models, words)
        + safety.warnings,
        differences=difference_rows(body, words),
        details=details_view(body, words),
        coverage=coverage_sentence(body, words),
        calibration=calibration_rows(body, words),
        reliability=diagrams(body, words),
        mending=mending_view(body, words),
        slices=slice_tables(body, words),
        weak_slices=weak_slice_views(body, words),
        errors=errors_view(body, words),
        bias=bias_view(body, words),
        forgetting=tuple(forgetting_view(f, judged, body.max_loss, words) for f in body.forgetting),
        max_loss=figure(body.max_loss),
        safety=safety,
        charts=chart_views([event for name, model in products.models.items() for event in model.metrics(name)], words),
        watch=watch_view(products.models, words),
        experts=expert_rows(products.models, words),
        answers=answers_view(judged, body, words),
        ratings=tuple(rated_view(rated, words) for rated in products.rated),
        pairs=before_after(judged, body.verdicts[0].arm, body.metric, recipe.report.num_before_after, words),
        data=data_view(contract, words),
        data_page=DATA_PAGE if (products.run_folder / DATA_PAGE).is_file() else "",
        method=method_view(products.plan, products.models, products.history, words),
        repeat=repeat_view(products),
    )


def _finished(run_folder: Path) -> str:
    """Date and time of the run's newest event, UTC."""
    newest = max((event.time for event in read_events(run_folder)), default="")
    return newest[:16].replace("T", " ")


def verdict_view(verdict: Verdict, body: ScorecardBody, words: Words) -> VerdictView:
    difference = verdict.difference
    # where the word is about what is written, the choice among the labels has its own sentence
    repeated = frozenset[str]() if verdict.word == "format_only" else REPEAT_SENTENCE
    before, after = (_estimate(body, name, TEST, verdict.metric) for name in (difference.against, verdict.arm))
    facts = {
        "metric": words.metric(verdict.metric),
        "n": count(difference.n),
        "before": figure(before.value),
        "after": figure(after.value),
        "mean": signed(difference.mean),
        "interval": words.interval_of_difference(difference),
        "arm": words.arm(verdict.arm),
        "against": words.arm(difference.against),
    }
    # an encoder says nothing before it is tuned, and is held against another way to do the same
    sentence, sides = "report.verdict.sentence.beside", (facts["against"], facts["arm"])
    if difference.against == BASE:
        sentence, sides = "report.verdict.sentence", (words("report.verdict.before"), words("report.verdict.after"))
    return VerdictView(
        word=verdict.word,
        title=words(f"verdict.{verdict.word}"),
        arm=facts["arm"],
        metric=facts["metric"],
        num_items=facts["n"],
        sides=sides,
        before=facts["before"],
        after=facts["after"],
        difference=difference_view(difference, words),
        bar=bar_around_zero(difference),
        sentence=words(sentence, **facts),
        meaning=words.meaning(verdict, body),
        reasons=tuple(words.reason(key, values) for key, values in verdict.reasons if key not in repeated),
    )


def _estimate(body: ScorecardBody, arm_name: str, suite: str, metric: str) -> Estimate:
    return next(arm.metrics[suite][metric] for arm in body.arms if arm.name == arm_name)


def notes(body: ScorecardBody, contract: DatasetReport, max_items: int | None, words: Words) -> tuple[str, ...]:
    """What a reader must know before trusting the table: overlap, baselines that win, test rows that were not asked."""
    arm = body.verdicts[0].arm
    found = [] if contract.proof.holds else [proof(contract.proof, words).sentence]
    found += [_note_on_baseline(body, arm, baseline, words) for baseline in BASELINES]
    num_test, num_judged = contract.splits["test"], body.num_items[TEST]
    if num_judged < num_test:
        why = "sampled" if num_judged == max_items else "unlearned"
        found.append(words(f"report.note.{why}", judged=count(num_judged), total=count(num_test)))
    return tuple(note for note in found if note)


def _note_on_baseline(body: ScorecardBody, arm: str, baseline: str, words: Words) -> str:
    scores = {a.name: a.metrics[TEST][body.metric].value for a in body.arms if body.metric in a.metrics.get(TEST, {})}
    if baseline not in scores or not is_worse(body.metric, scores[arm], than=scores[baseline]):
        return ""
    difference = find_difference(body, arm, baseline)
    proven = difference is not None and direction(difference) == "worse"
    detail = ""
    if difference:
        interval = words.interval_of_difference(difference)
        detail = words("report.note.difference", mean=signed(difference.mean), interval=interval)
    return words(
        "report.note.loses" if proven else "report.note.behind",
        arm=words.arm(arm),
        baseline=words.arm(baseline),
        value=figure(scores[arm]),
        other=figure(scores[baseline]),
        detail=detail,
    )


def difference_rows(body: ScorecardBody, words: Words) -> tuple[DifferenceRow, ...]:
    """Of the test items, then of the general suites."""
    return tuple(_difference_row(d, words) for d in [*body.differences, *(loss.difference for loss in body.forgetting)])


def _difference_row(difference: Difference, words: Words) -> DifferenceRow:
    return DifferenceRow(
        suite=words.suite(difference.suite),
        metric=words.metric(difference.metric),
        arm=words.arm(difference.arm),
        against=words.arm(difference.against),
        difference=difference_view(difference, words),
        p_value=probability(difference.p_value),
        p_adjusted="" if difference.p_adjusted is None else probability(difference.p_adjusted),
        detectable="" if difference.detectable is None else figure(difference.detectable),
        num_items=count(difference.n),
    )


def chart_views(events: Sequence[Event], words: Words) -> tuple[ChartView, ...]:
    """One chart for each metric of `CURVES` that the run reported."""
    views = []
    for number, (metric, smooth) in enumerate(CURVES.items()):
        lines = collect(events, metric)
        if lines:
            title = words(f"report.curve.{metric.replace('/', '_')}")
            legend = tuple((words.arm(series.name), _course(series, words)) for series in lines)
            description = "; ".join(f"{name}: {course}" for name, course in legend)
            views.append(ChartView(metric, title, line_chart(f"c{number}", title, description, lines, smooth), legend))
    return tuple(views)


def _course(series: Series, words: Words) -> str:
    """First, last, lowest and highest value in words: what the line shows, for those who cannot see it."""
    numbers = {
        "first": series.values[0],
        "last": series.values[-1],
        "lowest": min(series.values),
        "highest": max(series.values),
    }
    sentence = words("report.curve.course", **{name: significant(value, 3) for name, value in numbers.items()})
    if series.num_not_finite:
        sentence += words("report.curve.not_finite", count=count(series.num_not_finite))
    return sentence


def repeat_view(products: Products) -> RepeatView:
    """Everything needed to make the run again."""
    artifacts = {
        "dataset": products.dataset.manifest,
        **({"plan": products.plan.manifest} if products.plan else {}),
        **{f"tuned_model ({name})": model.manifest for name, model in products.models.items()},
        "scorecard": products.scorecard.manifest,
    }
    trainings = [model.training() for model in products.models.values()]
    return RepeatView(
        recipe_yaml=dump_recipe(products.recipe),
        fingerprint=products.recipe.fingerprint(),
        seed=products.recipe.seed,
        keys=tuple((name, manifest.key) for name, manifest in artifacts.items()),
        environment=environment([manifest.libraries for manifest in artifacts.values()], trainings),
        command=f"tunesmith run {shlex.quote(str(products.run_folder))}",
    )
