"""Rows that mean the same in other words: prompts whose embeddings by a local model have a large enough cosine.

The search is exact: every prompt is compared with every other, block by block, with the vectors on disk, so that
memory stays bounded and time grows with the square of the rows (an option for up to some 100,000 of them).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.prepare.duplicates import SEMANTIC_DUPLICATE, Left
from tunesmith.prepare.index import Forest, Mask, Rows, Spool, examples_of, first_of_equal, lines_of, question_of
from tunesmith.prepare.near import clusters_of
from tunesmith.recipe.semantic import Semantic

if TYPE_CHECKING:
    from tunesmith.engine.embed import Encoder

# Shapes: S chosen rows, D width of a vector, L leaders of a cluster.
Vectors = NDArray[np.float32]
_BLOCK_ROWS: Final = 2048
_EMBEDDED_BYTES: Final = 1 << 18
_ROWS_AT_ONCE: Final = 512
_MAX_LEADERS: Final = 32


@dataclass(frozen=True)
class Meaning:
    """The model that tells what prompts mean, loaded when it is first asked."""

    section: Semantic

    @cached_property
    def encoder(self) -> Encoder:
        """Raises TunesmithError `encoder-folder`."""
        from tunesmith.engine.embed import Encoder  # brings torch

        return Encoder(Path(self.section.model))


def join_semantic(spool: Spool, kept_N: Mask, forest: Forest, meaning: Meaning, folder: Path) -> None:
    """Put rows whose prompts mean the same into one set. Only kept rows are compared.

    Raises TunesmithError `encoder-folder`.
    """
    rows_S = np.flatnonzero(kept_N).astype(np.int32)
    first_S = first_of_equal(spool["prompt"][rows_S])
    rows_S = rows_S[first_S == np.arange(len(first_S))]
    file = folder / "vectors"
    with file.open("wb") as stream:
        for _, span in spool.spans(rows_S, _EMBEDDED_BYTES):
            vectors = meaning.encoder.embed([question_of(line) for line in lines_of(span)])
            stream.write(vectors.data)
    if len(rows_S):
        vectors_SD = np.memmap(file, np.float32, "r").reshape(len(rows_S), -1)
        for one_P, other_P in alike(vectors_SD, meaning.section.threshold):
            forest.join(rows_S[one_P], rows_S[other_P])


def alike(vectors_SD: Vectors, threshold: float) -> Iterator[tuple[Rows, Rows]]:
    """All pairs of different rows whose vectors, of length 1, have at least this cosine, a block at a time."""
    for begin in range(0, len(vectors_SD), _BLOCK_ROWS):
        block = np.asarray(vectors_SD[begin : begin + _BLOCK_ROWS])
        for other in range(begin, len(vectors_SD), _BLOCK_ROWS):
            is_alike = block @ np.asarray(vectors_SD[other : other + _BLOCK_ROWS]).T >= _reached(threshold)
            one, two = np.nonzero(is_alike)
            is_pair = begin + one < other + two
            if is_pair.any():
                yield (begin + one[is_pair]).astype(np.int32), (other + two[is_pair]).astype(np.int32)


def _reached(threshold: float) -> float:
    """Equal texts have a cosine of 1 but for rounding."""
    return threshold - 1e-6


def semantic_duplicates(spool: Spool, rows_S: Rows, cluster_N: Rows, meaning: Meaning) -> Left:
    """Of the chosen rows, those that an earlier one of their cluster makes superfluous.

    The first row of a cluster stays and represents it. A later one goes when prompt and answer both mean the same as
    those of one that stays and the labels are equal; only the first 32 that stay are compared with.
    """
    pairs = [pair for cluster in clusters_of(rows_S, cluster_N) for pair in _thinned(spool, cluster, meaning)]
    found = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
    return Left(found[:, 0], found[:, 1], SEMANTIC_DUPLICATE)


@dataclass(frozen=True, slots=True)
class _Leader:
    row: int
    label: str | None
    prompt_D: Vectors
    answer_D: Vectors


def _thinned(spool: Spool, cluster: Rows, meaning: Meaning) -> Iterator[tuple[int, int]]:
    """Rows of a cluster to drop, each with the row that stays for it."""
    least = _reached(meaning.section.threshold)
    leaders: list[_Leader] = []
    for begin in range(0, len(cluster), _ROWS_AT_ONCE):
        for row in _sides(spool, cluster[begin : begin + _ROWS_AT_ONCE], meaning.encoder):
            same_as = next(
                (
                    leader.row
                    for leader in leaders
                    if leader.label == row.label
                    and leader.prompt_D @ row.prompt_D >= least
                    and leader.answer_D @ row.answer_D >= least
                ),
                None,
            )
            if same_as is not None:
                yield row.row, same_as
            elif len(leaders) < _MAX_LEADERS:
                leaders.append(row)


def _sides(spool: Spool, rows: Rows, encoder: Encoder) -> Iterator[_Leader]:
    examples = [example for _, span in spool.spans(rows) for example in examples_of(span)]
    said = (
        ["\n".join(message.content for message in one.prompt if message.role != "system") for one in examples],
        [one.answer.content for one in examples],
    )
    vectors = map(encoder.embed, said)
    labels = (one.label for one in examples)
    return map(_Leader, rows.tolist(), labels, *vectors)
