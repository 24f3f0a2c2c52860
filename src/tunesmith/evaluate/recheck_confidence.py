"""What a scorecard says of confidence, computed once more: tables, curves, maps and what these do."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.artifacts.calibration import (
    CalibrationBin,
    CalibrationTable,
    ConfidenceScores,
    CoveragePoint,
    IsotonicParameters,
    Kind,
    Mending,
    PlattParameters,
    SavedMap,
    TemperatureParameters,
)
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.evaluate import oracles
from tunesmith.evaluate import oracles_of_maps as maps
from tunesmith.evaluate.kinds import SCORES
from tunesmith.evaluate.oracles_of_maps import Floats, Told
from tunesmith.evaluate.recheck_details import Compared
from tunesmith.recipe.confidence import HELD_OUT, VERBALISED
from tunesmith.records import Sample
from tunesmith.stats.calibration import NUM_STEPS
from tunesmith.stats.maps import NUM_FOLDS, folds, held_out_half
from tunesmith.text.normalise import normalise_answer

Sheets = Mapping[tuple[str, str], Sequence[Sample]]
"""Samples by arm and suite, in the order in which the items were asked."""
_DIGITS: Final = 12
TEST: Final = "test"


@dataclass(frozen=True)
class _Answers:
    told: Told
    groups: list[str] | None

    def part(self, chosen_N: npt.NDArray[np.bool_]) -> _Answers:
        groups = None if self.groups is None else [g for g, is_in in zip(self.groups, chosen_N, strict=True) if is_in]
        return _Answers(self.told.part(chosen_N), groups)

    def of(self, confidence_N: Floats) -> _Answers:
        return _Answers(Told(np.round(confidence_N, _DIGITS), self.told.is_right_N, None, None), self.groups)


def of_confidence(body: ScorecardBody, sheets: Sheets, saved: Sequence[SavedMap], seed: int) -> Iterator[Compared]:
    """Every figure of the confidences; what is drawn at random is drawn as it was."""
    for arm, tables in body.calibration.items():
        for kind, table in tables.items():
            answers = _answers(sheets[arm, TEST], kind, table.metric)
            assert answers is not None
            name = f"calibration {arm} {kind}"
            yield from _of_table(name, table, answers, seed)
            yield from _of_curve(f"{name} curve", table.curve, _curve(answers, seed))
            if table.mending is not None:
                held = _answers(sheets.get((arm, HELD_OUT), ()), kind, table.metric)
                own = next((one for one in saved if (one.arm, one.confidence) == (arm, kind)), None)
                yield from _of_mending(name, table.mending, (answers, held), own, seed)
            yield from _of_statements(f"{name} statements", kind, sheets, arm)
    for arm, of_kind in body.unstated.items():
        for kind, num in of_kind.items():
            items = {sample.item: False for sample in sheets[arm, TEST]}
            items |= {sample.item: True for sample in sheets[arm, TEST] if SCORES[kind] in sample.scores}
            yield f"unstated {arm} {kind}", num, sum(not is_told for is_told in items.values())


def _answers(samples: Sequence[Sample], kind: Kind, metric: str) -> _Answers | None:
    sure = [sample for sample in samples if SCORES[kind] in sample.scores and metric in sample.scores]
    if not sure:
        return None
    log_NC = true_N = None
    if kind == "label" and sure[0].probabilities:
        classes = list(sure[0].probabilities)
        shares_NC = np.array([[dict(sample.probabilities or {})[name] for name in classes] for sample in sure])
        log_NC = np.log(np.maximum(shares_NC, 1e-300))
        true_N = np.array([classes.index(s.reference) if s.reference in classes else -1 for s in sure], np.int64)
    told = Told(
        np.minimum(1.0, np.array([sample.scores[SCORES[kind]] for sample in sure])),
        np.array([sample.scores[metric] for sample in sure]),
        log_NC,
        true_N,
    )
    has_groups = any(sample.group is not None for sample in sure)
    return _Answers(told, [sample.group or sample.item for sample in sure] if has_groups else None)


def _of_table(name: str, table: CalibrationTable, answers: _Answers, seed: int) -> Iterator[Compared]:
    confidence_N, is_right_N = answers.told.confidence_N, answers.told.is_right_N
    found = oracles.calibration(confidence_N, is_right_N, seed, answers.groups)
    bins = found.pop("bins")
    for part, value in found.items():
        yield f"{name} {part}", table.model_dump(include={part})[part], value
    yield from _of_bins(name, table.bins, bins)
    risks = oracles.risks(confidence_N, is_right_N)
    yield f"{name} risk_area", table.risk_area, math.fsum(risks) / len(risks)
    for coverage, risk in table.risk.items():
        yield f"{name} risk {coverage}", risk, risks[max(1, round(float(coverage) * len(risks))) - 1]


def _of_bins(
    name: str, said: Sequence[CalibrationBin], found: Sequence[tuple[float, float, float, oracles.MaybeEnds]]
) -> Iterator[Compared]:
    """`found` are number of answers, mean confidence, and share right with the ends of its interval."""
    yield f"{name} bins", len(said), len(found)
    for place, (told, (num, confidence, accuracy, ends)) in enumerate(zip(said, found, strict=False)):
        for part, one, other in zip(
            ("n", "confidence", "accuracy", "low", "high"),
            (told.n, told.confidence, told.accuracy, told.low, told.high),
            (num, confidence, accuracy, *ends),
            strict=True,
        ):
            yield f"{name} bin {place} {part}", one, other


def _curve(answers: _Answers, seed: int) -> list[CoveragePoint]:
    falling = sorted(answers.told.confidence_N.tolist(), reverse=True)
    places = [math.ceil(Fraction(step * len(falling), NUM_STEPS)) - 1 for step in range(1, NUM_STEPS + 1)]
    levels = sorted({falling[place] for place in places}, reverse=True)
    return [point for point in (_point(answers, level, seed) for level in levels) if point is not None]


def _point(answers: _Answers, confidence: float, seed: int) -> CoveragePoint | None:
    given = answers.part(answers.told.confidence_N >= confidence)
    right_N = given.told.is_right_N
    if not len(right_N):
        return None
    low, high = oracles.interval_of_mean(right_N, given.groups, seed)
    assert low is not None
    assert high is not None  # shares have one in any case
    return CoveragePoint(
        confidence=confidence,
        coverage=len(right_N) / len(answers.told.is_right_N),
        n=len(right_N),
        accuracy=math.fsum(right_N.tolist()) / len(right_N),
        low=low,
        high=high,
    )


def _of_curve(name: str, said: Sequence[CoveragePoint], found: Sequence[CoveragePoint]) -> Iterator[Compared]:
    yield f"{name} points", len(said), len(found)
    for place, (one, other) in enumerate(zip(said, found, strict=False)):
        yield from _of_point(f"{name} {place}", one, other)


def _of_point(name: str, said: CoveragePoint, found: CoveragePoint) -> Iterator[Compared]:
    values = found.model_dump()
    for part, value in said.model_dump().items():
        yield f"{name} {part}", value, values[part]


def _of_mending(
    name: str, said: Mending, answers: tuple[_Answers, _Answers | None], saved: SavedMap | None, seed: int
) -> Iterator[Compared]:
    judged, held = answers
    if held is None:
        chosen_N = held_out_half(len(judged.told.is_right_N), seed=seed, groups=judged.groups)
        held, judged = judged.part(chosen_N), judged.part(~chosen_N)
    yield f"{name} num_fitted", said.num_fitted, len(held.told.is_right_N)
    yield from _of_choice(name, said, held, seed)
    yield from _of_scores(f"{name} before", said.before, judged, seed)
    yield f"{name} saved", float(said.method is not None), float(saved is not None)
    if saved is not None and said.after is not None:
        yield from _of_parameters(f"{name} map", saved, held)
        # what is given is the saved map's: another fit of it may tear ties apart
        apply = _applied(saved)
        held, judged = (one.of(apply(one.told)) for one in (held, judged))
        yield from _of_scores(f"{name} after", said.after, judged, seed)
    reaching = [point.confidence for point in _curve(held, seed) if point.low >= said.wanted_accuracy]
    found = _point(judged, min(reaching), seed) if reaching else None
    yield f"{name} abstains", float(said.abstain is not None), float(found is not None)
    if said.abstain is not None and found is not None:
        yield from _of_point(f"{name} abstain", said.abstain, found)


def _of_choice(name: str, said: Mending, held: _Answers, seed: int) -> Iterator[Compared]:
    """Log losses of answers left out, and that the smallest was chosen."""
    if not said.log_losses:
        return
    fold_N = folds(len(held.told.is_right_N), seed=seed, groups=held.groups)
    found = {"none": maps.log_loss(held.told.confidence_N, held.told.is_right_N)}
    for method in ("temperature", "platt", "isotonic"):
        mended_N = np.zeros(len(fold_N))
        for fold in range(NUM_FOLDS):
            apply = maps.fitted(method, held.told.part(fold_N != fold))
            mended_N[fold_N == fold] = np.round(apply(held.told.part(fold_N == fold)), _DIGITS)
        found[method] = maps.log_loss(mended_N, held.told.is_right_N)
    for method, loss in found.items():
        yield f"{name} log_loss of {method}", said.log_losses.get(method), loss
    yield f"{name} best", said.log_losses[said.method or "none"], min(said.log_losses.values())


def _of_scores(name: str, said: ConfidenceScores, answers: _Answers, seed: int) -> Iterator[Compared]:
    confidence_N, is_right_N = answers.told.confidence_N, answers.told.is_right_N
    found = oracles.calibration(confidence_N, is_right_N, seed, answers.groups)
    found["log_loss"] = maps.log_loss(confidence_N, is_right_N)
    for part, value in said.model_dump(exclude={"bins"}).items():
        yield f"{name} {part}", value, found[part]
    if said.bins:  # scorecards of earlier versions have none
        yield from _of_bins(name, said.bins, found["bins"])


def _of_parameters(name: str, saved: SavedMap, held: _Answers) -> Iterator[Compared]:
    """Of a rising curve the heights at all confidences it was fitted on, and of the others what they are made of."""
    given, told = saved.parameters, held.told
    if isinstance(given, TemperatureParameters):
        yield f"{name} temperature", given.temperature, maps.temperature(told)
    elif isinstance(given, IsotonicParameters):
        at, value = maps.steps(told)
        here = _applied(saved)(Told(at, np.zeros(len(at)), None, None))
        yield f"{name} heights", 0.0, float(np.abs(here - value).max())
    elif saved.method == "temperature":
        yield f"{name} slope", given.slope, 1 / maps.temperature(told)
        yield f"{name} intercept", given.intercept, 0.0
    else:
        slope, intercept = maps.logistic(told)
        yield f"{name} slope", given.slope, slope
        yield f"{name} intercept", given.intercept, intercept


def _applied(saved: SavedMap) -> maps.Applied:
    given = saved.parameters
    if isinstance(given, TemperatureParameters):
        return maps.by_temperature(given.temperature)
    if isinstance(given, PlattParameters):
        return maps.by_logistic(given.slope, given.intercept)
    return maps.by_steps(np.array(given.at), np.array(given.value))


def _of_statements(name: str, kind: Kind, sheets: Sheets, arm: str) -> Iterator[Compared]:
    """What the samples' own texts make of agreement and of what was said when asked."""
    if kind == "agreement":
        forms: dict[str, list[str]] = {}
        for sample in sheets[arm, TEST]:
            forms.setdefault(sample.item, []).append(normalise_answer(sample.answer) if sample.answer else "")
        said = {s.item: s.scores["agreement"] for s in sheets[arm, TEST] if "agreement" in s.scores}
        found = {item: max(Counter(filter(None, of)).values(), default=0) / len(of) for item, of in forms.items()}
        yield name, 0.0, max(abs(share - said.get(item, 0.0)) for item, share in found.items())
    elif kind == "verbalised":
        told = {s.item: s.scores["verbalised"] for s in sheets[arm, TEST] if "verbalised" in s.scores}
        replies = {s.item: unicodedata.normalize("NFKC", s.answer) for s in sheets[arm, VERBALISED]}
        numbers = {item: float(re.findall(r"\d+(?:\.\d+)?", replies[item])[0]) for item in told}
        yield name, 0.0, max(abs(share - numbers[item] / 100) for item, share in told.items())
