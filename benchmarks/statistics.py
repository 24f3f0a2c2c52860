"""Whether error bars, tests, power, gate and calibration of `stats` hold what they promise, by simulated evaluations.

Shares are drawn evenly from 0.5 to 0.98, the accuracies of models worth judging; of two arms each has its own, and a
random part of the items is right or wrong for both alike. Scores between 0 and 1, such as ROUGE-L, are drawn from beta
distributions with such means. What is simulated is seeded and judged by the functions that judge a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.outcome import Goal, Outcome
from tunesmith.metrics.labels import averaged
from tunesmith.stats.calibration import calibration
from tunesmith.stats.gate import Passage, Suite, operating_curve
from tunesmith.stats.intervals import MEASURED_COVERAGE, SURE_ITEMS, bootstrap_bca, bootstrap_bca_of, wilson
from tunesmith.stats.paired import PairedDifference, paired_difference, paired_shares
from tunesmith.stats.power import detectable_share, mcnemar_power, minimum_detectable_difference
from tunesmith.stats.verdict import Outcome as Word
from tunesmith.stats.verdict import verdict

Floats = npt.NDArray[np.float64]
Figures = dict[str, float]

LOWEST: Final = 0.5
HIGHEST: Final = 0.98
NUM_PROCESSES: Final = 2
OF_COUNTS: Final = (50, 100, 200, 500, 1_000, 2_000)
OF_SCORES: Final = {5: 2_000, 10: 2_000, 20: 2_000, 50: 2_000, 100: 2_000, 500: 1_000}
"""Items, and evaluations simulated of so many."""
OF_MACRO_F1: Final = {50: 1_000, 100: 1_000, 300: 1_000}
OF_CALIBRATION: Final = (50, 200, 1_000, 5_000)
OF_POWER: Final = (50, 200, 1_000)
OF_SCORE_POWER: Final = (50, 200)
CONCENTRATION: Final = 4.0
"""Of the beta distributions: how little the scores of one arm differ among themselves."""
CLASS_SHARES: Final = (0.4, 0.3, 0.2, 0.1)
DEVIATION: Final = 0.3
MAX_LOSS: Final = 0.05
TARGET: Final = partial(Suite, 1_000, disagreement=0.15)
GUARD: Final = partial(Suite, 500, disagreement=0.1)

_SHARES = {f"{figure}/{n}": Goal(0.94, 0.96) for n in OF_COUNTS for figure in ("coverage/share", "coverage/pair")}
_SCORES = {
    f"coverage/{figure}/{n}": Goal(0.93, 0.97)
    for figure, numbers in (("score", OF_SCORES), ("score pair", OF_SCORES), ("macro-F1", OF_MACRO_F1))
    for n in numbers
    if n >= SURE_ITEMS
}
# what the report says of fewer items
_FEW = {
    f"coverage/{figure}/{n}": Goal(minimum=said - 0.015)
    for figure in ("score", "score pair")
    for n, said in MEASURED_COVERAGE.items()
}
GOALS: Final = {
    **_SHARES,
    **_SCORES,
    **_FEW,
    **{f"false better/pair/{n}": Goal(maximum=0.05) for n in OF_COUNTS},
    **{f"false better/score pair/{n}": Goal(maximum=0.05) for n in OF_SCORES},
    **{f"power/{figure}/{n}": Goal(0.77, 0.83) for n in OF_POWER for figure in ("pair", "pair as told")},
    **{f"power/score pair/{n}": Goal(0.77, 0.83) for n in OF_SCORE_POWER},
    "gate/promoted without a gain": Goal(maximum=0.055),
    "gate/promoted with a loss at the limit": Goal(maximum=0.055),
    "gate/promoted with both": Goal(maximum=0.055),
    "gate/promoted beyond its promise": Goal(-0.03, 0.03),
    **{f"calibration/ECE less its null/{n}": Goal(-0.005, 0.005) for n in OF_CALIBRATION},
    **{f"calibration/rejected/{n}": Goal(0.035, 0.065) for n in OF_CALIBRATION},
}


@dataclass(frozen=True)
class Part:
    """One simulation, of so many evaluations of so many items."""

    name: str
    simulate: Callable[[int, int, np.random.Generator], Figures]
    num_items: int
    num_evaluations: int

    def run(self) -> Figures:
        rng = np.random.default_rng([self.num_items, *self.name.encode()])
        return self.simulate(self.num_items, self.num_evaluations, rng)


def run(*, quick: bool) -> Outcome:
    """Simulate; `quick` takes few evaluations of few items, in this process."""
    start = time.perf_counter()
    if quick:
        found = [part.run() for part in parts(quick=True)]
    else:
        with ProcessPoolExecutor(NUM_PROCESSES) as pool:
            # the longest first, so that no process is left with one alone
            longest_first = sorted(parts(quick=False), key=lambda part: -part.num_items * part.num_evaluations)
            found = list(pool.map(Part.run, longest_first))
    figures = {name: value for of_part in found for name, value in of_part.items()}
    figures["seconds"] = time.perf_counter() - start
    return Outcome(figures, table_of(figures))


def parts(*, quick: bool) -> list[Part]:
    simulations: dict[str, tuple[Callable[[int, int, np.random.Generator], Figures], Mapping[int, int]]] = {
        "share": (shares, dict.fromkeys(OF_COUNTS, 40_000)),
        "pair": (pairs_of_shares, dict.fromkeys(OF_COUNTS, 20_000)),
        "score": (scores, OF_SCORES),
        "score pair": (pairs_of_scores, OF_SCORES),
        "macro-F1": (macro_f1, OF_MACRO_F1),
        "power": (power, dict.fromkeys(OF_POWER, 10_000)),
        "score power": (power_of_scores, dict.fromkeys(OF_SCORE_POWER, 2_000)),
        "calibration": (calibrated, dict.fromkeys(OF_CALIBRATION, 1_000)),
        "gate": (gate, {1_000: 40_000}),
    }
    return [
        Part(name, simulate, n, 40 if quick else num)
        for name, (simulate, numbers) in simulations.items()
        for n, num in numbers.items()
        if not quick or n <= 100 or name == "gate"
    ]


def table_of(figures: Figures) -> list[list[str]]:
    """A row for each figure, with a column for each number of items."""
    rows: dict[str, dict[str, str]] = {}
    for name, value in figures.items():
        head, _, last = name.rpartition("/")
        if last.isdigit():
            rows.setdefault(head, {})[last] = f"{value:.4f}"
        else:
            rows[name] = {"": f"{value:.4f}"}
    numbers = sorted({number for of_row in rows.values() for number in of_row}, key=lambda number: int(number or 0))
    return [["items", *numbers], *([name, *(of_row.get(n, "") for n in numbers)] for name, of_row in rows.items())]


def shares(n: int, num: int, rng: np.random.Generator) -> Figures:
    """Wilson's interval of a share."""
    share_R = rng.uniform(LOWEST, HIGHEST, num)
    intervals = [wilson(right, n) for right in range(n + 1)]
    low, high = (np.array([end[side] for end in ((i.low, i.high) for i in intervals)]) for side in (0, 1))
    right_R = rng.binomial(n, share_R)
    return {f"coverage/share/{n}": float(((low[right_R] <= share_R) & (share_R <= high[right_R])).mean())}


