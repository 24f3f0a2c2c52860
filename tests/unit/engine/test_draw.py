"""Draws from large vocabularies against the rule that sorts all tokens, and against it written out in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tunesmith.engine import draw
from tunesmith.engine.draw import LARGE_VOCABULARY, choose
from tunesmith.records import Sampling


class Told:
    """A generator that says what it is told."""

    def __init__(self, number: float) -> None:
        self._number = number

    def random(self) -> float:
        return self._number


@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.2])
@pytest.mark.parametrize("spread", [0.5, 3.0, 8.0])  # flat; a nucleus of thousands; one of few
@pytest.mark.thorough
def test_few_tokens_decide_as_all_do(top_p: float, spread: float) -> None:
    generator = torch.Generator().manual_seed(3)
    logits_BV = torch.randn(4, LARGE_VOCABULARY, generator=generator).mul_(spread)
    sampling = Sampling(temperature=0.8, top_p=top_p)
    for numbers in ([0.0, 0.3, 0.6, 0.9], [0.02, 0.5, 0.97, 0.999999]):
        told = [Told(number) for number in numbers]
        fast = choose(logits_BV, sampling, told)  # type: ignore[arg-type]
        shares_BV = (logits_BV / 0.8).softmax(1)
        drawn_B1 = torch.tensor(numbers, dtype=torch.float64)[:, None]
        assert fast == draw._drawn(shares_BV, drawn_B1, top_p).tolist()
        for token, number, logits_V in zip(fast, numbers, logits_BV.double().numpy(), strict=True):
            shares_V = np.exp((logits_V - logits_V.max()) / 0.8)
            order_V = np.argsort(-shares_V)
            totals_V = np.cumsum(shares_V[order_V]) / shares_V.sum()
            num_inside = min(int(np.searchsorted(totals_V, top_p)) + 1, len(totals_V))
            aim = number * totals_V[num_inside - 1]
            place = int(np.flatnonzero(order_V == token)[0])
            assert place < num_inside
            assert totals_V[place] >= aim - 1e-3
            assert place == 0 or totals_V[place - 1] <= aim + 1e-3


def test_most_draws_of_a_trained_model_sort_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("all tokens were sorted")

    monkeypatch.setattr(draw, "_drawn", refuse)
    logits_BV = torch.randn(8, LARGE_VOCABULARY, generator=torch.Generator().manual_seed(0))
    logits_BV[:, 100:140] += 20.0  # nearly all of the share
    told = [Told(number) for number in np.linspace(0.001, 0.99, 8)]
    for top_p in (1.0, 0.9):
        chosen = choose(logits_BV, Sampling(temperature=1.0, top_p=top_p), told)  # type: ignore[arg-type]
        assert all(100 <= token < 140 for token in chosen)


def test_the_likeliest_is_the_first_of_equals() -> None:
    logits_BV = torch.tensor([[0.0, 2.0, 2.0, 1.0], [5.0, 5.0, 5.0, 5.0]])
    assert choose(logits_BV, Sampling(), []) == [1, 0]


@pytest.mark.parametrize("num_tokens", [50, LARGE_VOCABULARY])
@pytest.mark.parametrize("temperature", [5e-324, 1e-45, 1e-38, 1e-30, 9e-6, 1e-5])
def test_the_least_temperatures_draw_the_likeliest(temperature: float, num_tokens: int) -> None:
    """Against the softmax in float64 of logits as far apart as float32 tells them: all of the share is one token's."""
    logits_BV = torch.randn(3, num_tokens, generator=torch.Generator().manual_seed(3)) * 30
    far_BV = logits_BV.double().numpy()
    shares_BV = np.exp((far_BV - far_BV.max(1, keepdims=True)) / max(temperature, 1e-300))
    assert (shares_BV.sum(1) == 1.0).all()
    told = [Told(number) for number in (0.0, 0.5, 0.999999)]
    for top_p in (1.0, 0.9):
        chosen = choose(logits_BV, Sampling(temperature=temperature, top_p=top_p), told)  # type: ignore[arg-type]
        assert chosen == shares_BV.argmax(1).tolist()


@pytest.mark.parametrize("num_tokens", [50, LARGE_VOCABULARY])
@pytest.mark.parametrize("top_p", [5e-324, 1e-45, 1e-38, 1e-9])
def test_the_least_nucleus_is_the_likeliest_token(top_p: float, num_tokens: int) -> None:
    logits_BV = torch.randn(3, num_tokens, generator=torch.Generator().manual_seed(3))
    told = [Told(number) for number in (0.0, 0.5, 0.999999)]
    chosen = choose(logits_BV, Sampling(temperature=2.0, top_p=top_p), told)  # type: ignore[arg-type]
    assert chosen == logits_BV.numpy().argmax(1).tolist()
