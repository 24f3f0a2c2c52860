"""Flat batches against one plain forward pass a row: eager attention, torch's cross entropy, autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from flat_rows import CASES, LAYOUTS, TOLERANCE, flat, largest_difference, three_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import make_model, random_row

from tunesmith.model.layout import TOKENS_UNIT, round_up
from tunesmith.records import Rendered


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradient_do_not_depend_on_the_layout(case: Callable[[np.random.Generator], list[Rendered]]) -> None:
    worst = largest_difference(make_model("qwen2"), case(np.random.default_rng(7)), LAYOUTS)
    print(f"{case.__name__}: {worst:.1e}")
    assert worst < TOLERANCE


@pytest.mark.thorough
@given(
    st.lists(st.lists(st.integers(0, 1), min_size=2, max_size=50), min_size=1, max_size=6),
    st.lists(st.integers(0, 1), max_size=40),
    st.integers(1, 200),
    st.booleans(),
)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_any_set_of_rows(suffixes: list[list[int]], prefix: list[int], budget: int, share: bool) -> None:
    random = np.random.default_rng(len(prefix))
    rows = [random_row(random, str(n), prefix + ids, 0) for n, ids in enumerate(suffixes)]
    model = make_model("qwen2", num_hidden_layers=1)
    assert largest_difference(model, rows, [(budget, share)]) < TOLERANCE


def test_only_computed_tokens_reach_the_model() -> None:
    """The embedding sees the flat buffer, filled up to its unit, and nothing else: no padding, no repeated prefix."""
    seen: list[int] = []
    model = make_model("qwen2")
    model.get_input_embeddings().register_forward_pre_hook(lambda _, ids: seen.append(ids[0].numel()))
    rows = three_levels(np.random.default_rng(0))
    distinct = {tuple(each.ids_T[:end].tolist()) for each in rows for end in range(1, len(each.ids_T) + 1)}
    flat(model, rows, 100_000, share=True)
    flat(model, rows, 100_000, share=False)
    assert seen == [round_up(len(distinct), TOKENS_UNIT), round_up(sum(len(each.ids_T) for each in rows), TOKENS_UNIT)]
