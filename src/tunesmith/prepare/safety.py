"""Rows that refuse requests on the recipe's blocked topics: in training alone, at a stated share of its visits.

They come last, after rows were made and balanced. A request is one row; `repeats` says how often an epoch visits it,
so that the share holds and nothing is copied. A request that stands among the rows already, or comes near a held-out
row, is left out and listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tunesmith.artifacts.dataset import (
    METHOD_COLUMN,
    SAFETY,
    Making,
    Refusals,
    example_from_json,
)
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.augment import Workshop, cut_repeats, ordered, reject_line
from tunesmith.prepare.balance import Emphasis, Ints
from tunesmith.prepare.checks import add_system, identified, style_prompt
from tunesmith.prepare.clean import tag_language
from tunesmith.prepare.index import DECLARED, Mask, key_of
from tunesmith.prepare.lengths import refused
from tunesmith.prepare.preserved import Refusal
from tunesmith.prepare.split import UNUSED, Assigned
from tunesmith.prepare.walk import Checked, Chunk, Walk, values_of
from tunesmith.recipe import Prepare
from tunesmith.recipe.safety import Safety, Topic
from tunesmith.records import Example, Message
from tunesmith.text.language import language_of
from tunesmith.text.shingles import mixed

TOPIC_COLUMN: Final = "blocked_topic"
"""Metadata of such a row: the name of its topic."""
MANY_VISITS: Final = 20
"""Whoever sees a request more often in an epoch learns it by heart."""


@dataclass(frozen=True, slots=True)
class Refusing:
    """The split and the emphasis of its training rows with the rows that refuse in them, and their account."""

    assigned: Assigned
    emphasis: Emphasis
    making: Making
    report: Refusals


def refuse(found: Walk, assigned: Assigned, emphasis: Emphasis, workshop: Workshop, rejects: Path) -> Refusing:
    """Add the rows. `emphasis` is that of the training rows there are; what is left out is added to `rejects`.

    Raises TunesmithError `safety-refusal`.
    """
    section, num_before = workshop.rules.section.safety, len(found.spool)
    assert section is not None
    workshop.scratch.mkdir()
    with rejects.open("a", encoding="utf-8", newline="\n") as stream:
        reasons: Counter[str] = Counter()
        num_made = 0
        for example in _rows(workshop.rules.section, section):
            num_made += 1
            unread = refused(example, workshop.rules.section, workshop.rules.fits) if workshop.rules.fits else None
            if unread is None:
                _add(found, example)
            else:
                reasons[unread.reason] += 1
                stream.write(reject_line(example, Refusal(unread.reason, unread.detail)))
        found.spool.flush()
        is_cut_M, why = cut_repeats(found, assigned.codes_N != UNUSED, assigned, workshop)
        cut_rows = num_before + np.flatnonzero(is_cut_M).astype(np.int32)
        for row, reason in zip(found.spool.written(cut_rows), why, strict=True):
            reasons[reason] += 1
            stream.write(reject_line(example_from_json(row), Refusal(reason)))
    repeats_M = _repeats(found, num_before, is_cut_M, int(emphasis.repeats_T.sum()), section, workshop.seed)
    is_used_M = repeats_M > 0
    codes_M = np.where(is_used_M, DECLARED["train"], UNUSED).astype(np.uint8)
    whole = Emphasis(
        np.append(emphasis.repeats_T, repeats_M[is_used_M]),
        np.append(emphasis.weights_T, np.ones(int(is_used_M.sum()))),
    )
    making = Making(method=SAFETY, model=None, made=num_made, kept=int(is_used_M.sum()), rejected=ordered(reasons))
    return Refusing(
        Assigned(np.append(assigned.codes_N, codes_M)), whole, making, _report(found, num_before, repeats_M, whole)
    )


def _rows(section: Prepare, safety: Safety) -> Iterator[Example]:
    for number, topic in enumerate(safety.topics):
        for index, request in enumerate(topic.requests):
            place = Place("recipe", field=f"prepare.safety.topics[{number}].requests[{index}]")
            messages = (Message("user", request), Message("assistant", _refusal(request, topic, safety, place)))
            origin = {METHOD_COLUMN: SAFETY, TOPIC_COLUMN: topic.name}
            row = Example(id="", messages=messages, place=place, metadata=origin)
            row = tag_language(row) if section.clean.language_tag else row
            yield identified(style_prompt(add_system(replace(row, changes=()), section.system), section.user_style))


def _refusal(request: str, topic: Topic, safety: Safety, place: Place) -> str:
    """In the language of the request; what mixes both is Chinese with some English words."""
    language = language_of(request)
    texts = {**safety.refusal, **topic.refusal}
    text = texts.get("zh" if language in ("zh", "mixed") else "en")
    if not text:
        raise TunesmithError("safety-refusal", place=place, language=language, request=request)
    return text


def _add(found: Walk, example: Example) -> None:
    """To the spool, as of a table beyond all that were read."""
    chunk = Chunk(len(found.sources) + len(found.benchmarks), (), None, None, False)
    checked = Checked.of(chunk.source, 0)
    checked.add(example, values_of(example, chunk))
    found.add(checked)


def _repeats(found: Walk, num_before: int, is_cut_M: Mask, num_visits: int, section: Safety, seed: int) -> Ints:
    """(M,): how often an epoch visits each row, 0 for those left out: v / (v + `num_visits`) is the share."""
    repeats_M = np.zeros(len(is_cut_M), dtype=np.int64)
    open_rows = np.flatnonzero(~is_cut_M)
    if len(open_rows):
        wanted = max(1, round(section.share / (1 - section.share) * num_visits))
        whole, rest = divmod(wanted, len(open_rows))
        drawn = mixed(found.spool["id"][num_before + open_rows] ^ np.uint64(key_of(f"safety:{seed}")))
        repeats_M[open_rows] = whole
        repeats_M[open_rows[np.argsort(drawn, kind="stable")[:rest]]] += 1
    return repeats_M


def _report(found: Walk, num_before: int, repeats_M: Ints, whole: Emphasis) -> Refusals:
    rows = num_before + np.flatnonzero(repeats_M).astype(np.int32)
    visits: Counter[str] = Counter()
    for row, times in zip(found.spool.written(rows), repeats_M[repeats_M > 0].tolist(), strict=True):
        visits[row["metadata"][TOPIC_COLUMN]] += times
    return Refusals(
        rows=len(rows), visits=dict(visits), share=round(visits.total() / max(1, int(whole.repeats_T.sum())), 6)
    )
