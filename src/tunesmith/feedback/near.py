"""Which questions of the feedback are near-duplicates of others, by the same measure as in `prepare`.

Shapes: F questions of the feedback, B other ones, S distinct shingles.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from tunesmith.text.shingles import Keys, Likeness

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BLOCK_ROWS: Final = 4_096
_Item = TypeVar("_Item")


def near_pairs(
    questions_F: Sequence[str], others_B: Sequence[str], likeness: Likeness
) -> Iterator[tuple[int, list[int]]]:
    """Each question with those of the others that it is near to; questions near to none are left out.

    What any two have in common is counted exactly, by a product of sparse matrices.
    """
    sets_F, sets_B = likeness.each_set(questions_F), likeness.each_set(others_B)
    known = np.unique(np.concatenate([*sets_F, np.empty(0, np.uint64)]))
    size_B = np.array([len(keys) for keys in sets_B])
    common_FB = (_matrix(sets_F, known) @ _matrix(sets_B, known).T).tocsr()
    for row, keys in enumerate(sets_F):
        begin, end = common_FB.indptr[row : row + 2]
        num_common, other = common_FB.data[begin:end], common_FB.indices[begin:end]
        is_near = num_common >= likeness.threshold * (len(keys) + size_B[other] - num_common)
        if is_near.any():
            yield row, sorted(other[is_near].tolist())


def _matrix(sets: Sequence[Keys], known: Keys) -> csr_matrix:
    """(sets, S): ones where a set has a shingle that is known."""
    from scipy.sparse import csr_matrix

    places = [np.searchsorted(known, keys) for keys in sets]
    kept = [
        place[known[np.minimum(place, len(known) - 1)] == keys] if len(known) else place[:0]
        for place, keys in zip(places, sets, strict=True)
    ]
    bounds = np.cumsum([0, *(len(place) for place in kept)])
    columns = np.concatenate([*kept, np.empty(0, np.int64)])
    return csr_matrix((np.ones(len(columns), np.int32), columns, bounds), shape=(len(sets), len(known)))


def blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """A few thousand at a time, so that memory stays bounded however many there are."""
    rest = iter(items)
    while block := list(islice(rest, BLOCK_ROWS)):
        yield block
