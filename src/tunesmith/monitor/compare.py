"""Each feature of a window against the parts of the reference, and which of them are alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np

from tunesmith.artifacts.health import Shift
from tunesmith.monitor.concept import fall
from tunesmith.monitor.features import DISTANCE, FAMILIES, Features, Floats, Vectors
from tunesmith.monitor.said import FEATURES, NUM_LOOKS, OVER_TIME
from tunesmith.stats.drift import Shifted, alarms, class_shift, number_shift, share_shift, vector_shift

LEAST: Final = 8
"""Exchanges of a side that have to tell a feature before it is tested."""
NUM_CLASSES: Final = 5
FAR_SHARE: Final = 0.05


@dataclass(frozen=True)
class Looks:
    """How sure a look has to be."""

    level: float
    """Chance that any feature of the window is a false alarm."""
    max_points: int
    seed: int


def shifts_of(window: Features, parts: Sequence[Features], looks: Looks) -> list[Shift]:
    """One for each feature that the window and a part tell of, without alarms.

    Of several parts the one that the window is most like is told of: a feature has drifted where it differs from each.
    """
    found = []
    for name, family in FAMILIES.items():
        against = [(shifted, part) for part in parts if (shifted := _tested(name, part, window, looks)) is not None]
        if against:
            nearest, part = max(against, key=lambda pair: (pair[0].p_value, -pair[0].effect))
            classes = most_changed(part.classes.get(name, {}), window.classes.get(name, {}))
            found.append(Shift(feature=name, family=family, classes=classes, **asdict(nearest)))
    return found


def most_changed(reference: Mapping[str, int], window: Mapping[str, int]) -> dict[str, tuple[float, float]]:
    """The share of each class on both sides, of the NUM_CLASSES whose shares differ the most."""
    sums = sum(reference.values()), sum(window.values())
    shares = {
        name: (reference.get(name, 0) / sums[0], window.get(name, 0) / sums[1]) for name in {**reference, **window}
    }
    return dict(sorted(shares.items(), key=lambda pair: -abs(pair[1][1] - pair[1][0]))[:NUM_CLASSES])


def fall_of(earlier: Sequence[float], newest: Sequence[float], level: float) -> Shift | None:
    """Whether accuracy fell among the newest judged answers. Adaptive windowing gives no p-value: it is what this look
    has of `level` where a fall was found, and 1 where none was."""
    if len(newest) < LEAST or len(earlier) < LEAST:
        return None
    level_of_look = level / NUM_LOOKS
    found = fall(earlier, newest, level_of_look)
    return Shift(
        feature=OVER_TIME,
        family=FAMILIES[OVER_TIME],
        test="adwin",
        effect=found.effect,
        p_value=level_of_look if found.is_found else 1.0,
        num_reference=len(earlier),
        num_window=len(newest),
    )


def with_alarms(shifts: Sequence[Shift], level: float) -> list[Shift]:
    """Those that are alarms first, then by their p-values. Of what was said, `level` holds for all looks together."""
    p_values = {each.feature: each.p_value * (NUM_LOOKS if each.feature in FEATURES else 1) for each in shifts}
    found = alarms(p_values, level) if shifts else set()
    told = [shift.model_copy(update={"is_alarm": shift.feature in found}) for shift in shifts]
    return sorted(told, key=lambda shift: (not shift.is_alarm, shift.p_value, -shift.effect))


def spread(vectors_TD: Vectors, num: int, seed: int) -> Vectors:
    """At most `num` of them, drawn by the seed."""
    return vectors_TD[drawn(len(vectors_TD), num, seed)]


def drawn(total: int, num: int, seed: int) -> list[int]:
    """At most `num` places of so many, in order."""
    if total <= num:
        return list(range(total))
    return sorted(np.random.default_rng([seed, total]).choice(total, num, replace=False).tolist())


def _tested(name: str, part: Features, window: Features, looks: Looks) -> Shifted | None:
    """None where too few of a side tell of the feature."""
    if min(_num_told(name, part), _num_told(name, window)) < LEAST:
        return None
    if name == DISTANCE:
        return far_shift(part.numbers[name], window.numbers[name], looks.level)
    if name in window.numbers:
        return number_shift(part.numbers[name], window.numbers[name], looks.level, looks.seed)
    if name in window.classes:
        return class_shift(part.classes[name], window.classes[name], looks.level, looks.seed)
    if name in window.shares:
        return share_shift(part.shares[name], window.shares[name], looks.level)
    there, here = (spread(side.vectors[name], looks.max_points, looks.seed) for side in (part, window))
    return vector_shift(there, here, looks.level, looks.seed)


def far_shift(reference_N: Floats, window_M: Floats, level: float) -> Shifted:
    """Whether more of the window lie among the farthest twentieth of both sides together, by Fisher's exact test.

    The bound is that of both sides, so that under chance each way to part the farthest between them is as likely. A
    few requests that are far from every training row move it where a distribution function hardly moves. A window that
    is nearer than its reference is no shift: held-out rows lie farther than what traffic repeats.
    """
    bound = np.quantile(np.concatenate([reference_N, window_M]), 1 - FAR_SHARE)
    there, here = (int(np.count_nonzero(side > bound)) for side in (reference_N, window_M))
    found = share_shift((there, len(reference_N)), (here, len(window_M)), level)
    return found if here * len(reference_N) > there * len(window_M) else replace(found, effect=0.0, p_value=1.0)


def _num_told(name: str, side: Features) -> int:
    """How many tell of a feature."""
    if name in side.numbers:
        return len(side.numbers[name])
    if name in side.classes:
        return sum(side.classes[name].values())
    if name in side.shares:
        return side.shares[name][1]
    return len(side.vectors[name]) if name in side.vectors else 0
