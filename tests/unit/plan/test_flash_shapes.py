"""What flash attention computes of a micro-batch, against the tokens that each token sees."""

from __future__ import annotations

import numpy as np
import pytest
from flat_rows import different, three_levels

from tunesmith.model.layout import lay_out
from tunesmith.plan.steps import batch_shapes
from tunesmith.recipe import Train


@pytest.mark.parametrize("share", [True, False])
def test_a_token_looks_at_as_many_as_its_position_says(share: bool) -> None:
    rows, section = three_levels(np.random.default_rng(0)), Train(share_prefixes=share)
    (batch,) = lay_out(rows, 100_000, share=share)
    (shape,) = batch_shapes(rows, section, 16384, is_fused=False, is_flash=True)
    assert shape.num_scores == shape.num_fused_scores == int((batch.positions_T + 1).sum())
    assert shape.num_fused_tokens == shape.num_tokens == batch.num_tokens
    assert (shape.num_short_scores, shape.num_gathered_keys, shape.num_pieces) == (0, 0, 1)


def test_a_token_of_an_encoder_looks_at_its_whole_row() -> None:
    rows = different(np.random.default_rng(0))
    (batch,) = lay_out(rows, 100_000, share=False, is_causal=False)
    (shape,) = batch_shapes(rows, Train(), 16384, is_fused=False, is_flash=True, is_causal=False)
    lengths = [*(len(each.ids_T) for each in rows), batch.num_filler_tokens]
    assert shape.num_scores == sum(length**2 for length in lengths)


def test_with_dropout_of_attention_scores_are_whole() -> None:
    rows, section = three_levels(np.random.default_rng(0)), Train(attention_dropout=0.1)
    shapes = [batch_shapes(rows, section, 16384, is_fused=False, is_flash=is_flash) for is_flash in (True, False)]
    assert shapes[0] == shapes[1]
    assert shapes[0][0].num_short_scores > 0
