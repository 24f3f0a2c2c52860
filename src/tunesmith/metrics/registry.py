"""Every metric there is: what it judges, whether of one item or of all, which way is better, and within which range.

The recipe's check, the verdict, the table, its intervals and the bounds of the scorecard all read this one table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from tunesmith.artifacts.scorecard import Task
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.recipe.metrics import AUTO, KNOWN, AnyMetric, metric_name

Scope = Literal["item", "items", "arm"]
"""What one figure is about. Of an `item`: the arm's is their mean, and a verdict can compare arms item by item. Of all
`items` together, such as macro-F1: its interval comes from drawing items anew. Of the `arm` as a whole, such as its
speed: without an interval."""
Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric before anything was judged."""

    tasks: tuple[Task, ...]
    scope: Scope = "item"
    better: Better = "higher"
    low: float | None = 0.0
    high: float | None = 1.0
    """The ends of its range; None where it has none."""
    is_standard: bool = False
    """Whether every scorecard of its tasks has it, asked for or not."""
    needs_thinking: bool = False
    """Whether it compares with the thinking of the reference."""

    @property
    def best(self) -> float | None:
        return {"higher": self.high, "lower": self.low, "neither": None}[self.better]

    @property
    def worst(self) -> float | None:
        return {"higher": self.low, "lower": self.high, "neither": None}[self.better]


_LABELS: Final[tuple[Task, ...]] = ("labels",)
_TEXT: Final[tuple[Task, ...]] = ("text",)
_NUMBERS: Final[tuple[Task, ...]] = ("numbers",)
_READ: Final[tuple[Task, ...]] = ("text", "documents")
_ASKED: Final[tuple[Task, ...]] = ("labels", "text", "numbers")
_OF_CLASSES: Final = Metric(_LABELS, "items")
_PER_HUNDRED: Final = Metric(_TEXT, "items", high=100.0)

METRICS: Final[Mapping[str, Metric]] = {
    "accuracy": Metric(_LABELS, is_standard=True),
    "macro_f1": Metric(_LABELS, "items", is_standard=True),
    "macro_precision": _OF_CLASSES,
    "macro_recall": _OF_CLASSES,
    "micro_precision": _OF_CLASSES,
    "micro_recall": _OF_CLASSES,
    "micro_f1": _OF_CLASSES,
    "weighted_precision": _OF_CLASSES,
    "weighted_recall": _OF_CLASSES,
    "weighted_f1": _OF_CLASSES,
    "mcc": Metric(_LABELS, "items", low=-1.0),
    "mae": Metric(_NUMBERS, better="lower", high=None, is_standard=True),
    "mse": Metric(_NUMBERS, better="lower", high=None, is_standard=True),
    "rmse": Metric(_NUMBERS, "items", better="lower", high=None, is_standard=True),
    "r2": Metric(_NUMBERS, "items", low=None, is_standard=True),
    "said_number": Metric(_NUMBERS),
    "rouge_l": Metric(_TEXT, is_standard=True),
    "exact_match": Metric(_TEXT, is_standard=True),
    "numeric_match": Metric(_TEXT),
    "token_f1": Metric(_TEXT),
    "rouge_1": Metric(_TEXT),
    "rouge_2": Metric(_TEXT),
    "bleu": _PER_HUNDRED,
    "chrf": _PER_HUNDRED,
    "bertscore": Metric(_TEXT, low=-1.0),
    "term_accuracy": Metric(_TEXT),
    "style": Metric(_TEXT),
    "style_formality": Metric(_TEXT),
    "style_person": Metric(_TEXT),
    "style_banned": Metric(_TEXT),
    "style_length": Metric(_TEXT),
    "json_valid": Metric(_TEXT),
    "json_schema": Metric(_TEXT),
    "well_formed_thinking": Metric(_TEXT),
    "closed_thinking": Metric(_TEXT),
    "thinking_characters": Metric(_TEXT, better="neither", high=None),
    "thinking_rouge_l": Metric(_TEXT, needs_thinking=True),
    "right_given_closed": Metric(_TEXT, "items"),
    "bits_per_byte": Metric(_READ, better="lower", high=None, is_standard=True),
    "perplexity": Metric(_READ, "items", better="lower", low=1.0, high=None, is_standard=True),
    "characters_per_second": Metric(_TEXT, "arm", high=None),
    "tokens_per_second": Metric(_TEXT, "arm", high=None),
    "first_token_seconds": Metric(_TEXT, "arm", better="lower", high=None),
    "cost_per_answer": Metric(_ASKED, "arm", better="lower", high=None),
    "function": Metric(_ASKED),
    "content_broken": Metric(_ASKED, better="lower"),
    "refused": Metric(()),
    "over_refused": Metric((), better="lower"),
    "extracted": Metric((), better="lower"),
    "exposure": Metric((), better="lower", high=None),
}
"""By name. A task's verdict is about the first one of an item that is standard, unless the recipe says otherwise."""
LOWER_IS_BETTER: Final = frozenset(name for name, metric in METRICS.items() if metric.better == "lower")


def known(name: str) -> Metric:
    """What is known of a metric; a name that is not in the table is that of a user's function."""
    return METRICS.get(name, METRICS["function"])


def standard(task: Task) -> list[str]:
    """The metrics that every scorecard of the task has."""
    return [name for name, metric in METRICS.items() if metric.is_standard and task in metric.tasks]


def verdict_metric(wanted: str, task: Task) -> str:
    """What `evaluate.metric` means for a task."""
    if wanted != AUTO:
        return wanted
    return next(name for name in standard(task) if METRICS[name].scope == "item")


def require_fit(wanted: str, metrics: Sequence[AnyMetric], task: Task, *, has_thinking: bool) -> None:
    """Refuse what cannot be computed of the rows' task, and a verdict on what cannot be compared item by item.

    Raises TunesmithError `metric-unfit` with the reason and the metrics that fit.
    """
    unfit = partial(_unfit, task=task, has_thinking=has_thinking)
    for index, metric in enumerate(metrics):
        reason = unfit(known(metric_name(metric)))
        if reason is not None:
            fitting = [name for name in KNOWN if unfit(METRICS[name]) is None]
            raise _error(metric_name(metric), reason, fitting, f"evaluate.metrics[{index}]")
    if wanted == AUTO:
        return
    reason = unfit(known(wanted)) or _no_verdict(known(wanted))
    if reason is not None:
        names = dict.fromkeys((*KNOWN, *map(metric_name, metrics)))
        del names["function"]
        fitting = [name for name in names if (unfit(known(name)) or _no_verdict(known(name))) is None]
        raise _error(wanted, reason, fitting, "evaluate.metric")


def _error(name: str, reason: Phrase, fitting: Sequence[str], field: str) -> TunesmithError:
    place = Place("recipe", field=field)
    return TunesmithError("metric-unfit", place=place, metric=name, reason=reason, fitting=", ".join(fitting))


def _unfit(metric: Metric, *, task: Task, has_thinking: bool) -> Phrase | None:
    if task not in metric.tasks:
        return Phrase(f"unfit.{task}", {"tasks": ", ".join(metric.tasks)})
    return Phrase("unfit.thinking") if metric.needs_thinking and not has_thinking else None


def _no_verdict(metric: Metric) -> Phrase | None:
    if metric.scope != "item":
        return Phrase("unfit.scope")
    return Phrase("unfit.better") if metric.better == "neither" else None
