"""AdamW in eight bits against the formula with every number rounded to the nearest value, one block after the other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tunesmith.recipe.optimizers import AdamW, AdamW8Bit, AnyOptimizer
from tunesmith.train import eight_bit
from tunesmith.train.eight_bit import dynamic_values
from tunesmith.train.optimizer import FlatOptimizer, Penalties

SHAPES = {"up.weight": (37, 29), "norm.weight": (300,)}
RATES = (0.1, 0.05, 0.2, 0.1, 0.1, 0.02)
DECAY = 0.1
Array = NDArray[np.float64]


def gradients() -> Iterator[dict[str, torch.Tensor]]:
    """Of very different sizes, as those of a model are."""
    generator = torch.Generator().manual_seed(0)
    sizes = {name: torch.randn(shape, generator=generator).mul(2.0).exp() for name, shape in SHAPES.items()}
    for _ in RATES:
        yield {name: sizes[name] * (torch.randn(shape, generator=generator) + 0.5) for name, shape in SHAPES.items()}


def trained_by(settings: AnyOptimizer) -> tuple[dict[str, Array], FlatOptimizer]:
    generator = torch.Generator().manual_seed(1)
    weights = {name: nn.Parameter(torch.randn(shape, generator=generator)) for name, shape in SHAPES.items()}
    flat = FlatOptimizer(weights.items(), settings, Penalties(1e9))
    for rate, of_step in zip(RATES, gradients(), strict=True):
        sum((weights[name] * of_step[name]).sum() for name in SHAPES).backward()  # type: ignore[union-attr]
        flat.collect()
        flat.step(rate, weight=1.0)
    return {name: weight.detach().double().numpy() for name, weight in weights.items()}, flat


def rounded(numbers: Array, values: Array) -> Array:
    """Each block of 256 scaled by its largest magnitude, each number the nearest value."""
    flat = numbers.ravel()
    found = []
    for start in range(0, flat.size, 256):
        block = flat[start : start + 256]
        scale = np.abs(block).max()
        found.append(values[np.abs(block[:, None] / scale - values).argmin(1)] * scale)
    return np.concatenate(found).reshape(numbers.shape)


def test_the_values_are_symmetric_decades_with_twice_as_many_in_each() -> None:
    signed, positive = (dynamic_values(signed=is_signed).double().numpy() for is_signed in (True, False))
    for values in (signed, positive):
        assert len(values) == len(np.unique(values)) == 256
        assert (np.diff(values) > 0).all()
        assert {0.0, 1.0} <= set(values.tolist())
    np.testing.assert_array_equal(signed[signed < 0][::-1], -signed[(signed > 0) & (signed < 1)])
    in_decade = [int(((signed > 10.0**-k) & (signed < 10.0 ** (1 - k))).sum()) for k in range(1, 8)]
    assert in_decade == [64, 32, 16, 8, 4, 2, 1]
    assert int(((positive > 0.1) & (positive < 1)).sum()) == 128


def test_six_steps_of_the_formula_with_every_moment_rounded() -> None:
    settings = AdamW8Bit(weight_decay=DECAY)
    found, _ = trained_by(settings)
    signed, positive = (dynamic_values(signed=is_signed).double().numpy() for is_signed in (True, False))
    generator = torch.Generator().manual_seed(1)
    for name, shape in SHAPES.items():
        w = torch.randn(shape, generator=generator).double().numpy()
        m, root = np.zeros(shape), np.zeros(shape)
        for step, (rate, of_step) in enumerate(zip(RATES, gradients(), strict=True), 1):
            g = of_step[name].double().numpy()
            m = 0.9 * m + 0.1 * g
            v = 0.99 * root**2 + 0.01 * g * g
            decay = DECAY if w.ndim == 2 else 0.0
            w = w * (1 - rate * decay) - rate * m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.99**step)) + 1e-8)
            m, root = rounded(m, signed), rounded(np.sqrt(v), positive)
        errors = np.abs(found[name] - w)
        # a number half-way between two values may go to either
        assert np.quantile(errors, 0.99) < 1e-5
        assert errors.max() < 0.02


def test_updates_are_those_of_adamw_but_for_the_rounding_in_a_quarter_of_the_bytes() -> None:
    small, of_small = trained_by(AdamW8Bit(weight_decay=DECAY))
    plain, of_plain = trained_by(AdamW(weight_decay=DECAY))
    generator = torch.Generator().manual_seed(1)
    for name, shape in SHAPES.items():
        moved = plain[name] - torch.randn(shape, generator=generator).double().numpy()
        assert 0 < np.linalg.norm(small[name] - plain[name]) < 0.1 * np.linalg.norm(moved)
    held = sum(tensor.nbytes for name, tensor in of_small.state().items() if name not in ("master", "step"))
    assert held == 7 * (2 * 256 + 2 * 4)  # five blocks of the matrix and two of the vector
    assert held / (7 * 256) < 0.26 * 8
    assert sum(tensor.nbytes for name, tensor in of_plain.state().items() if "exp" in name) == 8 * 1373


def test_how_many_numbers_are_updated_together_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = trained_by(AdamW8Bit())
    monkeypatch.setattr(eight_bit, "TOGETHER", 512)
    parts, _ = trained_by(AdamW8Bit())
    assert all(np.array_equal(whole[name], parts[name]) for name in SHAPES)
