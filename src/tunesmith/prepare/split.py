"""The split, frozen before anything else changes rows.

Rows with equal or near-equal prompts, with an equal group, a row with the one that it was made from, and a conversation
with the rows that ask what one of its earlier turns does form one component, and a component goes to one split whole.
Which split is decided by a hash of the seed and the component's own content, so the order of rows and files plays no
part; or, where the recipe names a column of times, by time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.prepare.duplicates import Kin, keys_of
from tunesmith.prepare.index import DECLARED, FREE, TRAINING, Forest, Keys, Mask, Rows, Spool, look_up
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS, Split
from tunesmith.text.shingles import begins_run, mixed

# Shapes: N rows, C components, S strata.
Codes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
UNUSED: Final = 0
"""The code of rows that are in no split; the others have those of `DECLARED`."""
_TRAIN: Final = DECLARED["train"]
_DRAWN_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class _Components:
    """What decides about each component, (C,) each."""

    size: Ints
    key: Keys
    """The smallest prompt key inside: the same whatever the order of the rows."""
    stratum: Ints
    """Of the most frequent label and language inside, numbered by the names of these."""
    is_training: Mask
    """Whether a row inside is declared as training, so that none may become a test row."""
    rehearses: Mask
    """Whether a row inside is rehearsal, so that none may become a validation row either."""
    newest: Floats
    """The newest time inside; -inf where the split is not by time."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The split of every row, (N,) codes of `DECLARED` or `UNUSED`."""

    codes_N: Codes

    def without(self, rows: Rows) -> Assigned:
        """A copy in which these rows are in no split."""
        codes_N = self.codes_N.copy()
        codes_N[rows] = UNUSED
        return Assigned(codes_N)

    def rows(self, split: Split) -> Rows:
        return np.flatnonzero(self.codes_N == DECLARED[split]).astype(np.int32)

    @property
    def counts(self) -> dict[Split, int]:
        return {split: int(np.count_nonzero(self.codes_N == DECLARED[split])) for split in SPLITS}


def assign(spool: Spool, kept_N: Mask, kin: Kin, labels: Mapping[str, int], section: Prepare, seed: int) -> Assigned:
    """Every kept row to its split. `labels` are the codes of the column `label` by name.

    Declared rows stay, but for validation, which is taken out of the training rows where no source declares it, never
    out of rehearsal. Shares are kept to half a component, overall and nearly so within each label and language.
    """
    declared_N = spool["declared"]
    is_free = kept_N & np.isin(declared_N, TRAINING)
    codes_N: Codes = np.where(kept_N, np.where(is_free, _TRAIN, declared_N), UNUSED).astype(np.uint8)
    rows_F = np.flatnonzero(is_free).astype(np.int32)
    component_F, components = _components(spool, rows_F, _roots(spool, is_free, kin)[rows_F], labels)
    is_open = np.ones(len(components.size), dtype=bool)
    declared = set(np.unique(declared_N[kept_N]).tolist())
    shares: dict[Split, float] = {"test": section.test_share, "validation": section.validation_share}
    for split, share in shares.items():
        if DECLARED[split] not in declared:
            may_go = is_open & ~(components.is_training if split == "test" else components.rehearses)
            drawn_C = _draw(components, may_go, share, f"{split}:{seed}")
            codes_N[rows_F[drawn_C[component_F]]] = DECLARED[split]
            is_open &= ~drawn_C
    return Assigned(codes_N)


def num_newer(spool: Spool, kept_N: Mask, kin: Kin, assigned: Assigned) -> int:
    """How many training rows are newer than all rows of some component that time made part of the test.

    They are of components too large for it, or of sources declared as training.
    """
    is_free = kept_N & np.isin(spool["declared"], TRAINING)
    time_N, root_N = spool["time"], _roots(spool, is_free, kin)
    newest_N = np.full(len(spool), -np.inf)
    np.maximum.at(newest_N, root_N, time_N)
    drawn = np.flatnonzero(is_free & (assigned.codes_N == DECLARED["test"]))
    if not len(drawn):
        return 0
    return int(np.count_nonzero(time_N[assigned.rows("train")] > newest_N[root_N[drawn]].min()))


