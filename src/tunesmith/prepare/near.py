"""Near-duplicates: rows whose prompts share most of their character 5-grams.

A prompt is its letters and digits alone (NFKC, case folded, in simplified characters), so that width, case, script,
spacing and punctuation count nothing, and five characters are a word of English or two or three of Chinese. A passage
of 36 characters and more that more than a tenth of the prompts hold (an instruction, a list of labels) tells no row
from another and is left out. Candidates come from MinHash signatures cut into bands (Broder 1997; Leskovec, Rajaraman
and Ullman, Mining of Massive Datasets, chapter 3); each is then decided by the exact Jaccard similarity of its two
sets, so that a signature never makes a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic_core import from_json

from tunesmith.prepare.duplicates import NEAR_DUPLICATE, Left
from tunesmith.prepare.index import (
    Columns,
    Forest,
    Keys,
    Mask,
    Rows,
    Span,
    Spool,
    first_of_equal,
    lines_of,
    question_in,
    question_of,
    read_lines,
)
from tunesmith.prepare.pool import Pool
from tunesmith.text.shingles import NO_KEYS, Likeness, begins_run, common_shingles, mixed

# Shapes: C characters, G n-grams of several texts one after the other, H those of them that are common, T texts,
# B bands, K places of a signature.
NUM_PLACES: Final = 128
_LEAST_RECALL: Final = 0.99
_SEED: Final = 7
_SAMPLE_PROMPTS: Final = 1_000
_SAMPLE_SHINGLES: Final = 1 << 21
_SKETCHED_BYTES: Final = 1 << 18
_PAIRS_PER_TASK: Final = 1_024
# Of many rows with an equal band key each is compared with this many neighbours.
_NUM_BEFORE: Final = 4
_ROWS_AT_ONCE: Final = 512
_MAX_LEADERS: Final = 32


def banding(threshold: float) -> tuple[int, int]:
    """Bands and places per band: the longest band with which 99 % of the pairs at the threshold become candidates.

    A pair of similarity s becomes one with probability 1 - (1 - s**places)**bands.
    """
    for num_places in range(NUM_PLACES, 1, -1):
        num_bands = NUM_PLACES // num_places
        if 1 - (1 - threshold**num_places) ** num_bands >= _LEAST_RECALL:
            return num_bands, num_places
    return NUM_PLACES, 1


@dataclass(frozen=True, slots=True)
class _Sketching:
    span: Span
    likeness: Likeness


def _band_keys(_: object, task: _Sketching) -> tuple[Mask, Keys]:
    """Which rows of a span have any shingle, (T,), and their band keys, (that many, B)."""
    from rensa import RMinHash  # type: ignore[import-untyped]

    keys_G, bounds = task.likeness.sets_of([question_of(line) for line in lines_of(task.span)])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(keys_G, bounds.astype(np.uint64), NUM_PLACES, _SEED)
    is_sketched = bounds[1:] > bounds[:-1]
    signatures_TK = np.array(matrix.to_rows(), dtype=np.uint64)[is_sketched]
    num_bands, num_places = banding(task.likeness.threshold)
    keys_TB = np.zeros((len(signatures_TK), num_bands), dtype=np.uint64)
    for place in range(num_places):
        keys_TB = mixed(keys_TB ^ signatures_TK[:, place : num_bands * num_places : num_places])
    return is_sketched, keys_TB


@dataclass(frozen=True, slots=True)
class _Comparing:
    """Pairs of rows, by number, and where each row of theirs stands in the spool."""

    file: str
    places: dict[int, tuple[int, int]]
    pairs: list[tuple[int, int]]
    likeness: Likeness


def _compare(_: object, task: _Comparing) -> list[bool]:
    texts = list(map(question_of, read_lines(task.file, task.places.values())))
    sets = dict(zip(task.places, task.likeness.each_set(texts), strict=True))
    return [task.likeness.alike(sets[one], sets[other]) for one, other in task.pairs]


def join_near(spool: Spool, kept_N: Mask, threshold: float, pool: Pool[Any], folder: Path) -> tuple[Forest, Likeness]:
    """Put rows with equal or near-equal prompts into one set each. Only kept rows are compared."""
    forest = Forest(len(spool))
    rows_S = np.flatnonzero(kept_N).astype(np.int32)
    prompt_S = spool["prompt"][rows_S]
    first_S = first_of_equal(prompt_S)
    forest.join(rows_S, rows_S[first_S])
    is_first = first_S == np.arange(len(first_S))
    distinct, prompt_S = rows_S[is_first], prompt_S[is_first]
    likeness = Likeness(threshold, _common(spool, distinct, prompt_S))
    bands, sketched = _write_bands(spool, distinct, likeness, pool, folder)
    for band in range(banding(threshold)[0]):
        _join_band(spool, forest, sketched, bands[str(band)], likeness, pool)
    return forest, likeness


def _common(spool: Spool, rows_S: Rows, prompt_S: Keys) -> Keys:
    """Shingles of more than a tenth of the prompts, and more than ten, judged on those with the smallest keys.

    Keys are hashes, so the sample is as good as random, yet the same in whatever order the rows are read.
    """
    sample = rows_S[np.argsort(prompt_S, kind="stable")[:_SAMPLE_PROMPTS]]
    every, bounds = Likeness(1.0, NO_KEYS), spool.bounds()
    lines = read_lines(str(spool.file), zip(bounds[sample].tolist(), bounds[sample + 1].tolist(), strict=True))
    sets: list[Keys] = []
    num_shingles = 0
    for part in _parts(lines):
        for found in every.each_set(list(map(question_of, part))):
            if num_shingles <= _SAMPLE_SHINGLES:
                sets.append(found)
                num_shingles += len(found)
    return common_shingles(sets)


def _parts(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """A few lines at a time, of about `_SKETCHED_BYTES` together."""
    part: list[bytes] = []
    num_bytes = 0
    for line in lines:
        part.append(line)
        num_bytes += len(line)
        if num_bytes >= _SKETCHED_BYTES:
            yield part
            part, num_bytes = [], 0
    if part:
        yield part


def _write_bands(spool: Spool, rows_S: Rows, likeness: Likeness, pool: Pool[Any], folder: Path) -> tuple[Columns, Rows]:
    """The keys of each band on disk, and the rows that have them."""
    names = {str(band): "<u8" for band in range(banding(likeness.threshold)[0])}
    bands = Columns(folder / "bands", names)
    parts: list[Rows] = []

    def tasks() -> Iterator[_Sketching]:
        for part, span in spool.spans(rows_S, _SKETCHED_BYTES):
            parts.append(part)
            yield _Sketching(span, likeness)

    sketched: list[Rows] = []
    for number, (is_sketched, keys_TB) in enumerate(pool.map(_band_keys, tasks())):
        sketched.append(parts[number][is_sketched])
        bands.append(**{name: keys_TB[:, int(name)] for name in names})
    return bands, np.concatenate(sketched) if sketched else rows_S[:0]


def _join_band(spool: Spool, forest: Forest, rows_S: Rows, keys_S: Keys, likeness: Likeness, pool: Pool[Any]) -> None:
    """Compare rows with equal keys that are not joined yet: each with the first of them and with those before it.

    They stand in the order of their prompts' hashes, so that the order in which rows are read plays no part.
    """
    order = np.lexsort((spool["prompt"][rows_S], keys_S))
    is_first = begins_run(keys_S[order])
    begin_S = np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    rows_S, place_S = rows_S[order], np.arange(len(order))
    for distance in range(_NUM_BEFORE + 1):
        other_S = place_S - distance if distance else begin_S
        chosen = np.flatnonzero((other_S >= begin_S) & (other_S < place_S))
        if not len(chosen):
            break
        _join_alike(spool, forest, rows_S[other_S[chosen]], rows_S[chosen], likeness, pool)


def _join_alike(spool: Spool, forest: Forest, one: Rows, other: Rows, likeness: Likeness, pool: Pool[Any]) -> None:
    """Join those of the pairs that are alike and not joined yet."""
    roots = forest.roots()
    apart = roots[one] != roots[other]
    one, other = one[apart], other[apart]
    tasks = _comparisons(spool, one, other, likeness)
    alike = np.fromiter((is_alike for part in pool.map(_compare, tasks) for is_alike in part), bool, count=len(one))
    forest.join(one[alike], other[alike])


def _comparisons(spool: Spool, one_P: Rows, other_P: Rows, likeness: Likeness) -> Iterator[_Comparing]:
    bounds = spool.bounds()
    for begin in range(0, len(one_P), _PAIRS_PER_TASK):
        pairs = list(
            zip(
                one_P[begin : begin + _PAIRS_PER_TASK].tolist(),
                other_P[begin : begin + _PAIRS_PER_TASK].tolist(),
                strict=True,
            )
        )
        rows = sorted({row for pair in pairs for row in pair})
        places = {row: (int(bounds[row]), int(bounds[row + 1])) for row in rows}
        yield _Comparing(str(spool.file), places, pairs, likeness)


@dataclass(frozen=True, slots=True)
class _Thinning:
    """Rows in the order of their clusters: row, cluster, and where it stands in the spool."""

    file: str
    rows: list[tuple[int, int, tuple[int, int]]]
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class _Sides:
    """What two rows must share for one of them to be superfluous."""

    label: str | None
    prompt: str
    answer: str
    prompt_set: Keys
    answer_set: Keys

    def repeats(self, other: _Sides, likeness: Likeness) -> bool:
        # answers first: in a cluster the prompts are mostly alike
        return (
            self.label == other.label
            and (self.answer == other.answer or likeness.alike(self.answer_set, other.answer_set))
            and (self.prompt == other.prompt or likeness.alike(self.prompt_set, other.prompt_set))
        )


def _thin(_: object, task: _Thinning) -> list[tuple[int, int]]:
    """Rows to drop, each with the row that stays for it."""
    dropped: list[tuple[int, int]] = []
    leaders: list[tuple[int, _Sides]] = []
    present = -1
    for begin in range(0, len(task.rows), _ROWS_AT_ONCE):
        part = task.rows[begin : begin + _ROWS_AT_ONCE]
        for (row, cluster, _place), sides in zip(part, _sides_of(task, part), strict=True):
            if cluster != present:
                present, leaders = cluster, []
            same_as = next((leader for leader, leading in leaders if sides.repeats(leading, task.likeness)), None)
            if same_as is not None:
                dropped.append((row, same_as))
            elif len(leaders) < _MAX_LEADERS:
                leaders.append((row, sides))
    return dropped


def _sides_of(task: _Thinning, rows: list[tuple[int, int, tuple[int, int]]]) -> Iterator[_Sides]:
    lines = list(read_lines(task.file, (place for _, _, place in rows)))
    written = list(map(from_json, lines))
    questions = list(map(question_in, written))
    answers = [row["messages"][-1]["content"] for row in written]
    sets = task.likeness.each_set(questions), Likeness(task.likeness.threshold, NO_KEYS).each_set(answers)
    labels = (row["label"] for row in written)
    return map(_Sides, labels, questions, answers, *sets)


def near_duplicates(spool: Spool, rows_S: Rows, cluster_N: Rows, likeness: Likeness, pool: Pool[Any]) -> Left:
    """Of the chosen rows, those that an earlier one of their cluster makes superfluous.

    The first row of a cluster stays and represents it. A later one goes when prompt and answer are both near those of
    one that stays and the labels are equal; only the first 32 that stay are compared with.
    """
    tasks = _thinnings(spool, rows_S, cluster_N, likeness)
    pairs = sorted(pair for part in pool.map(_thin, tasks) for pair in part)
    found = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return Left(found[:, 0], found[:, 1], NEAR_DUPLICATE)


def _thinnings(spool: Spool, rows_S: Rows, cluster_N: Rows, likeness: Likeness) -> Iterator[_Thinning]:
    """Whole clusters, a few hundred rows a task; a larger cluster is a task of its own."""
    bounds = spool.bounds()
    waiting: list[tuple[int, int, tuple[int, int]]] = []
    for number, cluster in enumerate(clusters_of(rows_S, cluster_N)):
        places = zip(bounds[cluster].tolist(), bounds[cluster + 1].tolist(), strict=True)
        waiting += zip(cluster.tolist(), repeat(number), places, strict=False)
        if len(waiting) >= _ROWS_AT_ONCE:
            yield _Thinning(str(spool.file), waiting, likeness)
            waiting = []
    if waiting:
        yield _Thinning(str(spool.file), waiting, likeness)


def clusters_of(rows_S: Rows, cluster_N: Rows) -> Iterator[Rows]:
    """The chosen rows of each cluster that has more than one of them, ascending."""
    cluster_S = cluster_N[rows_S]
    order = np.argsort(cluster_S, kind="stable")
    begins = np.append(np.flatnonzero(begins_run(cluster_S[order])), len(order)).tolist()
    for begin, end in pairwise(begins):
        if end - begin > 1:
            yield rows_S[order[begin:end]]
