"""The report as data: pure functions from a run's artifacts to frozen dataclasses of ready words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from markupsafe import Markup

from tunesmith.artifacts import Dataset, DatasetReport, Event, Plan, Scorecard, TunedModel, read_events
from tunesmith.artifacts.history import Taken
from tunesmith.artifacts.scorecard import Arm, Difference, Estimate, Forgetting, ScorecardBody, Verdict
from tunesmith.recipe import Recipe, dump_recipe
from tunesmith.report.cells import Cell, DifferenceView, cell_of, difference_view
from tunesmith.report.charts import Series, collect, line_chart
from tunesmith.report.confidence import CalibrationRow, calibration_rows, coverage_sentence
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
from tunesmith.report.pairs import (
    BASE,
    TEST,
    Judged,
    LostItem,
    PairView,
    before_after,
    judged_items,
    lost_items,
)
from tunesmith.report.safety import SafetyView, safety_view
from tunesmith.report.slices import SliceTable, WeakSliceView, slice_tables, weak_slice_views
from tunesmith.report.watch import WatchView, watch_view
from tunesmith.report.wording import (
    Words,
    count,
    direction,
    figure,
    is_worse,
    probability,
    signed,
    significant,
)

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

LossCode = Literal["within", "uncertain", "beyond"]


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


@dataclass(frozen=True)
class Bar:
    """An interval on a common scale, in percent of its width."""

    low: float
    high: float
    value: float
    zero: float | None = None


@dataclass(frozen=True)
class VerdictView:
    word: str
    """The code, which is also the CSS class."""
    title: str
    arm: str
    metric: str
    num_items: str
    before: str
    after: str
    difference: DifferenceView
    bar: Bar
    sentence: str
    meaning: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ArmRow:
    code: str
    name: str
    bar: Bar | None
    cells: tuple[Cell | None, ...]
    """One for each metric of the table."""
    difference: DifferenceView | None
    prompt_tokens: str
    answer_tokens: str
    duration: str
    note: str


@dataclass(frozen=True)
class ArmTable:
    metrics: tuple[str, ...]
    rows: tuple[ArmRow, ...]


@dataclass(frozen=True)
class DifferenceRow:
    suite: str
    metric: str
    arm: str
    against: str
    difference: DifferenceView
    p_value: str
    p_adjusted: str
    num_items: str


@dataclass(frozen=True)
class ForgettingView:
    suite: str
    arm: str
    before: Cell
    after: Cell
    difference: DifferenceView
    loss: LossCode
    num_items: str
    num_lost: int
    num_won: int
    lost: tuple[LostItem, ...]
    lost_ids: tuple[str, ...]
    """Items lost of which no samples are kept."""


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
    commands: tuple[str, ...]


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
    coverage: str
    """How far intervals on so few items may be trusted; empty where they are not few."""
    calibration: tuple[CalibrationRow, ...]
    slices: tuple[SliceTable, ...]
    weak_slices: tuple[WeakSliceView, ...]
    forgetting: tuple[ForgettingView, ...]
    max_loss: str
    safety: SafetyView
    charts: tuple[ChartView, ...]
    watch: WatchView
    experts: tuple[ExpertRow, ...]
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
        notes=notes(body, contract, words) + four_bit_notes(products.models, words) + safety.warnings,
        differences=tuple(_difference_row(difference, words) for difference in body.differences),
        coverage=coverage_sentence(body, words),
        calibration=calibration_rows(body, words),
        slices=slice_tables(body, words),
        weak_slices=weak_slice_views(body, words),
        forgetting=tuple(forgetting_view(f, judged, body.max_loss, words) for f in body.forgetting),
        max_loss=figure(body.max_loss),
        safety=safety,
        charts=chart_views([event for name, model in products.models.items() for event in model.metrics(name)], words),
        watch=watch_view(products.models, words),
        experts=expert_rows(products.models, words),
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
    return VerdictView(
        word=verdict.word,
        title=words(f"verdict.{verdict.word}"),
        arm=facts["arm"],
        metric=facts["metric"],
        num_items=facts["n"],
        before=facts["before"],
        after=facts["after"],
        difference=difference_view(difference, words),
        bar=_bar_around_zero(difference),
        sentence=words("report.verdict.sentence", **facts),
        meaning=words(f"verdict.meaning.{verdict.word}"),
        reasons=tuple(words.reason(key, values) for key, values in verdict.reasons if key not in REPEAT_SENTENCE),
    )


def _estimate(body: ScorecardBody, arm_name: str, suite: str, metric: str) -> Estimate:
    return next(arm.metrics[suite][metric] for arm in body.arms if arm.name == arm_name)


def _bar_around_zero(difference: Difference) -> Bar:
    reach = max(abs(difference.low), abs(difference.high), abs(difference.mean), 1e-9) * 1.15
    low, high, value = (50 + 50 * end / reach for end in (difference.low, difference.high, difference.mean))
    return Bar(low, high, value, zero=50.0)


def arm_table(body: ScorecardBody, words: Words) -> ArmTable:
    """Arms by metrics of the test suite, the verdict's metric first."""
    found = {metric for arm in body.arms for metric in arm.metrics.get(TEST, {})}
    metrics = [body.metric, *sorted(found - {body.metric})]
    tests = [arm.metrics[TEST][body.metric] for arm in body.arms if body.metric in arm.metrics.get(TEST, {})]
    ends = [end for estimate in tests for end in (estimate.value, estimate.high or 0.0)]
    scale = max([1.0, *ends])
    return ArmTable(
        tuple(words.metric(metric) for metric in metrics),
        tuple(_arm_row(arm, metrics, scale, body, words) for arm in body.arms),
    )


