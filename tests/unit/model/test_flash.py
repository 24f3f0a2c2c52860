"""Flash attention's plan for a prefix tree: what the operators are handed, and what comes of it.

Here torch's operators are written out for CPU tensors (`flash_reference`); on a GPU `tests/gpu` has the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from flash_reference import flash_on_cpu
from flat_rows import CASES, LAYOUTS, TOLERANCE, largest_difference, three_levels
from tiny_models import make_model, random_row, row
from torch import Tensor, nn
from transformers import AttentionInterface

from tunesmith.model.attention import attend_flat
from tunesmith.model.attention_layout import AttentionLayout
from tunesmith.model.kernels import flash
from tunesmith.model.layout import TOKENS_UNIT, lay_out
from tunesmith.records import Rendered

FORWARD = "query key value cum_seq_q cum_seq_k max_q max_k dropout_p is_causal return_debug_mask scale window_size_left"
BACKWARD = "grad_out query key value out logsumexp cum_seq_q cum_seq_k max_q max_k dropout_p is_causal rng_state unused"


@pytest.fixture
def operators() -> Iterator[None]:
    with flash_on_cpu():
        yield


def by_looks(
    module: nn.Module,
    query_1HTD: Tensor,
    key_1KTD: Tensor,
    value_1KTD: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    layout: AttentionLayout,
    **_: Any,
) -> tuple[Tensor, None]:
    """`attend` of a machine that has flash attention."""
    states = (states[0].transpose(0, 1) for states in (query_1HTD, key_1KTD, value_1KTD))
    return flash.attend_looks(*states, layout.looks, scaling)[None], None


AttentionInterface.register("looks", by_looks)


def test_torchs_operators_take_what_they_are_handed() -> None:
    """By the names of their arguments, which stand in one order in every version of torch from 2.11 on."""
    forward = torch.ops.aten._flash_attention_forward.default
    backward = torch.ops.aten._flash_attention_backward.default
    for operator, names in ((forward, FORWARD), (backward, BACKWARD)):
        assert [argument.name for argument in operator._schema.arguments][: len(names.split())] == names.split()


def test_a_tree_is_handed_on_level_by_level() -> None:
    """Rows that share a system prompt, two of them a question too, and a row alone."""
    prompt, question = list(range(20)), list(range(100, 117))
    rows = [
        row("a", [*prompt, *question, 1, 2, 3], [1.0] * 40),
        row("b", [*prompt, *question, 4, 5], [1.0] * 39),
        row("c", [*prompt, *range(50, 75)], [1.0] * 45),
        row("d", list(range(200, 218)), [1.0] * 18),
    ]
    (batch,) = lay_out(rows, 1000, share=True)
    own, above, highest = batch.attention.looks
    ids = batch.ids_T.tolist()

    def words(places: Tensor | None, bounds: Tensor) -> list[list[int]]:
        assert places is not None
        assert places.dtype == torch.int64
        found, ends = [ids[place] for place in places.tolist()], bounds.tolist()
        return [sorted(found[start:stop]) for start, stop in pairwise(ends)]

    assert (own.queries_X, own.keys_Y, own.is_causal) == (None, None, True)
    assert own.query_bounds.dtype == torch.int32
    assert torch.equal(own.query_bounds, own.key_bounds)
    assert sorted(own.query_bounds.diff().tolist()) == sorted([20, 17, 3, 2, 25, 18, batch.num_filler_tokens])
    assert batch.num_tokens % TOKENS_UNIT == 0
    assert own.max_queries == own.max_keys == max(own.query_bounds.diff().tolist())
    # at the system prompt: the question, both answers to it, and row c
    assert words(above.queries_X, above.query_bounds) == [sorted([*question, 1, 2, 3, 4, 5, *range(50, 75)])]
    assert words(above.keys_Y, above.key_bounds) == [prompt]
    assert (above.max_queries, above.max_keys, above.is_causal) == (47, 20, False)
    assert words(highest.queries_X, highest.query_bounds) == [[1, 2, 3, 4, 5]]
    assert words(highest.keys_Y, highest.key_bounds) == [question]


def test_rows_without_common_beginnings_are_one_look() -> None:
    rows = [random_row(np.random.default_rng(n), str(n), [], 10 + n) for n in range(3)]
    for is_causal in (True, False):
        (batch,) = lay_out(rows, 1000, share=True, is_causal=is_causal)
        (own,) = batch.attention.looks
        assert own.is_causal is is_causal
        assert own.query_bounds.tolist()[-1] == batch.num_tokens


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_results_and_gradients_are_those_of_the_plain_path(
    case: Callable[[np.random.Generator], list[Rendered]], operators: None
) -> None:
    (batch,) = lay_out(case(np.random.default_rng(3)), 100_000, share=True)
    generator = torch.Generator().manual_seed(0)
    shapes = [(batch.num_tokens, heads, 16) for heads in (4, 2, 2, 4)]
    *states, grad = (torch.randn(shape, generator=generator) for shape in shapes)
    ours, plain = ([each.clone().requires_grad_() for each in states] for _ in range(2))
    found = flash.attend_looks(ours[0], ours[1], ours[2], batch.attention.looks, 0.3)
    expected = attend_flat(plain[0], plain[1], plain[2], batch.attention, 0.3)
    found.backward(grad)
    expected.backward(grad)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=2e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["llama", "qwen3"])
def test_loss_and_gradient_of_a_model_are_those_of_a_forward_pass_a_row(architecture: str, operators: None) -> None:
    model = make_model(architecture, "looks")
    difference = largest_difference(model, three_levels(np.random.default_rng(0)), LAYOUTS)
    print(f"{architecture}: {difference:.1e}")
    assert difference < TOLERANCE


def test_narrow_states_stay_near_the_wide_result(operators: None) -> None:
    """Each level of the tree rounds once to bf16."""
    (batch,) = lay_out(three_levels(np.random.default_rng(1)), 100_000, share=True)
    generator = torch.Generator().manual_seed(0)
    states = [torch.randn((batch.num_tokens, heads, 16), generator=generator).bfloat16() for heads in (4, 2, 2)]
    found = flash.attend_looks(states[0], states[1], states[2], batch.attention.looks, 0.3)
    wide = [each.float() for each in states]
    expected = attend_flat(wide[0], wide[1], wide[2], batch.attention, 0.3)
    assert found.dtype == torch.bfloat16
    assert (found - expected).abs().max() < 2e-2 * expected.abs().max()


def test_other_devices_types_and_heads_take_the_plain_path() -> None:
    assert not flash.takes(torch.zeros(4, 2, 64, dtype=torch.bfloat16))
    assert [size for size in (8, 60, 64, 128, 192, 200, 256) if flash.fits_heads(size)] == [8, 64, 128, 192]
