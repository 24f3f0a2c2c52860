"""The index-list head against torch's cross entropy, and its cost against the number of products it should take."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tunesmith.model.head import CHUNK_PAIRS as SIZES
from tunesmith.model.head import cross_entropy_of_pairs, log_likelihood_of_pairs, log_likelihoods_after

CHUNK_PAIRS = SIZES["cpu"]

TOKENS, HIDDEN, VOCABULARY = 300, 16, 40


def counting_products() -> FlopCounterMode:
    """torch's counter, which leaves out products that are added in place."""
    in_place = {torch.ops.aten.addmm_: lambda _, a, b, **__: 2 * a[0] * a[1] * b[1]}
    return FlopCounterMode(display=False, custom_mapping=in_place)


def material(num_pairs: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hidden_TD = torch.randn(TOKENS, HIDDEN, generator=generator)
    head_VD = torch.randn(VOCABULARY, HIDDEN, generator=generator)
    positions_P = torch.randint(TOKENS, (num_pairs,), generator=generator)
    targets_P = torch.randint(VOCABULARY, (num_pairs,), generator=generator)
    weights_P = torch.randn(num_pairs, generator=generator)  # of both signs
    return hidden_TD, head_VD, positions_P, targets_P, weights_P


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("num_pairs", [0, 1, CHUNK_PAIRS, 2 * CHUNK_PAIRS + 77])
def test_loss_and_gradients_are_those_of_cross_entropy(num_pairs: int, smoothing: float) -> None:
    hidden_TD, head_VD, positions_P, targets_P, weights_P = material(num_pairs)
    inputs = hidden_TD.clone().requires_grad_(), head_VD.clone().requires_grad_()
    total, correct = cross_entropy_of_pairs(*inputs, positions_P, targets_P, weights_P, smoothing)
    (3.0 * total).backward()

    exact = hidden_TD.double().requires_grad_(), head_VD.double().requires_grad_()
    logits_PV = exact[0][positions_P] @ exact[1].T
    losses_P = torch.nn.functional.cross_entropy(logits_PV, targets_P, reduction="none", label_smoothing=smoothing)
    expected = (losses_P * weights_P.double()).sum()
    (3.0 * expected).backward()
    hits = ((logits_PV.argmax(1) == targets_P) * weights_P.double()).sum()

    torch.testing.assert_close(total.double(), expected, rtol=1e-6, atol=1e-3)
    torch.testing.assert_close(correct.double(), hits, rtol=1e-5, atol=1e-4)
    for ours, reference in zip(inputs, exact, strict=True):
        assert ours.grad is not None
        assert reference.grad is not None
        torch.testing.assert_close(ours.grad.double(), reference.grad, rtol=1e-5, atol=1e-3)


def test_log_likelihoods_are_log_softmax() -> None:
    hidden_TD, head_VD, positions_P, targets_P, _ = material(CHUNK_PAIRS + 5)
    expected = (hidden_TD @ head_VD.T).double().log_softmax(1)[positions_P, targets_P]
    found = log_likelihood_of_pairs(hidden_TD, head_VD, positions_P, targets_P)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    assert log_likelihood_of_pairs(hidden_TD, head_VD, positions_P[:0], targets_P[:0]).shape == (0,)


@pytest.mark.parametrize(("trained", "num_products"), [(("hidden", "head"), 3), (("hidden",), 2), ((), 1)])
def test_it_makes_no_product_too_many(trained: tuple[str, ...], num_products: int) -> None:
    hidden_TD, head_VD, positions_P, targets_P, weights_P = material(CHUNK_PAIRS)
    hidden_TD.requires_grad_("hidden" in trained)
    head_VD.requires_grad_("head" in trained)
    with counting_products() as counter:
        cross_entropy_of_pairs(hidden_TD, head_VD, positions_P, targets_P, weights_P)
    assert counter.get_total_flops() == num_products * 2 * CHUNK_PAIRS * HIDDEN * VOCABULARY


def test_without_gradients_nothing_is_made_for_them() -> None:
    hidden_TD, head_VD, positions_P, targets_P, weights_P = material(CHUNK_PAIRS)
    head_VD.requires_grad_()
    with torch.no_grad(), counting_products() as counter:
        cross_entropy_of_pairs(hidden_TD, head_VD, positions_P, targets_P, weights_P)
    assert counter.get_total_flops() == 2 * CHUNK_PAIRS * HIDDEN * VOCABULARY


@pytest.mark.parametrize("num_states", [1, CHUNK_PAIRS, CHUNK_PAIRS + 37])
def test_several_targets_after_one_state_are_log_softmax_at_the_cost_of_one(num_states: int) -> None:
    generator = torch.Generator().manual_seed(3)
    states_UD = torch.randn(num_states, HIDDEN, generator=generator)
    head_VD = torch.randn(VOCABULARY, HIDDEN, generator=generator)
    random = np.random.default_rng(0)
    # some states are asked for nothing, others for several targets
    state_Q = np.sort(random.integers(0, num_states, 3 * num_states))
    targets_Q = random.integers(0, VOCABULARY, len(state_Q))
    with counting_products() as counter:
        found_Q = log_likelihoods_after(states_UD, head_VD, state_Q, targets_Q)
    expected_UV = (states_UD @ head_VD.T).double().log_softmax(1)
    torch.testing.assert_close(found_Q.double(), expected_UV[state_Q, targets_Q], rtol=1e-5, atol=1e-5)
    assert counter.get_total_flops() <= 2 * (num_states + 32) * HIDDEN * VOCABULARY
    wide_Q = log_likelihoods_after(states_UD.bfloat16(), head_VD.bfloat16(), state_Q, targets_Q)
    assert wide_Q.dtype == torch.float32
    torch.testing.assert_close(wide_Q.double(), expected_UV[state_Q, targets_Q], rtol=0.05, atol=0.2)


def test_nothing_asked_is_nothing_told() -> None:
    none = np.zeros(0, np.int64)
    assert log_likelihoods_after(torch.randn(0, HIDDEN), torch.randn(VOCABULARY, HIDDEN), none, none).shape == (0,)
    assert log_likelihoods_after(torch.randn(3, HIDDEN), torch.randn(VOCABULARY, HIDDEN), none, none).shape == (0,)
