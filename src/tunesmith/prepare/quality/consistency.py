"""Consistency: rows that ask the same say the same, in one format, and labels are spelled in one way.

Where rows contradict each other, the answer that most of them give stands (of equally many, the one read first), and
the others are at fault: that many rows at least would have to change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.metrics.answers import last_number, numeric_match, token_f1
from tunesmith.prepare.index import Keys, Mask, Rows, Spool, first_of_equal, read_lines
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.quality.formats import NUM_KINDS, TEXT, UNLEARNED, name_of
from tunesmith.prepare.quality.found import Found, mask_of
from tunesmith.text.normalise import fingerprint
from tunesmith.text.shingles import begins_run
from tunesmith.text.traditional import simplified

# Shapes: N rows of the spool, S judged rows, F faulty rows, L labels.
Codes = NDArray[np.int64]

_LEAST_F1: Final = 0.5
_EXPECTED_SHARE: Final = 0.75
_MAX_COMPARED_ROWS: Final = 20_000
_MAX_COMPARED_CHARACTERS: Final = 1_000
_OPENING_CHARACTERS: Final = 100
_MAX_LEADERS: Final = 32
_ROWS_PER_TASK: Final = 512
_YES: Final = re.compile(
    r"\s*(?:(?:yes|sure|of course)\b|是的|可以|当然|[是对能会](?:的|[，。,.!！]|$))", re.IGNORECASE
)
_NO: Final = re.compile(r"\s*(?:(?:no|not|never|cannot)\b|不|否|没有|无法)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A part, and all rows that are party to a contradiction, whoever is right: (N,)."""

    found: Found
    is_party_N: Mask


def label_spelling(label_S: Codes, rows_S: Rows, names: Sequence[str]) -> tuple[Found, Codes]:
    """Labels that differ from a more frequent one in case, width, spaces or underscores only; with each row's (S,)
    code of the most frequent spelling, -1 where there is no label.
    """
    counts_L = np.bincount(label_S[label_S >= 0], minlength=len(names))
    best: dict[str, int] = {}
    for code in np.argsort(-counts_L, kind="stable").tolist():
        best.setdefault(_folded(names[code]), code)
    main_L = np.array([best[_folded(name)] for name in names] + [-1], dtype=np.int64)
    main_S = main_L[label_S]
    faulty = np.flatnonzero(main_S != label_S)

    def say(place: int, _: object) -> str:
        row = faulty[place]
        return f"{names[label_S[row]]} / {names[main_S[row]]}"

    return Found(int(np.count_nonzero(label_S >= 0)), rows_S[faulty], say), main_S


def _folded(label: str) -> str:
    return fingerprint(label.replace("_", " "))


def labels(label_S: Codes, rows_S: Rows, cluster_N: Rows, names: Sequence[str]) -> Contradicted:
    """Rows whose label is not that of their near-duplicates."""
    labelled = np.flatnonzero(label_S >= 0)
    faulty, against, is_party = minorities(cluster_N[rows_S[labelled]], label_S[labelled])
    faulty, against = labelled[faulty], labelled[against]

    def say(place: int, _: object) -> str:
        return f"{names[label_S[faulty[place]]]} / {names[label_S[against[place]]]}"

    found = Found(len(labelled), rows_S[faulty], say, rows_S[against])
    return Contradicted(found, mask_of(rows_S[labelled[is_party]], len(cluster_N)))


def minorities(cluster_S: NDArray[Any], value_S: NDArray[Any]) -> tuple[Codes, Codes, Mask]:
    """Who disagrees with most of its cluster.

    Returns the faulty places, (F,), those against most first; for each the first place of the value that most of its
    cluster have (of equally many, the value that comes first); and (S,) whether a place's cluster has several values.
    """
    order = np.lexsort((value_S, cluster_S))
    begins = begins_run(cluster_S[order]) | begins_run(value_S[order])
    of_pair = np.empty(len(order), dtype=np.int64)
    of_pair[order] = np.cumsum(begins) - 1
    # stable, so the first of a run is the first place that has the pair
    first_P = order[begins]
    count_P = np.bincount(of_pair, minlength=len(first_P))
    cluster_P = cluster_S[first_P]
    by_merit = np.lexsort((first_P, -count_P, cluster_P))
    is_best = begins_run(cluster_P[by_merit])
    best_P = np.empty(len(first_P), dtype=np.int64)
    best_P[by_merit] = by_merit[is_best][np.cumsum(is_best) - 1]
    best_S = best_P[of_pair]
    is_faulty = best_S != of_pair
    contested = np.isin(cluster_S, cluster_S[is_faulty])
    faulty = np.flatnonzero(is_faulty)
    faulty = faulty[np.argsort(-count_P[best_S[faulty]], kind="stable")]
    return faulty, first_P[best_S[faulty]], contested


