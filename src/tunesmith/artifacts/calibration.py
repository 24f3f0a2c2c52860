"""How far an arm may be believed when it says how sure it is, and `calibration.json`, the maps that mend it.

`calibration.json` stands beside the scorecard where a map was fitted; it goes with the adapter wherever that is served.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from tunesmith.artifacts.figures import Record
from tunesmith.stats.maps import Isotonic, Map, Method, Platt, Reason, Temperature

FILE: Final = "calibration.json"

Kind = Literal["label", "likelihood", "verbalised", "agreement"]
"""Where a confidence comes from: the probability of the label; of a free answer the mean probability of a token, what
the model says when it is asked, or the share of samples that say the same."""
HeldOut = Literal["validation", "half_of_test"]
"""Rows that a map is fitted on. With `half_of_test` it is judged on the other half."""


class CalibrationBin(Record):
    """Answers of like confidence: how many, their mean confidence, and the share that is right with its interval."""

    n: int
    confidence: float
    accuracy: float
    low: float
    high: float


class CoveragePoint(Record):
    """Answers of at least a confidence: how many, as a share of all, and how many of them are right."""

    confidence: float
    coverage: float
    n: int
    accuracy: float
    low: float
    high: float


class ConfidenceScores(Record):
    """How well confidences tell what is right."""

    n: int
    ece: float
    ece_of_calibrated: float
    """What a perfectly calibrated model shows on average on as many items."""
    p_value: float
    """How often a perfectly calibrated model shows as much."""
    brier: float
    log_loss: float
    bins: list[CalibrationBin] = []


class Mending(Record):
    """What a map does to the confidences of rows that it was not fitted on."""

    method: Method | None
    """None where no map was fitted."""
    reason: Reason
    rows: HeldOut
    num_fitted: int
    log_losses: dict[str, float] = {}
    """Of answers left out while fitting, by method, `none` without a map; empty where nothing was compared."""
    before: ConfidenceScores
    after: ConfidenceScores | None = None
    wanted_accuracy: float
    abstain: CoveragePoint | None = None
    """The lowest confidence from which on the rows fitted on reach the wanted accuracy with their whole interval, and
    what answering from there on means for the other rows; None where no confidence does."""


class CalibrationTable(Record):
    """How far one arm's confidence in its answers and its accuracy on the test suite are apart."""

    metric: str
    """Which answers are right: this metric is 1 for them, and 0 for all others."""
    n: int
    accuracy: float
    confidence: float
    ece: float
    ece_of_calibrated: float
    """What a perfectly calibrated model shows on average on as many items."""
    p_value: float
    """How often a perfectly calibrated model shows as much."""
    rms_debiased: float
    brier: float
    bins: list[CalibrationBin]
    risk: dict[str, float]
    """The share wrong of the most confident answers, by the share of answers given (`1.0`, `0.9`, ...)."""
    risk_area: float
    curve: list[CoveragePoint] = []
    """From the most confident answers to all."""
    mending: Mending | None = None
    """Of the tuned arms."""


class TemperatureParameters(Record):
    """Divides the log-probabilities of all labels."""

    kind: Literal["temperature"] = "temperature"
    temperature: float = Field(gt=0)


class PlattParameters(Record):
    """A logistic curve over the log-odds of the confidence."""

    kind: Literal["platt"] = "platt"
    slope: float
    intercept: float


class IsotonicParameters(Record):
    """A rising curve through `value` at the confidences `at`."""

    kind: Literal["isotonic"] = "isotonic"
    at: list[float] = Field(min_length=1)
    value: list[float]

    @model_validator(mode="after")
    def _rises(self) -> IsotonicParameters:
        rises = all(one < other for one, other in pairwise(self.at)) and self.value == sorted(self.value)
        within = all(0 <= number <= 1 for number in (*self.at, *self.value))
        if len(self.at) != len(self.value) or not rises or not within:
            raise ValueError("`at` and `value` are as many rising numbers from 0 to 1")
        return self


class SavedMap(Record):
    """A fitted map, for which model and which confidence."""

    arm: str
    model: str
    """Key of the TunedModel."""
    confidence: Kind
    method: Method
    rows: HeldOut
    num_fitted: int
    parameters: Annotated[TemperatureParameters | PlattParameters | IsotonicParameters, Field(discriminator="kind")]
    """A temperature of free answers, which have no other classes, is a Platt curve without an intercept."""

    @property
    def map(self) -> Map:
        """What `stats.maps.calibrated` takes."""
        if isinstance(self.parameters, TemperatureParameters):
            return Temperature(self.parameters.temperature)
        if isinstance(self.parameters, PlattParameters):
            return Platt(self.parameters.slope, self.parameters.intercept)
        return Isotonic(tuple(self.parameters.at), tuple(self.parameters.value))


class CalibrationFile(Record):
    """What `calibration.json` holds."""

    version: Literal[1] = 1
    maps: list[SavedMap]


def parameters_of(fitted: Map) -> TemperatureParameters | PlattParameters | IsotonicParameters:
    """A map as it is saved: reading it back gives the same numbers to the bit."""
    if isinstance(fitted, Temperature):
        return TemperatureParameters(temperature=fitted.temperature)
    if isinstance(fitted, Platt):
        return PlattParameters(slope=fitted.slope, intercept=fitted.intercept)
    return IsotonicParameters(at=list(fitted.at), value=list(fitted.value))


def read_maps(folder: Path) -> list[SavedMap]:
    """The maps in a folder's `calibration.json`; none where it has no such file. Raises pydantic's ValidationError."""
    file = folder / FILE
    return CalibrationFile.model_validate_json(file.read_bytes()).maps if file.is_file() else []