def _arm_row(arm: Arm, metrics: Sequence[str], scale: float, body: ScorecardBody, words: Words) -> ArmRow:
    estimates = arm.metrics.get(TEST, {})
    main = estimates.get(body.metric)
    against_base = _find_difference(body, arm.name, BASE)
    variant_note = words("report.arm_note.variant")
    notes_by_arm = {
        name: words(f"report.arm_note.{name}") for name in (BASE, "base_free_form", "base_few_shot", "majority", TUNED)
    }
    notes_by_arm["classic"] = words(f"report.arm_note.classic.{body.task}")
    return ArmRow(
        code=arm.name,
        name=words.arm(arm.name),
        bar=_bar(main, scale) if main else None,
        cells=tuple(cell_of(estimates[metric], words) if metric in estimates else None for metric in metrics),
        difference=difference_view(against_base, words) if against_base else None,
        prompt_tokens=_mean_tokens(arm.num_prompt_tokens_mean),
        answer_tokens=_mean_tokens(arm.num_answer_tokens_mean),
        duration=words.duration(arm.seconds),
        note=notes_by_arm.get(arm.name, variant_note),
    )


def _bar(estimate: Estimate, scale: float) -> Bar:
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    return Bar(100 * low / scale, 100 * high / scale, 100 * estimate.value / scale)


def _mean_tokens(mean: float | None) -> str:
    return "" if mean is None else f"{mean:,.1f}"


def _find_difference(body: ScorecardBody, arm: str, against: str) -> Difference | None:
    """The paired difference on the test suite and the verdict's metric, where it was computed."""
    wanted = (TEST, body.metric, arm, against)
    return next((d for d in body.differences if (d.suite, d.metric, d.arm, d.against) == wanted), None)


def notes(body: ScorecardBody, contract: DatasetReport, words: Words) -> tuple[str, ...]:
    """What a reader must know before trusting the table: overlap, baselines that win, a sampled test set."""
    arm = body.verdicts[0].arm
    found = [] if contract.proof.holds else [proof(contract.proof, words).sentence]
    found += [_note_on_baseline(body, arm, baseline, words) for baseline in BASELINES]
    num_test, num_judged = contract.splits["test"], body.num_items[TEST]
    if num_judged < num_test:
        found.append(words("report.note.sampled", judged=count(num_judged), total=count(num_test)))
    return tuple(note for note in found if note)


def _note_on_baseline(body: ScorecardBody, arm: str, baseline: str, words: Words) -> str:
    scores = {a.name: a.metrics[TEST][body.metric].value for a in body.arms if body.metric in a.metrics.get(TEST, {})}
    if baseline not in scores or not is_worse(body.metric, scores[arm], than=scores[baseline]):
        return ""
    difference = _find_difference(body, arm, baseline)
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


def _difference_row(difference: Difference, words: Words) -> DifferenceRow:
    return DifferenceRow(
        suite=words.suite(difference.suite),
        metric=words.metric(difference.metric),
        arm=words.arm(difference.arm),
        against=words.arm(difference.against),
        difference=difference_view(difference, words),
        p_value=probability(difference.p_value),
        p_adjusted="" if difference.p_adjusted is None else probability(difference.p_adjusted),
        num_items=count(difference.n),
    )


def forgetting_view(
    forgetting: Forgetting, judged: Mapping[tuple[str, str, str], Judged], max_loss: float, words: Words
) -> ForgettingView:
    lost = lost_items(judged, forgetting.arm, forgetting.suite, forgetting.lost, words)
    return ForgettingView(
        suite=words.suite(forgetting.suite),
        arm=words.arm(forgetting.arm),
        before=cell_of(forgetting.before, words),
        after=cell_of(forgetting.after, words),
        difference=difference_view(forgetting.difference, words),
        loss=_loss(forgetting.difference, max_loss),
        num_items=count(forgetting.difference.n),
        num_lost=len(forgetting.lost),
        num_won=len(forgetting.won),
        lost=lost,
        lost_ids=() if lost else tuple(forgetting.lost),
    )


def _loss(difference: Difference, max_loss: float) -> LossCode:
    """As in the verdict: a loss counts as beyond the limit when it is shown, its whole interval below zero."""
    if difference.mean >= -max_loss:
        return "within"
    return "beyond" if difference.high < 0 else "uncertain"


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
        commands=("tunesmith run recipe.resolved.yaml",),
    )
