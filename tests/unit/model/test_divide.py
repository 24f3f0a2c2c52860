"""How the rows of a step are cut into parts for several processes."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from tiny_models import random_row

from tunesmith.model.layout import divide, lay_out
from tunesmith.records import Rendered


def computed(rows: list[Rendered], share: bool) -> int:
    """Tokens of a part, filler left out, as the layout itself counts them."""
    batches = lay_out(rows, 1_000_000, share=share)
    return sum(batch.num_tokens - batch.num_filler_tokens for batch in batches)


def rows_of(seed: int, num: int) -> list[Rendered]:
    """Of very different lengths, many with a common beginning."""
    random = np.random.default_rng(seed)
    beginnings = [random.integers(0, 300, length).tolist() for length in (0, 20, 60)]
    return [
        random_row(random, str(n), beginnings[random.integers(3)], int(1 + random.exponential(30))) for n in range(num)
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("num_parts", [2, 3])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_cut_in_this_order_has_a_smaller_largest_part(seed: int, num_parts: int, share: bool) -> None:
    rows = rows_of(seed, 9)
    parts = divide(rows, num_parts, share=share)
    ordered = [row for part in parts for row in part]
    assert sorted(row.id for row in ordered) == sorted(row.id for row in rows)
    laid_out = [id for batch in lay_out(rows, 1_000_000, share=share) for id in batch.row_ids]
    assert [row.id for row in ordered] == laid_out
    cuts = [(0, *inner, 9) for num in range(num_parts) for inner in combinations(range(1, 9), num)]
    best = min(max(computed(ordered[lo:hi], share) for lo, hi in pairwise(cut)) for cut in cuts)
    assert max(computed(part, share) for part in parts if part) == best


def test_a_group_is_not_parted() -> None:
    rows = [replace(row, group=f"prompt {n % 4}") for n, row in enumerate(rows_of(0, 16))]
    parts = divide(rows, 3, share=True)
    seen = [{row.group for row in part} for part in parts]
    assert sum(map(len, seen)) == 4
    assert sum(map(len, parts)) == 16


def test_fewer_rows_than_parts_leave_parts_empty() -> None:
    rows = rows_of(0, 2)
    assert sorted(len(part) for part in divide(rows, 4, share=True)) == [0, 0, 1, 1]
    assert divide([], 3, share=True) == [[], [], []]
    assert divide(rows, 1, share=True) == [rows]


def test_long_common_beginnings_stay_together() -> None:
    """Four rows of each of two long prompts: the cut between the prompts computes each of them once."""
    random = np.random.default_rng(3)
    prompts = [random.integers(0, 300, 200).tolist() for _ in range(2)]
    rows = [random_row(random, str(n), prompts[n % 2], 5) for n in range(8)]
    parts = divide(rows, 2, share=True)
    assert [{int(row.id) % 2 for row in part} for part in parts] in ([{0}, {1}], [{1}, {0}])
