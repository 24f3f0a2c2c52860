"""The stage: one window of traffic, looked at and held against the reference."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from tunesmith.artifacts.folder import Identity, publish
from tunesmith.artifacts.health import BODY, Family, Figure, HealthBody, HealthReport, Shift, Unfamiliar
from tunesmith.metrics.faults import label_forms
from tunesmith.monitor.compare import Looks, fall_of, shifts_of, with_alarms
from tunesmith.monitor.features import (
    DISTANCE,
    EMBEDDING,
    FAMILIES,
    NGRAMS,
    UNSTYLED,
    Features,
    features_of,
    joined,
    ngram_vectors,
    question_of,
)
from tunesmith.monitor.reference import Embed, Reference, surprise
from tunesmith.monitor.said import KINDS, RIGHT
from tunesmith.monitor.unfamiliar import QUANTILE, Asked, nearest, unfamiliar
from tunesmith.monitor.windows import Window
from tunesmith.recipe.monitor import Monitor
from tunesmith.records import Exchange
from tunesmith.stats.drift import alarm_level

VERSION: Final = 3
PIECE_EXCHANGES: Final = 1_000
"""Looked at together: of those before, figures are kept, and the questions whose vectors are wanted."""
SECONDS_PER_DAY: Final = 86_400.0
ENDS: Final = {"length": "length_cut_share", "timeout": "timeout_share", "content_filter": "filtered_share"}
"""Ends of answers that are told of, by the name of the figure."""
ACCEPTING: Final[tuple[Family, ...]] = ("input", "output")
"""A window in which none of these is an alarm is one that later ones may be held against."""


@dataclass(frozen=True)
class Answering:
    """The model that answered."""

    name: str
    bundle: str
    labels: Sequence[str] = ()
    style: str = UNSTYLED


@dataclass(frozen=True)
class Looked:
    """What there is to see in a window's exchanges, whatever is said of them."""

    features: Features
    unfamiliar: Sequence[Unfamiliar] = ()


@dataclass(frozen=True)
class Seen:
    """A window that was looked at: its features, and what was said of its answers."""

    window: Window
    num_exchanges: int
    looked: Looked
    said: Features
    is_from_begin: bool = True
    """Whether the model answered from its beginning on; else its exchanges are those of a shorter time."""


@dataclass(frozen=True)
class Against:
    """What a window is held against."""

    reference: Reference
    accepted: Sequence[Features] = ()
    """Of earlier windows, with what was said of them."""
    rights: Sequence[float] = ()
    """Where the model was right (1) or wrong (0) before, in the order of time."""


def look_at(
    exchanges: Iterable[Exchange], model: Answering, reference: Reference, embed: Embed, section: Monitor
) -> Looked:
    """All features of exchanges, and what of them is unlike anything in training; a piece at a time is in memory.

    Vectors are of at most `max_points` questions, drawn alike every time.
    """
    labels, lot, rest = label_forms(model.labels), _Lot(section.max_points), iter(exchanges)
    parts: list[Features] = []
    while piece := list(islice(rest, PIECE_EXCHANGES)):
        asked = _questions(piece, model.style)
        wording = Features(surprise(list(asked.values()), reference.wording))
        parts += [features_of(piece, labels, model.style), wording]
        lot.add(asked)
    found, drawn = joined(parts), lot.drawn()
    if not drawn:
        return Looked(found)
    texts = list(drawn.values())
    vectors = {NGRAMS: ngram_vectors(texts), EMBEDDING: embed(texts)}
    distances = {DISTANCE: nearest(vectors[EMBEDDING], reference.known.vectors_ND)}
    features = replace(found, numbers={**found.numbers, **distances}, vectors=vectors)
    return Looked(features, unfamiliar(Asked(list(drawn), texts, vectors[EMBEDDING]), reference.known))


class _Lot:
    """At most so many questions of however many come, each with the same chance."""

    def __init__(self, num: int) -> None:
        self._num, self._num_seen = num, 0
        self._rng = np.random.default_rng(0)
        self._kept: list[tuple[float, int, str, str]] = []

    def add(self, asked: Mapping[str, str]) -> None:
        """Questions by exchange; of all that came those with the smallest numbers, drawn for each, are kept."""
        keys, places = self._rng.random(len(asked)).tolist(), range(self._num_seen, self._num_seen + len(asked))
        self._num_seen += len(asked)
        new = zip(keys, places, asked.keys(), asked.values(), strict=True)
        self._kept = heapq.nsmallest(self._num, [*self._kept, *new])

    def drawn(self) -> dict[str, str]:
        """In the order in which they came."""
        return {id: text for _, _, id, text in sorted(self._kept, key=lambda kept: kept[1])}