def _roots(spool: Spool, is_free: Mask, kin: Kin) -> Rows:
    """(N,): the row that stands for each row's component."""
    rows_F = np.flatnonzero(is_free).astype(np.int32)
    forest = Forest(len(is_free))
    forest.join_equal(keys_of(kin.cluster_N), rows_F)
    forest.join_equal(spool["group"], rows_F)
    if kin.families is not None:
        forest.join_equal(keys_of(kin.families.roots()), rows_F)
    row_P, asked_P = kin.openings["row"], look_up(kin.openings["key"], spool["prompt"][rows_F], rows_F)
    is_tie = is_free[row_P] & (asked_P >= 0)
    forest.join(row_P[is_tie], asked_P[is_tie])
    return forest.roots()


def _components(spool: Spool, rows_F: Rows, root_F: Rows, labels: Mapping[str, int]) -> tuple[Ints, _Components]:
    """The component of each free row, (F,), and what is known of the components."""
    roots_C, component_F = np.unique(root_F, return_inverse=True)
    num_components = len(roots_C)
    key_C = np.full(num_components, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(key_C, component_F, spool["prompt"][rows_F])
    declared_F = spool["declared"][rows_F]
    training_C, rehearses_C = np.zeros((2, num_components), dtype=bool)
    training_C[component_F[declared_F != FREE]] = True
    rehearses_C[component_F[declared_F == DECLARED["rehearsal"]]] = True
    newest_C = np.full(num_components, -np.inf)
    np.maximum.at(newest_C, component_F, spool["time"][rows_F])
    return component_F, _Components(
        np.bincount(component_F, minlength=num_components),
        key_C,
        _most_frequent(component_F, _strata(spool, rows_F, labels)),
        training_C,
        rehearses_C,
        newest_C,
    )


def _strata(spool: Spool, rows_F: Rows, labels: Mapping[str, int]) -> Ints:
    """A number for each row's label and language, in the order of the labels' names; without a label 0."""
    rank = np.zeros(len(labels) + 1, dtype=np.int64)
    for number, name in enumerate(sorted(labels), 1):
        rank[labels[name]] = number
    language_F = spool["language"][rows_F].astype(np.int64)
    return rank[spool["label"][rows_F]] * 256 + language_F


def _most_frequent(component_F: Ints, stratum_F: Ints) -> Ints:
    """(C,): the stratum with most rows of each component, the smallest number where several have."""
    strata_S, place_F = np.unique(stratum_F, return_inverse=True)
    pairs, counts = np.unique(component_F * len(strata_S) + place_F, return_counts=True)
    component, place = np.divmod(pairs, max(1, len(strata_S)))
    order = np.lexsort((place, -counts, component))
    most: Ints = strata_S[place[order][begins_run(component[order])]]
    return most


def _draw(components: _Components, may_go: Mask, share: float, salt: str) -> Mask:
    """(C,): a share of the components that may go, drawn stratum by stratum.

    Within a stratum they are taken in the order of their hashes until `share` of its rows is reached; what is owed or
    was overdrawn is carried to the next stratum. A component is taken when at least half of its rows is owed: since
    the whole quota stands open at first, large components are as likely to be drawn as small ones. By time there is
    one stratum, the newest component first.
    """
    drawn_C = np.zeros(len(may_go), dtype=bool)
    owed = 0.0
    for stratum in _ordered(components, np.flatnonzero(may_go), salt):
        owed += share * int(components.size[stratum].sum())
        for begin in range(0, len(stratum), _DRAWN_AT_ONCE):
            part = stratum[begin : begin + _DRAWN_AT_ONCE]
            taken = []
            for component, size in zip(part.tolist(), components.size[part].tolist(), strict=True):
                if 2 * owed >= size:
                    taken.append(component)
                    owed -= size
            drawn_C[taken] = True
    return drawn_C


def _ordered(components: _Components, chosen: Ints, salt: str) -> Iterator[Ints]:
    """The chosen components of each stratum, in the order in which they are drawn."""
    salt_key = np.uint64(int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "little"))
    hashes = mixed(components.key[chosen] ^ salt_key)
    newest = components.newest[chosen]
    if np.isfinite(newest).any():
        yield chosen[np.lexsort((hashes, -newest))]
        return
    stratum = components.stratum[chosen]
    order = np.lexsort((hashes, stratum))
    begins = np.append(np.flatnonzero(begins_run(stratum[order])), len(order)).tolist()
    for begin, end in pairwise(begins):
        yield chosen[order[begin:end]]
