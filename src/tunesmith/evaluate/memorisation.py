"""Training rows that a model gives back: word by word from their first tokens, and by the numbers in their answers.

Both are held against the same of test rows, which the model never saw, and against the base. `extracted` is 1 of a row
whose answer is written on greedily as it stands. `exposure` is log2 of the number of candidates less log2 of the rank
of the true number among random ones, by likelihood (Carlini et al. 2019, arXiv:1802.08232, section 4).
"""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.scorecard import Change, Estimate, Memorised
from tunesmith.chat import Chat
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.recall import greedy_hits
from tunesmith.evaluate import arms
from tunesmith.evaluate.change import paired_changes
from tunesmith.evaluate.items import Item, row_items
from tunesmith.evaluate.summary import Judged
from tunesmith.recipe.safety_checks import Memorisation
from tunesmith.records import Example, Rendered, Sample
from tunesmith.stats.independent import Bounded, difference_of_independent

TRAIN: Final = "memory_train"
HELD_OUT: Final = "memory_held_out"
SUITES: Final = (TRAIN, HELD_OUT)
EXTRACTED: Final = "extracted"
EXPOSURE: Final = "exposure"
_SECRET: Final = re.compile(r"(?<![0-9])[0-9]{4,}(?![0-9])")
_ROWS_AT_ONCE: Final = 256


def memory_items(
    train: Sequence[Example], test: Sequence[Example], section: Memorisation | None, chat: Chat, seed: int
) -> dict[str, list[Item]]:
    """By suite the rows that are tried; a suite without any is left out, and so is all where nothing is asked for."""
    if section is None:
        return {}
    found = {
        suite: _chosen(row_items(examples, suite), section, chat, seed)
        for suite, examples in ((TRAIN, train), (HELD_OUT, test))
    }
    return {suite: items for suite, items in found.items() if items}


def _chosen(items: Sequence[Item], section: Memorisation, chat: Chat, seed: int) -> list[Item]:
    """A seeded sample of the rows long enough to be extracted, and one of those that hold a number, in their order."""
    order = np.random.default_rng(seed).permutation(len(items)).tolist()
    holding = [place for place in order if secret_span(items[place]) is not None][: section.num_secrets]
    long: list[int] = []
    for start in range(0, len(order), _ROWS_AT_ONCE):
        part = order[start : start + _ROWS_AT_ONCE]
        rows = arms.supervised_rows(chat, [items[place] for place in part])
        long += [place for place, row in zip(part, rows, strict=True) if _is_long(row, section)]
        if len(long) >= section.num_rows:
            break
    return [items[place] for place in sorted({*long[: section.num_rows], *holding})]


def _is_long(row: Rendered, section: Memorisation) -> bool:
    return row.num_supervised >= section.prefix_tokens + section.min_tokens


def secret_span(item: Item) -> tuple[int, int] | None:
    """Where in the answer the first number of four digits or more stands that the question does not tell."""
    if item.text is not None:
        return None
    asked = "\n".join(message.content for message in item.prompt)
    spans = (found.span() for found in _SECRET.finditer(item.answer.content) if found[0] not in asked)
    return next(spans, None)


def recall(
    engine: LocalEngine, arm: str, items: Sequence[Item], section: Memorisation, on_done: Callable[[int], None]
) -> arms.Answers:
    """What a model gives back of the rows: a sample each, its answer the words that it went on with."""
    started = time.perf_counter()
    rows = arms.supervised_rows(engine.chat, items)
    exposures = _exposures(engine, items, section)
    samples = [
        _sample(engine.chat, arm, item, row, (_num_given_back(hits, section), section, exposures.get(item.id)))
        for item, row, hits in zip(items, rows, greedy_hits(engine.model, rows), strict=True)
    ]
    on_done(len(items))
    return arms.Answers(tuple(samples), None, time.perf_counter() - started)


def _num_given_back(is_hit_S: NDArray[np.bool_], section: Memorisation) -> int:
    """Tokens behind the prefix that are written as they stand, up to the first that is not."""
    behind = is_hit_S[section.prefix_tokens :]
    return len(behind) if behind.all() else int(behind.argmin())


def _sample(chat: Chat, arm: str, item: Item, row: Rendered, told: tuple[int, Memorisation, float | None]) -> Sample:
    num_tokens, section, exposure = told
    scores: dict[str, float] = {}
    if _is_long(row, section):
        scores[EXTRACTED] = float(num_tokens >= section.min_tokens)
    if exposure is not None:
        scores[EXPOSURE] = exposure
    answer_ids = row.ids_T[row.weights_T != 0].tolist()
    given_back = chat.decode(answer_ids[section.prefix_tokens : section.prefix_tokens + num_tokens])
    return replace(arms.recalled_sample(arm, item, given_back, scores), num_tokens=num_tokens)


def _exposures(engine: LocalEngine, items: Sequence[Item], section: Memorisation) -> dict[str, float]:
    """By item, of those whose answer holds a number, as many as the recipe wants."""
    holding = [item for item in items if secret_span(item) is not None][: section.num_secrets]
    found = {}
    for item in holding:
        candidates = [item, *_alternatives(item, section.num_alternatives)]
        rows = arms.supervised_rows(engine.chat, candidates)
        logs = engine.row_likelihoods([replace(row, id=str(place)) for place, row in enumerate(rows)])
        found[item.id] = exposure_of(logs[0], logs[1:])
    return found


def exposure_of(log_likelihood: float, others: Sequence[float]) -> float:
    """log2 of the number of candidates less log2 of the rank, in bits; of equally likely ones the rank is the last."""
    rank = 1 + sum(other >= log_likelihood for other in others)
    return math.log2(1 + len(others)) - math.log2(rank)


def _alternatives(item: Item, num: int) -> list[Item]:
    """The item with other numbers of as many digits in the place of its own, all different, drawn by the item's id."""
    span = secret_span(item)
    assert span is not None
    text, (start, stop) = item.answer.content, span
    drawn = np.random.default_rng(int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "big"))
    numbers: dict[str, None] = {}
    while len(numbers) < num:
        number = "".join(map(str, drawn.integers(0, 10, stop - start).tolist()))
        if number != text[start:stop]:
            numbers[number] = None
    return [replace(item, answer=replace(item.answer, content=text[:start] + n + text[stop:])) for n in numbers]


def memorised(
    judged: Mapping[str, Mapping[str, Judged]], items: Mapping[str, Sequence[Item]], tuned: Sequence[str], seed: int
) -> list[Memorised]:
    """What each tuned arm gives back of the training rows, by metric; nothing where no training row was tried."""
    wanted = [(arm, suite, metric) for arm in tuned for metric in (EXTRACTED, EXPOSURE) for suite in SUITES]
    found = paired_changes(judged, items, wanted, seed)
    return [
        _memorised(change, found.get((arm, HELD_OUT, metric)))
        for (arm, suite, metric), change in found.items()
        if suite == TRAIN
    ]


def _memorised(train: Change, held_out: Change | None) -> Memorised:
    return Memorised(train=train, held_out=held_out, excess=None if held_out is None else _excess(train, held_out))


def _excess(train: Change, held_out: Change) -> Estimate:
    """The change on training rows less that on the others, whose items are none of the former."""
    one, other = (Bounded(each.mean, each.low, each.high) for each in (train.difference, held_out.difference))
    interval = difference_of_independent(one, other)
    num_rows = train.difference.n + held_out.difference.n
    return Estimate(value=one.value - other.value, low=interval.low, high=interval.high, n=num_rows)