def health(seen: Seen, model: Answering, against: Against, section: Monitor, seed: int) -> HealthBody:
    """What is to be known of the window; a pure function."""
    window, features = seen.window, joined([seen.looked.features, seen.said])
    level = alarm_level(section.false_alarms_per_year, window.seconds)
    is_judged = seen.num_exchanges >= section.min_exchanges
    looks = Looks(level, section.max_points, seed)
    accepted = joined(against.accepted)
    return HealthBody(
        model=model.name,
        bundle=model.bundle,
        since=window.since,
        until=window.until,
        num_exchanges=seen.num_exchanges,
        num_feedback=sum(seen.said.classes.get(KINDS, {}).values()),
        is_judged=is_judged,
        num_accepted=len(against.accepted),
        level=level,
        false_alarms_per_year=section.false_alarms_per_year,
        shifts=_shifts(features, against, accepted, looks) if is_judged else [],
        figures=[
            *(_per_day(features, window.seconds) if seen.is_from_begin else []),
            *_figures(features, accepted, against.reference.training),
            *_unfamiliar_share(features, against.reference),
        ],
        unfamiliar=list(seen.looked.unfamiliar),
    )


def monitor(body: HealthBody, *, identity: Identity, out: Path) -> HealthReport:
    """Publish what was found."""
    with publish(out, identity) as staging:
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return HealthReport.open(out)


def is_accepted(body: HealthBody) -> bool:
    """Whether later windows may be held against this one."""
    return body.is_judged and not any(shift.family in ACCEPTING for shift in body.alarms)


def _shifts(features: Features, against: Against, accepted: Features, looks: Looks) -> list[Shift]:
    shifts = shifts_of(features, [against.reference.training, accepted], looks)
    newest = features.numbers.get(RIGHT, np.zeros(0))
    # a little less than its share of the level, which Holm's first step asks of it
    over_time = fall_of(against.rights, newest.tolist(), looks.level / (len(shifts) + 2))
    return with_alarms(shifts if over_time is None else [*shifts, over_time], looks.level)


def _questions(exchanges: Sequence[Exchange], style: str) -> dict[str, str]:
    """By exchange, of which a text was kept."""
    found = ((exchange.id, question_of(exchange.prompt, style)) for exchange in exchanges)
    return {id: text for id, text in found if text is not None}


def _per_day(features: Features, seconds: float) -> list[Figure]:
    num = sum(features.classes.get("finish_reason", {}).values())
    return [Figure(name="exchanges_per_day", family="operations", value=num / seconds * SECONDS_PER_DAY)]


def _figures(features: Features, accepted: Features, training: Features) -> list[Figure]:
    """Without a test of their own; beside each that of the accepted traffic, else that of training."""
    told, usual = _told(features), {**_told(training), **_told(accepted)}
    return [
        Figure(name=name, family=family, value=value, reference=usual.get(name, (None, family))[0])
        for name, (value, family) in told.items()
    ]


def _unfamiliar_share(features: Features, reference: Reference) -> list[Figure]:
    """Of the questions so many lie beyond what one in a hundred held-out rows does."""
    if DISTANCE not in features.numbers:
        return []
    share = float((features.numbers[DISTANCE] > reference.known.limit).mean())
    return [Figure(name="unfamiliar_share", family="input", value=share, reference=round(1 - QUANTILE, 6))]


def _told(features: Features) -> dict[str, tuple[float, Family]]:
    found: dict[str, tuple[float, Family]] = {}
    for name, short, share in (
        ("latency_p50_seconds", "seconds", 0.5),
        ("latency_p95_seconds", "seconds", 0.95),
        ("first_token_p95_seconds", "first_token_seconds", 0.95),
    ):
        if len(values := features.numbers.get(short, np.zeros(0))):
            found[name] = (float(np.quantile(values, share)), "operations")
    ends = features.classes.get("finish_reason", {})
    for end, name in ENDS.items():
        if ends:
            found[name] = (ends.get(end, 0) / sum(ends.values()), "operations")
    for name, values in features.numbers.items():
        if name in FAMILIES:
            found[f"{name}_mean"] = (float(values.mean()), FAMILIES[name])
    for name, (num, total) in features.shares.items():
        found[f"{name}_share"] = (num / total, FAMILIES[name])
    return found
