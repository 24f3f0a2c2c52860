"""Exact duplicates, and training rows that repeat rows of a declared test or validation split or of a benchmark."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tunesmith.artifacts.dataset import Conflicts, place_of
from tunesmith.prepare.dialogue import is_greeting
from tunesmith.prepare.index import (
    BENCHMARK,
    DECLARED,
    FREE,
    NO_KEY,
    TRAINING,
    Columns,
    Forest,
    Keys,
    Mask,
    Rows,
    Spool,
    first_of_equal,
    found_in,
    key_of,
    look_up,
)
from tunesmith.prepare.rows import cut
from tunesmith.records import Example, Message, Rejected
from tunesmith.text.normalise import fingerprint
from tunesmith.text.shingles import mixed

DUPLICATE: Final = "duplicate"
NEAR_DUPLICATE: Final = "near-duplicate"
SEMANTIC_DUPLICATE: Final = "semantic-duplicate"
OVER_SHARE: Final = "over-share"
UNDER_SAMPLED: Final = "under-sampled"
NO_TRACE: Final = "no-trace"
HELD_OUT: Final = {"test": DECLARED["test"], "validation": DECLARED["validation"], "benchmark": BENCHMARK}
KINDS_OF_REPEAT: Final = (
    *("repeats-{}-row", "continues-{}-row", "shares-{}-group", "near-{}-row", "family-of-{}-row"),
)
REPEATS: Final = frozenset(
    (
        DUPLICATE,
        NEAR_DUPLICATE,
        SEMANTIC_DUPLICATE,
        OVER_SHARE,
        UNDER_SAMPLED,
        NO_TRACE,
        *(kind.format(held_out) for kind in KINDS_OF_REPEAT for held_out in HELD_OUT),
    )
)
"""Reasons that are no fault of the row itself; they do not count as bad."""


def prompt_key(example: Example) -> int:
    """Of all messages before the answer: equal when these are equal up to width, case and white space."""
    return _key(_as_text(example.prompt))


def opening_keys(example: Example) -> list[int]:
    """Of what stands before each answer but the last, as `prompt_key` has it.

    A row with that prompt has its answer said here. Mere greetings tell no conversation from another.
    """
    keys: list[int] = []
    is_asked = False
    for place, message in enumerate(example.prompt):
        if message.role == "user":
            is_asked = is_asked or not is_greeting(message.content)
        elif message.role == "assistant" and is_asked:
            keys.append(_key(_as_text(example.messages[:place])))
    return keys


def whole_key(prompt: int, answer: int, example: Example) -> int:
    """Of all that a row teaches; `prompt` and `answer` are the keys of these."""
    worse = "" if example.rejected is None else fingerprint(_as_text([example.rejected]))
    thoughts = [message.reasoning for message in (example.answer, example.rejected) if message and message.reasoning]
    said = "".join(map(fingerprint, thoughts))
    return key_of(f"{prompt} {answer} {len(thoughts)} {said} {worse} {example.desirable} {example.target}")


def answer_key(example: Example) -> int:
    return _key(example.answer.content)


def group_key(example: Example) -> int:
    """Width, case and white space do not part a group: cells are typed by people."""
    return NO_KEY if example.group is None else _key(example.group)


def _key(text: str) -> int:
    return int(fingerprint(text)[:16], 16) or 1


def _as_text(messages: Sequence[Message]) -> str:
    # Spaces around the separators, so that white space at the ends of a message is folded away like any other.
    return "".join(f"{message.role} \0 {message.content} \0 " for message in messages)


@dataclass(frozen=True, slots=True)
class Left:
    """Rows that are left out for the sake of others: each with its reason and the row that stays."""

    rows_S: Rows
    same_as_S: Rows
    reason: str

    def rejects(self, spool: Spool) -> Iterator[tuple[int, Rejected]]:
        """Each row as a reject, with the number of its source."""
        order = np.argsort(self.rows_S, kind="stable")
        rows_S = self.rows_S[order]
        distinct, of_row_S = np.unique(self.same_as_S[order], return_inverse=True)
        places = [str(place_of(row)) for row in spool.written(distinct.astype(np.int32))]
        found = zip(spool.written(rows_S), spool["source"][rows_S].tolist(), of_row_S.tolist(), strict=True)
        for row, source, same_as in found:
            said = {name: row[name] for name in ("messages", "rejected") if name in row}
            yield (
                source,
                Rejected(place_of(row), self.reason, places[same_as], cut(json.dumps(said, ensure_ascii=False))),
            )


def duplicates(spool: Spool) -> Left:
    """All but the first of equal rows.

    A declared test split is the user's yardstick: there, only rows equal to the letter are dropped, and of a benchmark
    none. Declared validation and test rows are not compared with the others here; `repeats` sees to it that the
    training row goes.
    """
    declared_N = spool["declared"]
    is_test = declared_N == DECLARED["test"]
    part_N = np.where(np.isin(declared_N, TRAINING), FREE, declared_N).astype(np.uint64)
    keys_N: Keys = mixed(np.where(is_test, spool["id"], spool["whole"]) ^ mixed(part_N + np.uint64(1)))
    keys_N[declared_N == BENCHMARK] = NO_KEY
    first_N = first_of_equal(keys_N)
    rows_S = np.flatnonzero(first_N != np.arange(len(first_N))).astype(np.int32)
    return Left(rows_S, first_N[rows_S], DUPLICATE)


@dataclass(frozen=True, slots=True)
class Kin:
    """What ties rows to each other beside prompt and group."""

    cluster_N: Rows
    """The first row of each row's cluster of near-equal prompts."""
    families: Forest | None
    """Rows and those that they were made from, a duplicate with the row that it equals; None where nothing is named."""
    openings: Columns
    """Rows of several turns, `row`, each with `key`, what stands before an earlier answer of it (`opening_keys`)."""


