"""How far an arm may be believed when it says how sure it is of an answer, what mends that, what abstaining buys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.calibration import (
    CalibrationBin,
    CalibrationTable,
    ConfidenceScores,
    CoveragePoint,
    HeldOut,
    Kind,
    Mending,
    SavedMap,
    parameters_of,
)
from tunesmith.evaluate.kinds import SCORES
from tunesmith.evaluate.summary import estimate
from tunesmith.recipe.confidence import Confidence
from tunesmith.records import Sample
from tunesmith.stats.calibration import Calibration, abstention, calibration, thresholds
from tunesmith.stats.maps import MIN_TO_CHOOSE, Map, Stated, fit_map, held_out_half, log_loss

COVERAGES: Final = (1.0, 0.9, 0.8, 0.7, 0.5)
MAX_FITTED: Final = 1000
"""Validation rows that a map is fitted on at most: more cost time and tell it no better."""


@dataclass(frozen=True)
class Mended:
    """What is known of the confidences of all arms."""

    tables: dict[str, dict[Kind, CalibrationTable]]
    """By arm and kind."""
    unstated: dict[str, dict[Kind, int]]
    maps: list[SavedMap]


@dataclass(frozen=True)
class Judging:
    """How confidences are judged."""

    metric: str
    """That says which free answers are right, where it is 0 or 1 of each."""
    asked: Mapping[str, Sequence[Kind]]
    """By arm the confidences that its free answers were to have."""
    section: Confidence
    seed: int
    models: Mapping[str, str]
    """Key of each tuned model, by arm."""


def num_to_fit(num_validation: int, num_test: int) -> int:
    """How many validation rows a map is fitted on; none where half of the test rows serve it better.

    Validation rows are asked where there are enough to choose a map, or no fewer than half of the test rows; never more
    than test rows.
    """
    if num_validation < min(MIN_TO_CHOOSE, num_test // 2):
        return 0
    return min(num_validation, num_test, MAX_FITTED)


def judge_confidence(
    samples: Mapping[str, Sequence[Sample]], held_out: Mapping[str, Sequence[Sample]], judging: Judging
) -> Mended:
    """Tables and maps of the arms' samples on the test suite; `held_out` are those of validation rows."""
    metric = right_by(judging.metric, [sample for of_arm in samples.values() for sample in of_arm])
    found = Mended({}, {}, [])
    for arm, of_arm in samples.items():
        for kind, stated in _all_stated(of_arm, metric):
            table = calibration_table(stated, metric, judging.seed)
            if arm in judging.models and judging.section.map != "none":
                held = stated_of(held_out.get(arm, ()), kind, metric)
                mending, fitted = mend(stated, held, judging.section, judging.seed)
                table = table.model_copy(update={"mending": mending})
                found.maps.extend(_saved(arm, kind, mending, fitted, judging))
            found.tables.setdefault(arm, {})[kind] = table
        unstated = _unstated(of_arm, judging.asked.get(arm, ()))
        if unstated:
            found.unstated[arm] = unstated
    return found


def _saved(arm: str, kind: Kind, mending: Mending, fitted: Map | None, judging: Judging) -> list[SavedMap]:
    if fitted is None or mending.method is None:
        return []
    saved = SavedMap(
        arm=arm,
        model=judging.models[arm],
        confidence=kind,
        method=mending.method,
        rows=mending.rows,
        num_fitted=mending.num_fitted,
        parameters=parameters_of(fitted),
    )
    return [saved]


def right_by(metric: str, samples: Sequence[Sample]) -> str:
    """The metric that says which answers are right: accuracy of labels, the wanted one where it says 0 or 1 of each
    answer, else exact match."""
    if any("accuracy" in sample.scores for sample in samples):
        return "accuracy"
    values = {sample.scores[metric] for sample in samples if metric in sample.scores}
    return metric if values and values <= {0.0, 1.0} else "exact_match"


def _all_stated(samples: Sequence[Sample], metric: str) -> Iterator[tuple[Kind, Stated]]:
    for kind in SCORES:
        stated = stated_of(samples, kind, metric)
        if stated is not None:
            yield kind, stated


def _unstated(samples: Sequence[Sample], kinds: Sequence[Kind]) -> dict[Kind, int]:
    """Items without a confidence that they were to have."""
    num_items = len({sample.item for sample in samples})
    told = {kind: len({sample.item for sample in samples if SCORES[kind] in sample.scores}) for kind in kinds}
    return {kind: num_items - num for kind, num in told.items() if num < num_items}


