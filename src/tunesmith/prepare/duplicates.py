"""Exact duplicates, and training rows that repeat rows of a declared test or validation split."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.dataset import Conflicts
from tunesmith.errors import Place
from tunesmith.prepare.rows import cut
from tunesmith.records import Example, Message, Rejected, Split
from tunesmith.text.normalise import fingerprint

DUPLICATE: Final = "duplicate"
REPEATS: Final = frozenset(
    (DUPLICATE, "repeats-test-row", "repeats-validation-row", "shares-test-group", "shares-validation-group")
)
"""Reasons that are no fault of the row itself; they do not count as bad."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sound row with the fingerprints by which it is compared: equal up to width, case and white space."""

    example: Example
    prompt: str
    """Of all messages before the answer."""
    whole: str
    """Of all messages, the reasoning included."""


def candidate(example: Example) -> Candidate:
    prompt = _as_text(example.prompt)
    answer = example.answer
    whole = f"{prompt}{answer.content} \0 {answer.reasoning or ''}"
    return Candidate(example, fingerprint(prompt), fingerprint(whole))


def prompt_fingerprint(example: Example) -> str:
    return fingerprint(_as_text(example.prompt))


def _as_text(messages: Sequence[Message]) -> str:
    # Spaces around the separators, so that white space at the ends of a message is folded away like any other.
    return "".join(f"{message.role} \0 {message.content} \0 " for message in messages)


def drop_duplicates(candidates: Iterable[Candidate]) -> tuple[list[Candidate], list[Rejected]]:
    """Keep the first of equal rows; the others name its place.

    A declared test split is the user's yardstick: there, only rows equal to the letter are dropped. Declared validation
    and test rows are not compared with the others here; `drop_repeats` sees to it that the training row goes.
    """
    first: dict[tuple[str, str], Place] = {}
    kept, rejected = [], []
    for row in candidates:
        split = row.example.split
        part = split if split in ("validation", "test") else "train"
        key = (part, row.example.id if split == "test" else row.whole)
        if key in first:
            rejected.append(_rejected(row.example, DUPLICATE, first[key]))
        else:
            first[key] = row.example.place
            kept.append(row)
    return kept, rejected


def drop_repeats(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Rejected]]:
    """Cut training rows whose prompt or group stands in a declared test or validation split.

    Validation rows are held against the test rows first.
    """
    rejected: list[Rejected] = []
    kept = list(candidates)
    for held_out in ("test", "validation"):
        kept, cut_rows = _drop_repeats_of(held_out, kept)
        rejected += cut_rows
    return kept, rejected


def _drop_repeats_of(held_out: Split, candidates: list[Candidate]) -> tuple[list[Candidate], list[Rejected]]:
    prompts: dict[str, Place] = {}
    groups: dict[str, Place] = {}
    for row in candidates:
        if row.example.split == held_out:
            prompts.setdefault(row.prompt, row.example.place)
            if row.example.group is not None:
                groups.setdefault(row.example.group, row.example.place)
    kept, rejected = [], []
    for row in candidates:
        group = row.example.group
        if row.example.split == held_out or (held_out == "validation" and row.example.split == "test"):
            kept.append(row)
        elif row.prompt in prompts:
            rejected.append(_rejected(row.example, f"repeats-{held_out}-row", prompts[row.prompt]))
        elif group is not None and group in groups:
            rejected.append(_rejected(row.example, f"shares-{held_out}-group", groups[group]))
        else:
            kept.append(row)
    return kept, rejected


def count_conflicts(candidates: Iterable[Candidate]) -> Conflicts:
    answers: dict[str, list[str]] = defaultdict(list)
    for row in candidates:
        answers[row.prompt].append(fingerprint(row.example.answer.content))
    several = [texts for texts in answers.values() if len(set(texts)) > 1]
    return Conflicts(prompts=len(several), rows=sum(map(len, several)))


def _rejected(example: Example, reason: str, same_as: Place) -> Rejected:
    turns = [{"role": message.role, "content": message.content} for message in example.messages]
    if example.answer.reasoning is not None:
        turns[-1]["reasoning_content"] = example.answer.reasoning
    return Rejected(example.place, reason, str(same_as), cut(json.dumps({"messages": turns}, ensure_ascii=False)))