def families(spool: Spool, left: Left) -> Forest | None:
    """Join every row to all rows that its `parent_id` names, by their content id or their column `id`."""
    parent_N = spool["parent"]
    named = np.unique(parent_N[parent_N != NO_KEY])
    if not len(named):
        return None
    forest = Forest(len(spool))
    forest.join(left.rows_S, left.same_as_S)
    keys = np.concatenate([parent_N, spool["own_name"], spool["id"]])
    rows = np.tile(np.arange(len(spool), dtype=np.int32), 3)
    is_named = np.isin(keys, named)
    keys, rows = keys[is_named], rows[is_named]
    forest.join(rows, rows[first_of_equal(keys)])
    return forest


def repeats(spool: Spool, kept_N: Mask, kin: Kin) -> Iterator[tuple[str, Left]]:
    """Training rows whose prompt, group, cluster or family stands in a held-out split or a benchmark, by its name.

    Or that are part of one conversation with such a row (`opening_keys`).

    Held against the test first, validation rows too; then against the declared validation rows, then against the
    benchmarks. `kept_N` loses what is given.
    """
    declared_N = spool["declared"]
    is_free = np.isin(declared_N, TRAINING)
    for held_out, code in HELD_OUT.items():
        open_N = is_free | (declared_N == DECLARED["validation"]) if held_out == "test" else is_free
        for left in _repeats_of(spool, held_out, (declared_N == code) & kept_N, open_N & kept_N, kin):
            kept_N[left.rows_S] = False
            yield held_out, left


def _repeats_of(spool: Spool, held_out: str, is_held: Mask, open_N: Mask, kin: Kin) -> Iterator[Left]:
    held = np.flatnonzero(is_held).astype(np.int32)
    if not len(held):
        return

    def ties() -> Iterator[Rows]:
        """(N,): the held-out row to which each row is tied, or -1."""
        yield found_in(spool["prompt"], held)
        yield _continued(spool, held, kin.openings)
        yield found_in(spool["group"], held)
        yield found_in(keys_of(kin.cluster_N), held)
        if kin.families is not None:
            # what is left out by now stands for the held-out row that it repeats
            yield found_in(keys_of(kin.families.roots()), held)

    for kind, same_as_N in zip(KINDS_OF_REPEAT, ties(), strict=False):
        rows_S = np.flatnonzero(open_N & (same_as_N >= 0)).astype(np.int32)
        open_N[rows_S] = False
        left = Left(rows_S, same_as_N[rows_S], kind.format(held_out))
        if kin.families is not None:
            kin.families.join(left.rows_S, left.same_as_S)
        yield left


def _continued(spool: Spool, held_S: Rows, openings: Columns) -> Rows:
    """(N,): one of these rows that a row goes on from, or that goes on from it; or -1."""
    row_P, key_P, prompt_N = openings["row"], openings["key"], spool["prompt"]
    is_held_P = np.isin(row_P, held_S)
    same_as_N = look_up(prompt_N, key_P[is_held_P], row_P[is_held_P])
    same_as_P = look_up(key_P, prompt_N[held_S], held_S)
    is_asked = same_as_P >= 0
    same_as_N[row_P[is_asked]] = same_as_P[is_asked]
    return same_as_N


def keys_of(roots_N: Rows) -> Keys:
    keys_N: Keys = roots_N.astype(np.uint64) + np.uint64(1)
    return keys_N


def count_conflicts(prompt_S: Keys, answer_S: Keys) -> Conflicts:
    """Prompts of the kept rows that stand with more than one answer."""
    _, prompts = np.unique(prompt_S, return_inverse=True)
    first_S = first_of_equal(mixed(prompt_S ^ mixed(answer_S)))
    distinct_answers = prompts[first_S == np.arange(len(first_S))]
    several = np.bincount(distinct_answers) > 1
    return Conflicts(prompts=int(several.sum()), rows=int(several[prompts].sum()))
