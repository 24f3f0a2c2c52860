"""What a model keeps over rounds of retraining: how a later round changes what an earlier one could do.

Backward and forward transfer as in Lopez-Paz and Ranzato 2017 (arXiv:1706.08840), forgetting as in Chaudhry et al. 2018
(arXiv:1801.10112). Every round has a test of its own, which the models of all rounds are asked.

Shapes: T rounds, N items of one round's test (each round may have another number), R resamples. Row i of `scores_TT` is
the model after round i, column j the test of round j; both count from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import CONFIDENCE, NUM_RESAMPLES, Interval, bca, chunks, expanded

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Transfer:
    """Means over the rounds, in the unit of the scores, of which higher is better."""

    average: float
    """Of the last model over the tests of all rounds: mean of R[T-1, j]."""
    backward: float
    """What later rounds did to earlier ones: mean over j < T-1 of R[T-1, j] - R[j, j]; negative where they harm."""
    forgetting: float
    """What was lost of the best there was: mean over j < T-1 of max(R[i, j], i < T-1) - R[T-1, j]."""
    forward: float | None
    """What a round brings to the test of the next: mean over j > 0 of R[j-1, j] - untrained[j]; None without them."""


@dataclass(frozen=True)
class TransferIntervals:
    """95 % intervals of the figures of `transfer`, by the same names."""

    average: Interval
    backward: Interval
    forgetting: Interval
    forward: Interval | None


def transfer(scores_TT: npt.ArrayLike, untrained_T: npt.ArrayLike | None = None) -> Transfer:
    """Return the figures from the score of every model on every test.

    NaN stands for a test that was not asked: allowed above the diagonal, but just above it only without
    `untrained_T`, the scores of the untrained model. Raises ValueError for fewer than two rounds, a table that is not
    square, or a NaN elsewhere.
    """
    scores = np.asarray(scores_TT, dtype=np.float64)
    untrained = None if untrained_T is None else np.asarray(untrained_T, dtype=np.float64)
    _check(scores, untrained)
    found = {name: float(figure) for name, figure in _figures(scores, untrained).items()}
    return Transfer(found["average"], found["backward"], found["forgetting"], found.get("forward"))


def transfer_intervals(
    scores: Sequence[Sequence[npt.ArrayLike]],
    untrained: Sequence[npt.ArrayLike] | None = None,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
) -> TransferIntervals:
    """Return BCa bootstrap intervals; `scores[i][j]` has model i's scores of the items of test j, (N,).

    Paired: the items of a test are drawn anew for all models at once, each test apart from the others; the
    acceleration is that of several samples (Davison and Hinkley 1997, section 5.4.2). Raises ValueError where models
    have other numbers of items of one test, a test has fewer than two, and what `transfer` raises.
    """
    tests = _tests(scores, untrained)
    means = np.stack([values.mean(axis=1) for values in tests], axis=1)
    _check(*_parts(means, untrained))
    observed = _figures(*_parts(means, untrained))
    rng = np.random.default_rng(seed)
    drawn_RMT = np.stack([_resampled(values, num_resamples, rng) for values in tests], axis=2)
    resampled = _figures(*_parts(drawn_RMT, untrained))
    influences: dict[str, list[Floats]] = {name: [] for name in observed}
    for test, values in enumerate(tests):
        for name, figure_N in _figures(*_parts(_left_out(means, values, test), untrained)).items():
            influences[name].append(figure_N - figure_N.mean())
    confidence = expanded(CONFIDENCE, min(values.shape[1] for values in tests))
    found = {
        name: bca(float(figure), resampled[name], np.concatenate(influences[name]), confidence)
        for name, figure in observed.items()
    }
    return TransferIntervals(found["average"], found["backward"], found["forgetting"], found.get("forward"))


def _check(scores: Floats, untrained: Floats | None) -> None:
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        raise ValueError(f"need the scores of T >= 2 models on T tests, got an array of shape {scores.shape}")
    needed = np.tril(np.ones_like(scores, dtype=bool))
    if untrained is not None:
        if untrained.shape != scores.shape[:1] or not np.isfinite(untrained[1:]).all():
            raise ValueError("need a finite score of the untrained model on every test but the first")
        needed |= np.eye(len(scores), k=1, dtype=bool)
    if not np.isfinite(scores[needed]).all():
        raise ValueError("every model needs a finite score on the tests of its own and earlier rounds")


def _figures(scores: Floats, untrained: Floats | None) -> dict[str, Floats]:
    """By name, of one table (T, T) or of many (..., T, T); `untrained` is (T,) or (..., T)."""
    last = scores[..., -1, :]
    found = {
        "average": last.mean(axis=-1),
        "backward": (last - np.diagonal(scores, axis1=-2, axis2=-1))[..., :-1].mean(axis=-1),
        "forgetting": (np.nanmax(scores[..., :-1, :-1], axis=-2) - last[..., :-1]).mean(axis=-1),
    }
    if untrained is not None:
        found["forward"] = (np.diagonal(scores, offset=1, axis1=-2, axis2=-1) - untrained[..., 1:]).mean(axis=-1)
    return found


def _tests(scores: Sequence[Sequence[npt.ArrayLike]], untrained: Sequence[npt.ArrayLike] | None) -> list[Floats]:
    """Of each test (M, N): the scores of its items under each model, the untrained one last where there is one."""
    rows = [*scores, *([] if untrained is None else [untrained])]
    num_rounds = len(scores)
    if any(len(row) != num_rounds for row in rows):
        raise ValueError(f"need the scores of every model on {num_rounds} tests")
    tests = []
    for test in range(num_rounds):
        values = [np.atleast_1d(np.asarray(row[test], dtype=np.float64)) for row in rows]
        if len({len(of_model) for of_model in values}) > 1 or len(values[0]) < 2:
            raise ValueError(f"every model needs the scores of the same items of test {test}, two or more")
        tests.append(np.stack(values))
    return tests


def _parts(scores: Floats, untrained: object) -> tuple[Floats, Floats | None]:
    """What `_figures` takes, from tables (..., M, T) whose last row is the untrained model's where there is one."""
    return (scores, None) if untrained is None else (scores[..., :-1, :], scores[..., -1, :])


def _resampled(values_MN: Floats, num_resamples: int, rng: np.random.Generator) -> Floats:
    """(R, M) means of one test; one draw of its items serves all models."""
    num_items = values_MN.shape[1]
    means = []
    for num_rows in chunks(num_resamples, values_MN.size):
        draws = rng.integers(num_items, size=(num_rows, num_items))
        means.append(values_MN[:, draws].mean(axis=2).T)
    return np.concatenate(means)


def _left_out(means_MT: Floats, values_MN: Floats, test: int) -> Floats:
    """(N, M, T): the table without each item of one test in turn."""
    num_items = values_MN.shape[1]
    tables = np.repeat(means_MT[None], num_items, axis=0)
    tables[:, :, test] = ((values_MN.sum(axis=1, keepdims=True) - values_MN) / (num_items - 1)).T
    return tables
