"""How far an arm may be believed when it says how sure it is of a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tunesmith.artifacts.scorecard import CalibrationBin, CalibrationTable
from tunesmith.records import Sample
from tunesmith.stats.calibration import abstention, calibration

COVERAGES: Final = (1.0, 0.9, 0.8, 0.7, 0.5)


def calibration_table(samples: Sequence[Sample], seed: int) -> CalibrationTable | None:
    """Of the samples of one arm on one suite; None where it does not say how sure it is of a label."""
    sure = [sample for sample in samples if "confidence" in sample.scores and "accuracy" in sample.scores]
    if not sure:
        return None
    confidence_N = [min(1.0, sample.scores["confidence"]) for sample in sure]  # a softmax in float32 may round up
    is_right_N = [sample.scores["accuracy"] for sample in sure]
    found = calibration(confidence_N, is_right_N, seed=seed)
    withheld = abstention(confidence_N, is_right_N)
    return CalibrationTable(
        n=found.n,
        accuracy=found.accuracy,
        confidence=found.confidence,
        ece=found.ece,
        ece_of_calibrated=found.ece_of_calibrated,
        p_value=found.p_value,
        rms_debiased=found.rms_debiased,
        brier=found.brier,
        bins=[
            CalibrationBin(
                n=one.n,
                confidence=one.confidence,
                accuracy=one.accuracy,
                low=one.interval.low,
                high=one.interval.high,
            )
            for one in found.bins
        ],
        risk={str(coverage): withheld.risk_at(coverage) for coverage in COVERAGES},
        risk_area=withheld.area,
    )