def stated_of(samples: Sequence[Sample], kind: Kind, metric: str) -> Stated | None:
    """How sure the samples are that say so; None where none does."""
    sure = [sample for sample in samples if SCORES[kind] in sample.scores and metric in sample.scores]
    if not sure:
        return None
    groups = [sample.group for sample in sure]
    stated = Stated(
        # a softmax in float32 may round up
        np.minimum(1.0, np.array([sample.scores[SCORES[kind]] for sample in sure])),
        np.array([sample.scores[metric] for sample in sure]),
        groups=(
            None
            if all(group is None for group in groups)
            else tuple(sample.item if sample.group is None else sample.group for sample in sure)
        ),
    )
    classes = sure[0].probabilities
    if kind != "label" or classes is None:
        return stated
    code = {label: place for place, label in enumerate(classes)}
    return replace(
        stated,
        probabilities_NC=np.array([[one.probabilities[label] for label in code] for one in sure if one.probabilities]),
        true_N=np.array([code.get(sample.reference, -1) for sample in sure], np.int64),
    )


def calibration_table(stated: Stated, metric: str, seed: int) -> CalibrationTable:
    """Of one arm's confidences of one kind on the test suite."""
    found = calibration(stated.confidence_N, stated.is_right_N, seed=seed, groups=stated.groups)
    withheld = abstention(stated.confidence_N, stated.is_right_N)
    return CalibrationTable(
        metric=metric,
        n=found.n,
        accuracy=found.accuracy,
        confidence=found.confidence,
        ece=found.ece,
        ece_of_calibrated=found.ece_of_calibrated,
        p_value=found.p_value,
        rms_debiased=found.rms_debiased,
        brier=found.brier,
        bins=_bins(found),
        risk={str(coverage): withheld.risk_at(coverage) for coverage in COVERAGES},
        risk_area=withheld.area,
        curve=coverage_curve(stated, seed),
    )


def _bins(found: Calibration) -> list[CalibrationBin]:
    return [
        CalibrationBin(
            n=one.n,
            confidence=one.confidence,
            accuracy=one.accuracy,
            low=one.interval.low,
            high=one.interval.high,
        )
        for one in found.bins
    ]


def mend(stated: Stated, held: Stated | None, section: Confidence, seed: int) -> tuple[Mending, Map | None]:
    """Fit a map on the answers `held` out, else on a seeded half of those stated, and judge it on the others."""
    assert section.map != "none"
    rows: HeldOut = "validation"
    judged = stated
    if held is None:
        rows, chosen_N = "half_of_test", held_out_half(len(stated), seed=seed, groups=stated.groups)
        held, judged = stated.at(chosen_N), stated.at(~chosen_N)
    fitted = fit_map(held, section.map, seed=seed)
    after = judged.mended(fitted.map)
    mending = Mending(
        method=fitted.method,
        reason=fitted.reason,
        rows=rows,
        num_fitted=len(held),
        log_losses=dict(fitted.log_losses),
        before=_scores(judged, seed),
        after=None if fitted.map is None else _scores(after, seed),
        wanted_accuracy=section.wanted_accuracy,
        abstain=_abstain(held.mended(fitted.map), after, section.wanted_accuracy, seed),
    )
    return mending, fitted.map


def _scores(stated: Stated, seed: int) -> ConfidenceScores:
    found = calibration(stated.confidence_N, stated.is_right_N, seed=seed, groups=stated.groups)
    return ConfidenceScores(
        n=found.n,
        ece=found.ece,
        ece_of_calibrated=found.ece_of_calibrated,
        p_value=found.p_value,
        brier=found.brier,
        log_loss=log_loss(stated.confidence_N, stated.is_right_N),
        bins=_bins(found),
    )


def _abstain(held: Stated, judged: Stated, wanted_accuracy: float, seed: int) -> CoveragePoint | None:
    """Chosen among many on the rows held out, so that what it buys is known from rows that had no part in that."""
    reaching = [point.confidence for point in coverage_curve(held, seed) if point.low >= wanted_accuracy]
    return coverage_at(judged, min(reaching), seed) if reaching else None


def coverage_curve(stated: Stated, seed: int) -> list[CoveragePoint]:
    """From the surest answers to all, in `NUM_STEPS` equal parts."""
    if not len(stated):
        return []
    points = (coverage_at(stated, threshold, seed) for threshold in thresholds(stated.confidence_N).tolist())
    return [point for point in points if point is not None]


def coverage_at(stated: Stated, confidence: float, seed: int) -> CoveragePoint | None:
    """The answers of at least this confidence, their accuracy with its 95 % interval; None where there are none."""
    is_given_N: NDArray[np.bool_] = stated.confidence_N >= confidence
    if not is_given_N.any():
        return None
    given = stated.at(is_given_N)
    accuracy = estimate(given.is_right_N, None if given.groups is None else list(given.groups), seed)
    assert accuracy.low is not None
    assert accuracy.high is not None  # shares have one in any case
    return CoveragePoint(
        confidence=confidence,
        coverage=float(is_given_N.mean()),
        n=accuracy.n,
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
    )
