"""Rows laid flat against one plain forward pass a row: eager attention, torch's cross entropy, autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from tiny_models import VOCABULARY, random_row, row, twin_of
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.layout import lay_out
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft

TOLERANCE = 1e-5
LAYOUTS = [(100_000, True), (100_000, False), (700, True), (64, True), (64, False), (1, True)]


def gradient(model: PreTrainedModel) -> Tensor:
    return torch.cat(
        [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in model.parameters()]
    )


def plain(model: PreTrainedModel, rows: Sequence[Rendered]) -> tuple[float, Tensor]:
    """Loss sum and gradient of one transformers forward a row."""
    model.zero_grad()
    total = 0.0
    for each in rows:
        logits_TV = model(torch.from_numpy(each.ids_T.astype(np.int64))[None]).logits[0]
        targets_T = torch.from_numpy(each.ids_T[1:].astype(np.int64))
        losses_T = torch.nn.functional.cross_entropy(logits_TV[:-1], targets_T, reduction="none")
        loss = (losses_T * torch.from_numpy(each.weights_T[1:])).sum()
        loss.backward()
        total += loss.item()
    return total, gradient(model)


def flat(model: PreTrainedModel, rows: Sequence[Rendered], budget: int, share: bool) -> tuple[float, Tensor, float]:
    """The same by the flat layout, and the weight it would be divided by."""
    model.zero_grad()
    total = weight = 0.0
    for batch in lay_out(rows, budget, share=share):
        loss = sft.loss(model, batch)
        loss.sum.backward()
        total += loss.sum.item()
        weight += loss.weight
    return total, gradient(model), weight


def largest_difference(model: PreTrainedModel, rows: list[Rendered], layouts: Sequence[tuple[int, bool]]) -> float:
    """Of loss and gradient, relative to the sum of the absolute losses and to the gradient's norm."""
    twin = twin_of(model, "eager")
    loss, expected = plain(twin, rows)
    scale = sum(float(np.abs(each.weights_T).sum()) for each in rows)
    worst = 0.0
    for budget, share in layouts:
        found_loss, found, weight = flat(model, rows, budget, share)
        worst = max(worst, abs(found_loss - loss) / scale, ((found - expected).norm() / expected.norm()).item())
        assert weight == pytest.approx(sum(float(each.weights_T[1:].sum()) for each in rows), rel=1e-5, abs=1e-4)
    return worst


def tokens(random: np.random.Generator, num: int) -> list[int]:
    return random.integers(0, VOCABULARY, num).tolist()


def different(random: np.random.Generator) -> list[Rendered]:
    return [random_row(random, str(n), [], num) for n, num in enumerate((2, 3, 17, 31, 33, 64, 90))]


def duplicates(random: np.random.Generator) -> list[Rendered]:
    first, second = random_row(random, "a", [], 40), random_row(random, "b", [], 25)
    return [first, second, *(Rendered(f"copy {n}", first.ids_T, first.weights_T) for n in range(3))]


def prefixes_of_others(random: np.random.Generator) -> list[Rendered]:
    ids = tokens(random, 80)
    return [random_row(random, str(n), ids[:n], 0) for n in (3, 16, 17, 40, 41, 79, 80)]


def three_levels(random: np.random.Generator) -> list[Rendered]:
    rows = []
    system = tokens(random, 30)
    for conversation in range(3):
        first = system + tokens(random, 20 + conversation)
        for turn in range(2):
            second = first + tokens(random, 17)
            rows += [random_row(random, f"{conversation} {turn} {n}", second, 5 + 3 * n) for n in range(3)]
    return rows


def long_with_short(random: np.random.Generator) -> list[Rendered]:
    """Long rows take torch's blocked kernel; short ones hang on a long prefix beside it."""
    prefix = tokens(random, 300)
    rows = [random_row(random, f"suffix {n}", prefix, num) for n, num in enumerate((5, 9, 60, 145, 145, 260, 260))]
    return [*rows, random_row(random, "alone", [], 400), random_row(random, "short", [], 12)]


def negative_weights(random: np.random.Generator) -> list[Rendered]:
    prompt = tokens(random, 24)
    rows = [random_row(random, str(n), prompt, 8) for n in range(4)]
    return [Rendered(each.id, each.ids_T, each.weights_T * (-1) ** n) for n, each in enumerate(rows)]


def prompts_with_weights(random: np.random.Generator) -> list[Rendered]:
    prompt = tokens(random, 40)
    weights = [0.0] + [0.1] * 39 + [1.0] * 10
    return [row(str(n), prompt + tokens(random, 10), weights) for n in range(4)]


CASES: list[Callable[[np.random.Generator], list[Rendered]]] = [
    different,
    duplicates,
    prefixes_of_others,
    three_levels,
    long_with_short,
    negative_weights,
    prompts_with_weights,
]
