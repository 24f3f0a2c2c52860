"""The metrics that a recipe may ask for, by name; what each of them is stands in `tunesmith.metrics.registry`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError, PydanticKnownError

from tunesmith.recipe.judge import JUDGE_FIGURES
from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section

PlainName = Literal[
    "accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "micro_precision",
    "micro_recall",
    "micro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
    "mae",
    "mse",
    "rmse",
    "r2",
    "exact_match",
    "numeric_match",
    "token_f1",
    "rouge_1",
    "rouge_2",
    "rouge_l",
    "bleu",
    "chrf",
    "json_valid",
    "closed_thinking",
    "thinking_characters",
    "thinking_rouge_l",
    "bits_per_byte",
    "perplexity",
    "characters_per_second",
    "tokens_per_second",
    "first_token_seconds",
]
"""Metrics without settings."""
SettingsName = Literal[
    "bertscore", "term_accuracy", "style", "json_schema", "right_given_closed", "cost_per_answer", "function"
]
AUTO: Final = "auto"
RESERVED: Final = frozenset(
    {
        AUTO,
        *("confidence", "likelihood", "verbalised", "agreement", "bits", "bytes", "tokens"),
        *("said_number", "well_formed_thinking", "content_broken", "refused", "over_refused", "extracted", "exposure"),
        *("style_formality", "style_person", "style_banned", "style_length"),
    }
)
"""Names that scores of an answer have which are no metric to ask for; a function's score would be taken for one."""


class Plain(Section):
    """A metric without settings; its name alone is short for it."""

    name: Annotated[PlainName, Field(description="Which metric.")]


class BertScore(Section):
    """Answer and reference compared by the vectors of their tokens (Zhang et al. 2020, arXiv:1904.09675): F1."""

    name: Annotated[Literal["bertscore"], Field(description="Names the metric.")] = "bertscore"
    model: Annotated[str, Field(description="Encoder that makes the vectors: a local folder, or a Hub id.")]
    revision: Annotated[str | None, Field(description="Commit, tag or branch of a Hub id.")] = None
    layer: Annotated[
        PositiveInt | None, Field(description="Layer whose vectors are compared; absent: the last one's output.")
    ] = None
    idf: Annotated[bool, Field(description="Weigh tokens by how few references hold them.")] = False


class TermAccuracy(Section):
    """Share of an item's expected terms that the answer holds."""

    name: Annotated[Literal["term_accuracy"], Field(description="Names the metric.")] = "term_accuracy"
    glossary: Annotated[
        str,
        Field(
            description="CSV, TSV or JSONL with the columns `source`, `target`: where the prompt holds `source`, the "
            "answer must hold a `target` of it; without `source`, where the reference holds `target`."
        ),
    ]


class Style(Section):
    """Share of answers that keep every rule stated here; each rule is also counted alone."""

    name: Annotated[Literal["style"], Field(description="Names the metric.")] = "style"
    formality: Annotated[
        Literal["formal", "informal"] | None,
        Field(
            description="How the reader is addressed. Chinese: 您 is formal, 你 informal. English: contractions and "
            "words like `gonna` are informal."
        ),
    ] = None
    person: Annotated[
        Literal["i", "we", "none"] | None,
        Field(
            description="How the answer speaks of itself: never other than as `i` (我), as `we` (我们), or not at all."
        ),
    ] = None
    banned: Annotated[tuple[str, ...], Field(description="Words that no answer may hold.", strict=False)] = ()
    min_characters: Annotated[PositiveInt | None, Field(description="Fewest characters of an answer.")] = None
    max_characters: Annotated[PositiveInt | None, Field(description="Most characters of an answer.")] = None

    @model_validator(mode="after")
    def _has_a_rule(self) -> Style:
        if self.model_dump(exclude_defaults=True, exclude={"name"}) == {}:
            raise PydanticCustomError("style_rules", "states no rule")
        return self


class JsonSchema(Section):
    """Share of answers that are JSON and match a schema."""

    name: Annotated[Literal["json_schema"], Field(description="Names the metric.")] = "json_schema"
    file: Annotated[
        str, Field(description="The JSON schema; its `$schema` names the draft, 2020-12 where it is absent.")
    ]


