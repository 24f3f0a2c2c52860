"""Which confidences of free answers are computed, and which do not fit. Loads no model library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tunesmith.artifacts.calibration import Kind
from tunesmith.artifacts.scorecard import Task
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.recipe import Evaluate
from tunesmith.recipe.confidence import AnswerConfidence
from tunesmith.records import Sampling

SCORES: Final[Mapping[Kind, str]] = {
    "label": "confidence",
    "likelihood": "likelihood",
    "verbalised": "verbalised",
    "agreement": "agreement",
}
"""The score of a sample that holds a confidence, by its kind."""


def require_kinds(section: Evaluate, task: Task) -> None:
    """Raises TunesmithError `confidence-unfit` for answers that are not free, and for agreement of a lone sample."""
    asked = section.confidence.answers or ()
    if asked and task != "text":
        raise _unfit(asked[0], f"unfit-confidence.{task}")
    if "agreement" in asked and section.decoding.num_samples == 1:
        raise _unfit("agreement", "unfit-confidence.samples")


def kinds_of(section: Evaluate, task: Task, sampling: Sampling) -> tuple[AnswerConfidence, ...]:
    """What the recipe asks for; by default agreement, where several samples are drawn and may differ.

    Raises TunesmithError `confidence-unfit` for agreement of greedy samples, and what `require_kinds` does.
    """
    require_kinds(section, task)
    differ = sampling.num_samples > 1 and sampling.temperature > 0
    if section.confidence.answers is None:
        return ("agreement",) if task == "text" and differ else ()
    if "agreement" in section.confidence.answers and not differ:
        raise _unfit("agreement", "unfit-confidence.greedy")
    return section.confidence.answers


def _unfit(kind: str, reason: str) -> TunesmithError:
    place = Place("recipe", field="evaluate.confidence")
    return TunesmithError("confidence-unfit", place=place, kind=kind, reason=Phrase(reason))
