"""Every row once an epoch, every step found from its number."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import row

from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource, TokenDropout

LAYOUT = LayoutSettings(10_000, True, "cpu")


@pytest.mark.parametrize(("num_rows", "batch_rows"), [(10, 3), (12, 4), (5, 8), (1, 1), (100, 7)])
def test_every_row_once_an_epoch(num_rows: int, batch_rows: int) -> None:
    sampler = RowSampler(num_rows, batch_rows, seed=3)
    orders = []
    for epoch in range(3):
        steps = range(epoch * sampler.steps_per_epoch, (epoch + 1) * sampler.steps_per_epoch)
        batches = [sampler.rows_of_step(step).tolist() for step in steps]
        assert [len(batch) for batch in batches[:-1]] == [batch_rows] * (len(batches) - 1)
        orders.append([index for batch in batches for index in batch])
        assert sorted(orders[-1]) == list(range(num_rows))
    if num_rows >= 10:
        assert len({tuple(order) for order in orders}) == 3
        assert orders[0] != list(range(num_rows))


def test_a_step_is_found_from_its_number_alone() -> None:
    walked = [RowSampler(23, 4, seed=1).rows_of_step(step).tolist() for step in range(30)]
    for step in (29, 0, 13, 5, 6):
        assert RowSampler(23, 4, seed=1).rows_of_step(step).tolist() == walked[step]
    assert [RowSampler(23, 4, seed=2).rows_of_step(step).tolist() for step in range(30)] != walked


def test_places_in_an_epoch_are_uniform() -> None:
    """Chi-square of where row 0 lands in 2,000 epochs of 10."""
    counts = np.zeros(10)
    for epoch in range(2000):
        counts[RowSampler(10, 10, seed=0).rows_of_step(epoch).tolist().index(0)] += 1
    assert ((counts - 200) ** 2 / 200).sum() < 27.9  # 0.999 quantile with 9 degrees of freedom


def test_a_source_goes_on_where_its_state_says() -> None:
    rows = [row(str(n), [n, n + 1, n + 2], [0, 1, 1]) for n in range(9)]
    sampler = RowSampler(9, 2, seed=0)

    def ids(source: RowSource, steps: int) -> list[list[str]]:
        batches = iter(source)
        return [sorted(id for batch in next(batches) for id in batch.row_ids) for _ in range(steps)]

    whole = ids(RowSource(rows, sampler, LAYOUT), 12)
    for taken in range(12):
        first, second = RowSource(rows, sampler, LAYOUT), RowSource(rows, sampler, LAYOUT)
        assert ids(first, taken) == whole[:taken]
        second.restore(first.state())
        assert ids(second, 12 - taken) == whole[taken:]
    assert whole[0] == sorted(str(index) for index in sampler.rows_of_step(0))


def test_token_dropout_hides_prompt_tokens_only_and_the_same_ones_again() -> None:
    prompts, answer = 2000, 50
    rows = [row(str(n), [5] * prompts + [7] + [6] * answer, [0.0] * (prompts + 1) + [1.0] * answer) for n in range(3)]
    dropout = TokenDropout(share=0.3, hidden_id=0, kept_ids=frozenset({7}), seed=4)
    noisy, again, later = dropout.apply(rows, 0), dropout.apply(rows, 0), dropout.apply(rows, 1)
    for before, after, same, other in zip(rows, noisy, again, later, strict=True):
        hidden = after.ids_T != before.ids_T
        assert not hidden[prompts:].any()
        assert (after.ids_T[hidden] == 0).all()
        assert 0.26 < hidden[:prompts].mean() < 0.34
        assert np.array_equal(after.ids_T, same.ids_T)
        assert not np.array_equal(after.ids_T, other.ids_T)
        assert after.weights_T is before.weights_T
        assert (before.ids_T[:prompts] == 5).all()
    assert not np.array_equal(noisy[0].ids_T, noisy[1].ids_T)
    assert TokenDropout(0.0, 0, frozenset(), 4).apply(rows, 0) == rows