class RightGivenClosed(Section):
    """Share of right answers among those whose thinking closed."""

    name: Annotated[Literal["right_given_closed"], Field(description="Names the metric.")] = "right_given_closed"
    checker: Annotated[
        Literal["exact", "number"],
        Field(description="Compare the final answers as texts (`exact`) or by the `number` they end with."),
    ] = "exact"


class Cost(Section):
    """What an answer costs at these prices, in their currency; absent for an arm where a price cannot be applied."""

    name: Annotated[Literal["cost_per_answer"], Field(description="Names the metric.")] = "cost_per_answer"
    prompt: Annotated[PositiveFloat | None, Field(description="Price of a million prompt tokens.")] = None
    answer: Annotated[PositiveFloat | None, Field(description="Price of a million answer tokens.")] = None
    hour: Annotated[PositiveFloat | None, Field(description="Price of an hour of the machine.")] = None

    @model_validator(mode="after")
    def _has_a_price(self) -> Cost:
        if self.prompt is None and self.answer is None and self.hour is None:
            raise PydanticCustomError("cost_prices", "states no price")
        return self


_FUNCTION_PATH = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")


def _function_path(path: str) -> str:
    if not _FUNCTION_PATH.fullmatch(path):
        raise PydanticCustomError("function_path", "no path of a function")
    name = path.rpartition(":")[2]
    if name in RESERVED:
        raise PydanticCustomError("metric_reserved", "`{name}` is the name of another score", {"name": name})
    return path


class Function(Section):
    """A metric of your own: a function of one answer that gives 0 (worst) to 1 (best), run in a separate process."""

    name: Annotated[Literal["function"], Field(description="Names the metric.")] = "function"
    function: Annotated[
        str,
        AfterValidator(_function_path),
        Field(
            json_schema_extra={"pattern": _FUNCTION_PATH.pattern},
            description="`module:function`, found from the working folder; the function's name is that of the metric.",
        ),
    ]
    seconds_per_item: Annotated[
        PositiveFloat, Field(description="An item that takes longer counts as one that could not be judged.")
    ] = 10.0

    @property
    def own_name(self) -> str:
        return self.function.rpartition(":")[2]


AnyMetric = Plain | BertScore | TermAccuracy | Style | JsonSchema | RightGivenClosed | Cost | Function


def metric_name(metric: AnyMetric) -> str:
    """The name under which the scorecard has it."""
    return metric.own_name if isinstance(metric, Function) else metric.name


def _section(value: object) -> object:
    """`metrics: [bleu]` is short for `[{name: bleu}]`; what has a function needs no name."""
    if isinstance(value, str):
        return {"name": value}
    return {"name": "function", **value} if isinstance(value, dict) and "function" in value else value


def _different(metrics: tuple[AnyMetric, ...]) -> tuple[AnyMetric, ...]:
    names = [metric_name(metric) for metric in metrics]
    built_in = {metric.own_name for metric in metrics if isinstance(metric, Function)} & set(KNOWN)
    twice = next((name for name in names if names.count(name) > 1 or name in built_in), None)
    if twice is not None:
        raise PydanticCustomError("metric_twice", "`{name}` is asked for twice", {"name": twice})
    return metrics


_Choice = Annotated[AnyMetric, Field(discriminator="name")]
Metrics = Annotated[
    tuple[Annotated[_Choice, BeforeValidator(_section, json_schema_input_type=_Choice | PlainName)], ...],
    AfterValidator(_different),
    Field(description="Metrics to compute beside those that every scorecard has.", strict=False),
]
KNOWN: Final[tuple[str, ...]] = (*get_args(PlainName), *get_args(SettingsName))


def check_verdict_metric(value: str, metrics: Sequence[AnyMetric]) -> str:
    """A verdict can be about any metric without settings, and about those that `metrics` sets.

    Raises PydanticKnownError with all of them, PydanticCustomError for a figure of the judge's.
    """
    names = dict.fromkeys((AUTO, *get_args(PlainName), *(metric_name(metric) for metric in metrics)))
    if value.startswith(JUDGE_FIGURES):
        raise PydanticCustomError("judge_alone", "a judge's figures never decide alone")
    if value not in names:
        raise PydanticKnownError("literal_error", {"expected": ", ".join(f"'{name}'" for name in names)})
    return value
