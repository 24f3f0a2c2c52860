"""When a training ends before its last step: pure rules over where it is, so that a resume decides alike.

A window is the stretch of steps between two validations. Its mean weighs each step's loss as the step weighs: it is the
mean over all supervised tokens, or rows, of the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from tunesmith.recipe.watch import HIGHER_IS_BETTER, Stop
from tunesmith.train.checkpoint import Progressed

Reason = Literal["early-stop", "rising-loss"]


def after_validation(progressed: Progressed, figures: Mapping[str, float], stop: Stop) -> Progressed:
    """With the figures `eval/...` of the present step: the best so far, or one more without a gain."""
    value, best = figures[stop.metric], progressed.best_value
    sign = 1.0 if stop.metric in HIGHER_IS_BETTER else -1.0
    gain = math.inf if best is None else sign * (value - best)
    if math.isfinite(value) and gain > stop.min_delta:
        return replace(progressed, best_step=progressed.step, best_value=value, num_without_gain=0)
    return replace(progressed, num_without_gain=progressed.num_without_gain + 1)


def after_step(progressed: Progressed, loss: float, weight: float) -> Progressed:
    """With the mean training loss of one more step, in the present window."""
    return replace(
        progressed,
        window_loss=progressed.window_loss + loss * weight,
        window_weight=progressed.window_weight + weight,
    )


def after_window(progressed: Progressed) -> Progressed:
    """With the present window closed, and a new one begun."""
    mean, before = progressed.window_loss / progressed.window_weight, progressed.last_window
    rises = before is not None and mean > before
    return replace(
        progressed,
        window_loss=0.0,
        window_weight=0.0,
        last_window=mean,
        num_rising=progressed.num_rising + 1 if rises else 0,
    )


def reason_to_stop(progressed: Progressed, stop: Stop) -> Reason | None:
    """Why no further step is to be taken; None while there is no reason."""
    if stop.patience is not None and progressed.num_without_gain >= stop.patience:
        return "early-stop"
    if stop.rising_loss is not None and progressed.num_rising >= stop.rising_loss:
        return "rising-loss"
    return None