def formats(format_S: Codes, origin_S: Codes, rows_S: Rows) -> Found:
    """Rows whose answer has another format than the answers of their source.

    Three quarters of a source must agree for a format to be expected of the rest: numbers, JSON, labels, and thinking
    present or absent. Where fewer do, or most answers are plain text, any kind is welcome.
    """
    judged = np.flatnonzero(format_S != UNLEARNED)
    kind_J, thinks_J, origin_J = format_S[judged] % NUM_KINDS, format_S[judged] >= NUM_KINDS, origin_S[judged]
    expected_J = format_S[judged].copy()
    for origin in np.unique(origin_J):
        of_origin = origin_J == origin
        counts = np.bincount(kind_J[of_origin], minlength=NUM_KINDS)
        share_thinking = float(thinks_J[of_origin].mean())
        kind = int(counts.argmax())
        if kind != TEXT and counts[kind] >= _EXPECTED_SHARE * counts.sum():
            expected_J[of_origin] += kind - kind_J[of_origin]
        if max(share_thinking, 1 - share_thinking) >= _EXPECTED_SHARE:
            thinks = share_thinking > 0.5
            expected_J[of_origin] += NUM_KINDS * (int(thinks) - thinks_J[of_origin].astype(np.int64))
    faulty = np.flatnonzero(expected_J != format_S[judged])

    def say(place: int, _: object) -> str:
        return f"{name_of(int(format_S[judged[faulty[place]]]))} / {name_of(int(expected_J[faulty[place]]))}"

    return Found(len(judged), rows_S[judged[faulty]], say)


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows with one prompt, and where each stands in the spool."""

    rows: list[int]
    places: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Comparing:
    file: str
    groups: list[_Group]


def answers(spool: Spool, rows_S: Rows, pool: Pool[Any]) -> Contradicted:
    """Rows without a label whose answer contradicts that of most rows with the same prompt.

    Prompts with more than 20,000 rows in all are sampled by their keys; the sample then stands for the others.
    """
    judged = rows_S[(spool["label"][rows_S] < 0) & (spool["format"][rows_S] != UNLEARNED)]
    prompt_S = spool["prompt"][judged]
    is_open = _has_several(prompt_S, spool["answer"][judged])
    candidates, prompt_C = judged[is_open], prompt_S[is_open]
    # keys are hashes: those below a bound are as good as drawn, whatever the order of the rows
    bound = np.sort(prompt_C)[_MAX_COMPARED_ROWS - 1] if len(prompt_C) > _MAX_COMPARED_ROWS else None
    chosen = candidates if bound is None else candidates[prompt_C <= bound]
    found = [pair for part in pool.map(_compare, _tasks(spool, chosen)) for pair in part]
    pairs = np.array(found, dtype=np.int32).reshape(-1, 2)
    num_more = round(len(pairs) * (len(candidates) / len(chosen) - 1)) if len(chosen) else 0

    def say(_: int, row: Mapping[str, Any]) -> str:
        return str(row["messages"][-1]["content"])

    party = mask_of(np.unique(pairs), len(spool))
    return Contradicted(Found(len(judged), pairs[:, 0], say, pairs[:, 1], num_more), party)


def _has_several(prompt_S: Keys, answer_S: Keys) -> Mask:
    """(S,): whether the prompt stands with more than one answer."""
    first_S = first_of_equal(prompt_S)
    other_S = answer_S != answer_S[first_S]
    several: Mask = mask_of(first_S[other_S], len(prompt_S))[first_S]
    return several


def _tasks(spool: Spool, rows_S: Rows) -> Iterator[_Comparing]:
    prompt_S, bounds = spool["prompt"][rows_S], spool.bounds()
    order = np.lexsort((rows_S, prompt_S))
    waiting: list[_Group] = []
    num_rows = 0
    for rows in np.split(rows_S[order], np.flatnonzero(begins_run(prompt_S[order]))[1:]):
        if len(rows):
            waiting.append(
                _Group(rows.tolist(), list(zip(bounds[rows].tolist(), bounds[rows + 1].tolist(), strict=True)))
            )
            num_rows += len(rows)
        if num_rows >= _ROWS_PER_TASK:
            yield _Comparing(str(spool.file), waiting)
            waiting, num_rows = [], 0
    if waiting:
        yield _Comparing(str(spool.file), waiting)


def _compare(_: object, task: _Comparing) -> list[tuple[int, int]]:
    """Faulty rows, each with the row that it contradicts."""
    found: list[tuple[int, int]] = []
    for group in task.groups:
        said = [json.loads(line)["messages"][-1]["content"] for line in read_lines(task.file, group.places)]
        camps: list[list[int]] = []
        for place, answer in enumerate(said):
            camp = next((camp for camp in camps if agree(said[camp[0]], answer)), None)
            if camp is not None:
                camp.append(place)
            elif len(camps) < _MAX_LEADERS:
                camps.append([place])
        best = max(camps, key=len)
        found += [(group.rows[place], group.rows[best[0]]) for camp in camps if camp is not best for place in camp]
    return found


def agree(one: str, other: str) -> bool:
    """Whether two answers to one prompt can both be right, as far as their words tell.

    They share half of their words or more (F1), end in the same number where both hold one, and do not open with yes
    and no.
    """
    begun = [simplified(answer[:_OPENING_CHARACTERS]) for answer in (one, other)]
    if any(_YES.match(yes) and _NO.match(no) for yes, no in permutations(begun)):
        return False
    one, other = one[-_MAX_COMPARED_CHARACTERS:], other[-_MAX_COMPARED_CHARACTERS:]
    if None not in (last_number(one), last_number(other)) and not numeric_match(one, other):
        return False
    return token_f1(one, other) >= _LEAST_F1
