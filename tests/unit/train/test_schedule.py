"""Learning rates against the formula and against torch's schedulers."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from tunesmith.train.schedule import make_schedule


@pytest.mark.parametrize(("num_steps", "share"), [(100, 0.05), (37, 0.1), (10, 0.0), (3, 0.5), (1, 0.05), (8, 1.0)])
def test_the_formula(num_steps: int, share: float) -> None:
    cosine, constant = (make_schedule(kind, 2e-4, num_steps, share) for kind in ("cosine", "constant"))
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


def rates(scheduler: torch.optim.lr_scheduler.LRScheduler, num_steps: int) -> list[float]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no optimiser step is taken
        for _ in range(num_steps):
            found.append(float(scheduler.get_last_lr()[0]))
            scheduler.step()
    return found


def test_the_cosine_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-3)
    expected = rates(torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50), 50)
    schedule = make_schedule("cosine", 3e-3, 50, 0.0)
    assert [schedule(step) for step in range(50)] == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_the_warm_up_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-3)
    warm_up = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 5))
    schedule = make_schedule("constant", 3e-3, 50, 0.1)
    assert [schedule(step) for step in range(50)] == pytest.approx(rates(warm_up, 50))
