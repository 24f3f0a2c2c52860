"""Learning rates against the formula, torch's schedulers and those of transformers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest
import torch
import transformers
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    PolynomialLR,
    StepLR,
)

from tunesmith.recipe.schedules import (
    AnySchedule,
    Constant,
    Cosine,
    Exponential,
    Linear,
    Polynomial,
    Stairs,
    WarmupStableDecay,
)
from tunesmith.train.schedule import make_schedule

PEAK, NUM_STEPS, WARM = 3e-3, 50, 5
Scheduler = Callable[[torch.optim.Optimizer], LRScheduler]


@pytest.mark.parametrize(("num_steps", "share"), [(100, 0.05), (37, 0.1), (10, 0.0), (3, 0.5), (1, 0.05), (8, 0.999)])
def test_the_formula(num_steps: int, share: float) -> None:
    cosine, constant = (make_schedule(kind, 2e-4, num_steps, share) for kind in (Cosine(), Constant()))
    warm = math.ceil(share * num_steps)
    for step in range(num_steps):
        if step < warm:
            assert cosine(step) == constant(step) == pytest.approx(2e-4 * (step + 1) / warm)
        else:
            progress = (step - warm) / (num_steps - warm)
            assert cosine(step) == pytest.approx(2e-4 * (1 + math.cos(math.pi * progress)) / 2)
            assert constant(step) == 2e-4
        assert 0.0 < cosine(step) <= 2e-4
    if warm < num_steps:
        assert cosine(num_steps) == pytest.approx(0.0, abs=1e-12)


def rates(scheduler: Scheduler, num_steps: int) -> list[float]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no optimiser step is taken
        made = scheduler(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK))
        for _ in range(num_steps):
            found.append(float(made.get_last_lr()[0]))
            made.step()
    return found


@pytest.mark.parametrize(
    ("schedule", "scheduler"),
    [
        (Cosine(), lambda o: CosineAnnealingLR(o, T_max=NUM_STEPS)),
        (Cosine(end_share=0.2), lambda o: CosineAnnealingLR(o, T_max=NUM_STEPS, eta_min=PEAK * 0.2)),
        (Linear(), lambda o: LinearLR(o, 1.0, 0.0, total_iters=NUM_STEPS)),
        (Linear(end_share=0.3), lambda o: LinearLR(o, 1.0, 0.3, total_iters=NUM_STEPS)),
        (Polynomial(), lambda o: PolynomialLR(o, total_iters=NUM_STEPS, power=2.0)),
        (Polynomial(power=0.5), lambda o: PolynomialLR(o, total_iters=NUM_STEPS, power=0.5)),
        (Stairs(factor=0.5, every=3, unit="step"), lambda o: StepLR(o, 3, 0.5)),
        (Stairs(factor=0.5, every=2), lambda o: StepLR(o, 14, 0.5)),  # epochs of seven steps
        (Exponential(factor=0.9, unit="step"), lambda o: ExponentialLR(o, 0.9)),
        (Exponential(factor=0.4), lambda o: ExponentialLR(o, 0.4 ** (1 / 7))),
    ],
)
def test_torchs_schedulers(schedule: AnySchedule, scheduler: Scheduler) -> None:
    ours = make_schedule(schedule, PEAK, NUM_STEPS, steps_per_epoch=7)
    assert [ours(step) for step in range(NUM_STEPS)] == pytest.approx(rates(scheduler, NUM_STEPS), rel=1e-9, abs=1e-15)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("schedule", "scheduler"),
    [
        (Constant(), lambda o: transformers.get_constant_schedule_with_warmup(o, WARM)),
        (Cosine(), lambda o: transformers.get_cosine_schedule_with_warmup(o, WARM, NUM_STEPS)),
        (Linear(), lambda o: transformers.get_linear_schedule_with_warmup(o, WARM, NUM_STEPS)),
        (
            Polynomial(power=3.0, end_share=0.1),
            lambda o: transformers.get_polynomial_decay_schedule_with_warmup(
                o, WARM, NUM_STEPS, lr_end=PEAK * 0.1, power=3.0
            ),
        ),
        *(
            (
                WarmupStableDecay(decay=15, shape=shape, end_share=0.1),
                lambda o, theirs=theirs: transformers.get_wsd_schedule(
                    o, WARM, 15, num_training_steps=NUM_STEPS, decay_type=theirs, min_lr_ratio=0.1
                ),
            )
            for shape, theirs in (("linear", "linear"), ("cosine", "cosine"), ("sqrt", "1-sqrt"))
        ),
    ],
)
def test_transformers_schedulers_after_warm_up(schedule: AnySchedule, scheduler: Scheduler) -> None:
    expected = rates(scheduler, NUM_STEPS)
    for warmup in (WARM, WARM / NUM_STEPS):
        ours = make_schedule(schedule, PEAK, NUM_STEPS, warmup)
        found = [ours(step) for step in range(NUM_STEPS)]
        assert found[WARM:] == pytest.approx(expected[WARM:], rel=1e-9, abs=1e-15)
        if not isinstance(schedule, WarmupStableDecay):  # whose warm-up of theirs begins at the end's share
            # theirs begins at 0, which would waste a step
            assert found[: WARM - 1] == pytest.approx(expected[1:WARM])


def test_the_warm_up_is_torchs() -> None:
    expected = rates(lambda o: LambdaLR(o, lambda step: min(1.0, (step + 1) / 5)), NUM_STEPS)
    for warmup in (0.1, 5):
        schedule = make_schedule(Constant(), PEAK, NUM_STEPS, warmup)
        assert [schedule(step) for step in range(NUM_STEPS)] == pytest.approx(expected)


def test_stairs_and_exponential_start_when_warm_up_is_over() -> None:
    for schedule in (Stairs(factor=0.5, every=1), Exponential(factor=0.5)):
        rate = make_schedule(schedule, 1.0, 30, warmup=4, steps_per_epoch=10)
        assert [rate(step) for step in (3, 4, 14, 24)] == pytest.approx([1.0, 1.0, 0.5, 0.25])


def test_a_decay_longer_than_what_warm_up_leaves_begins_with_it() -> None:
    rate = make_schedule(WarmupStableDecay(decay=0.9, shape="linear"), 1.0, 10, warmup=6)
    assert [rate(step) for step in range(5, 10)] == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.25])
    longer = make_schedule(Cosine(), 1.0, 10, warmup=20)
    assert longer(9) == pytest.approx(0.5)