def pairs_of_shares(n: int, num: int, rng: np.random.Generator) -> Figures:
    """The interval of the difference of two arms, and the verdict on two equal ones."""
    one_R, other_R, alike_R = rng.uniform(LOWEST, HIGHEST, num), rng.uniform(LOWEST, HIGHEST, num), rng.random(num)
    judged = lru_cache(maxsize=None)(paired_shares)
    counts = _counts(n, one_R, other_R, alike_R, rng)
    found = [judged(int(won), int(lost), n) for won, lost, *_ in counts]
    held = [one.low <= gain <= one.high for one, gain in zip(found, (other_R - one_R).tolist(), strict=True)]
    equal = [judged(int(won), int(lost), n) for won, lost, *_ in _counts(n, one_R, one_R, alike_R, rng)]
    return {
        f"coverage/pair/{n}": float(np.mean(held)),
        f"false better/pair/{n}": float(np.mean([_is_better(one) for one in equal])),
    }


def _counts(n: int, one_R: Floats, other_R: Floats, alike_R: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """(R, 4) items that the other alone gets right, that the one alone does, that both do, and that neither does."""
    both_R = one_R * other_R + alike_R * (np.minimum(one_R, other_R) - one_R * other_R)
    chances = np.stack([other_R - both_R, one_R - both_R, both_R, 1 - one_R - other_R + both_R], axis=1)
    return rng.multinomial(n, np.clip(chances, 0.0, 1.0))


def _is_better(difference: PairedDifference) -> bool:
    return verdict(difference, {}, MAX_LOSS).outcome is Word.BETTER


def scores(n: int, num: int, rng: np.random.Generator) -> Figures:
    """The bootstrap interval of a mean score."""
    held = []
    for seed, mean in enumerate(rng.uniform(LOWEST, HIGHEST, num).tolist()):
        interval = bootstrap_bca(_scores(n, mean, rng), seed=seed)
        held.append(interval.low <= mean <= interval.high)
    return {f"coverage/score/{n}": float(np.mean(held))}


def pairs_of_scores(n: int, num: int, rng: np.random.Generator) -> Figures:
    """The interval of the difference of two arms' scores, and the verdict on two equal arms."""
    held, better = [], []
    for seed in range(num):
        one, other, alike = rng.uniform(LOWEST, HIGHEST), rng.uniform(LOWEST, HIGHEST), rng.random()
        before_N, is_alike_N = _scores(n, one, rng), rng.random(n) < alike
        after_N = np.where(is_alike_N, before_N, _scores(n, other, rng))
        found = paired_difference(before_N, after_N, seed=seed)
        held.append(found.low <= (1 - alike) * (other - one) <= found.high)
        again_N = np.where(is_alike_N, before_N, _scores(n, one, rng))
        better.append(_is_better(paired_difference(before_N, again_N, seed=seed)))
    return {
        f"coverage/score pair/{n}": float(np.mean(held)),
        f"false better/score pair/{n}": float(np.mean(better)),
    }


def _scores(n: int, mean: float, rng: np.random.Generator) -> Floats:
    return rng.beta(CONCENTRATION * mean, CONCENTRATION * (1 - mean), n)


def macro_f1(n: int, num: int, rng: np.random.Generator) -> Figures:
    """The bootstrap interval of macro-F1; wrong answers fall on the other classes evenly."""
    num_classes, share_C = len(CLASS_SHARES), np.array(CLASS_SHARES)
    held = []
    for seed, accuracy in enumerate(rng.uniform(LOWEST, HIGHEST, num).tolist()):
        true_N = rng.choice(num_classes, n, p=share_C)
        is_right_N = rng.random(n) < accuracy
        told_N = np.where(is_right_N, true_N, (true_N + rng.integers(1, num_classes, n)) % num_classes)
        told_C = share_C * accuracy + (1 - share_C) * (1 - accuracy) / (num_classes - 1)
        truth = float((2 * share_C * accuracy / (share_C + told_C)).mean())
        interval = bootstrap_bca_of(partial(_macro_f1, true_N, told_N), n, seed=seed)
        held.append(interval.low <= truth <= interval.high)
    return {f"coverage/macro-F1/{n}": float(np.mean(held))}


def _macro_f1(true_N: npt.NDArray[np.int64], told_N: npt.NDArray[np.int64], places: npt.NDArray[np.int64]) -> float:
    return averaged(true_N[places], told_N[places], len(CLASS_SHARES), "macro", "f1")


def power(n: int, num: int, rng: np.random.Generator) -> Figures:
    """How often a true difference is shown that is as large as promised, by the true disagreement and by a told one.

    The told one is what a first evaluation of the same arms found; the difference is then judged by a second one.
    """
    disagreement_R = rng.uniform(0.1, 0.4, num).round(2)
    judged, promised = lru_cache(maxsize=None)(paired_shares), lru_cache(maxsize=None)(detectable_share)
    told_R = rng.binomial(n, disagreement_R) / n
    figures = {}
    for name, known_R in (("pair", disagreement_R), ("pair as told", told_R)):
        gain_R = np.array([promised(n, known) for known in known_R.tolist()], np.float64)
        apart_R = np.maximum(disagreement_R, gain_R)
        chances = np.stack([(apart_R + gain_R) / 2, (apart_R - gain_R) / 2, 1 - apart_R], axis=1)
        counts = rng.multinomial(n, np.clip(chances, 0.0, 1.0))
        shown = [_is_better(judged(int(won), int(lost), n)) for won, lost, _ in counts]
        figures[f"power/{name}/{n}"] = float(np.mean(shown))
    return figures


def power_of_scores(n: int, num: int, rng: np.random.Generator) -> Figures:
    gain = minimum_detectable_difference(n, DEVIATION)
    shown = [
        _is_better(paired_difference(np.zeros(n), rng.normal(gain, DEVIATION, n), seed=seed)) for seed in range(num)
    ]
    return {f"power/score pair/{n}": float(np.mean(shown))}


def calibrated(n: int, num: int, rng: np.random.Generator) -> Figures:
    """What is found of models that are right exactly as often as they say."""
    excess, rejected = [], []
    for seed in range(num):
        confidence_N = rng.beta(rng.uniform(1.0, 8.0), rng.uniform(0.5, 3.0), n)
        found = calibration(confidence_N, rng.random(n) < confidence_N, seed=seed)
        excess.append(found.excess)
        rejected.append(found.p_value <= 0.05)
    return {
        f"calibration/ECE less its null/{n}": float(np.mean(excess)),
        f"calibration/rejected/{n}": float(np.mean(rejected)),
    }


def gate(n: int, num: int, rng: np.random.Generator) -> Figures:
    """The gate's operating curve: by the true gain, and by the true loss on one of two guarded suites."""
    curve = partial(operating_curve, max_loss=MAX_LOSS, num_simulations=num, seed=int(rng.integers(1 << 31)))
    large = 0.1
    unharmed = [GUARD(difference=0.05)] * 2
    promise = mcnemar_power(n, 0.04, 0.15, alpha=0.1)
    at_limit = [GUARD(difference=-MAX_LOSS), GUARD(difference=0.05)]
    figures = {
        "gate/promoted without a gain": curve(TARGET(difference=0.0), unharmed)[Passage.PROMOTE],
        "gate/promoted with a loss at the limit": curve(TARGET(difference=large), at_limit)[Passage.PROMOTE],
        "gate/promoted with both": curve(TARGET(difference=0.0), at_limit)[Passage.PROMOTE],
        "gate/promoted beyond its promise": curve(TARGET(difference=0.04), unharmed)[Passage.PROMOTE] - promise,
    }
    for gain in (-0.02, 0.0, 0.01, 0.02, 0.03, 0.05):
        words = curve(TARGET(difference=gain), [GUARD(difference=0.0)] * 2)
        figures |= {f"gate curve/gain {gain:+.2f}/{word}": share for word, share in words.items()}
    for loss in (0.0, 0.02, 0.04, 0.05, 0.06, 0.08):
        words = curve(TARGET(difference=0.05), [GUARD(difference=-loss), GUARD(difference=0.0)])
        figures |= {f"gate curve/loss {loss:.2f}/{word}": share for word, share in words.items()}
    return figures
