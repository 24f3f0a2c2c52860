"""The stage: one window of traffic, looked at and held against the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from tunesmith.artifacts.folder import Identity, publish
from tunesmith.artifacts.health import BODY, Family, Figure, HealthBody, HealthReport, Shift
from tunesmith.metrics.faults import label_forms
from tunesmith.monitor.compare import Looks, drawn, fall_of, shifts_of, with_alarms
from tunesmith.monitor.features import (
    DISTANCE,
    EMBEDDING,
    FAMILIES,
    NGRAMS,
    UNSTYLED,
    Features,
    features_of,
    joined,
    question_of,
)
from tunesmith.monitor.reference import Embed, Reference, surprise
from tunesmith.monitor.said import RIGHT
from tunesmith.monitor.unfamiliar import QUANTILE, Asked, nearest, unfamiliar
from tunesmith.monitor.windows import Window
from tunesmith.recipe.monitor import Monitor
from tunesmith.stats.drift import alarm_level

VERSION: Final = 1
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
class Seen:
    """A window that was looked at: its features, and what was said of its answers."""

    window: Window
    features: Features
    said: Features
    num_feedback: int


@dataclass(frozen=True)
class Against:
    """What a window is held against."""

    reference: Reference
    accepted: Sequence[Features] = ()
    """Of earlier windows, with what was said of them."""
    rights: Sequence[float] = ()
    """Where the model was right (1) or wrong (0) before, in the order of time."""


def look_at(window: Window, model: Answering, reference: Reference, embed: Embed, section: Monitor) -> Features:
    """All features of a window. Vectors are of at most `max_points` questions, drawn alike every time."""
    found = features_of(window.exchanges, label_forms(model.labels), model.style)
    asked = _questions(window, model.style)
    if not asked:
        return found
    texts = list(asked.values())
    places = drawn(len(texts), section.max_points, 0)
    vectors = {
        NGRAMS: found.vectors[NGRAMS][places],
        EMBEDDING: embed([texts[place] for place in places]),
    }
    distances = {DISTANCE: nearest(vectors[EMBEDDING], reference.known.vectors_ND)}
    return replace(found, numbers={**found.numbers, **distances, **surprise(texts, reference.wording)}, vectors=vectors)


def health(seen: Seen, model: Answering, against: Against, section: Monitor, seed: int) -> HealthBody:
    """What is to be known of the window; a pure function."""
    window, features = seen.window, joined([seen.features, seen.said])
    level = alarm_level(section.false_alarms_per_year, window.seconds)
    is_judged = len(window.exchanges) >= section.min_exchanges
    looks = Looks(level, section.max_points, seed)
    accepted = joined(against.accepted)
    return HealthBody(
        model=model.name,
        bundle=model.bundle,
        since=window.since,
        until=window.until,
        num_exchanges=len(window.exchanges),
        num_feedback=seen.num_feedback,
        is_judged=is_judged,
        num_accepted=len(against.accepted),
        level=level,
        false_alarms_per_year=section.false_alarms_per_year,
        shifts=_shifts(features, against, accepted, looks) if is_judged else [],
        figures=[
            *_figures(features, accepted, against.reference.training, window.seconds),
            *_unfamiliar_share(features, against.reference),
        ],
        unfamiliar=unfamiliar(_asked(window, model, features, section), against.reference.known)
        if EMBEDDING in features.vectors
        else [],
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


def _asked(window: Window, model: Answering, features: Features, section: Monitor) -> Asked:
    """The questions whose vectors are in the features."""
    asked = _questions(window, model.style)
    ids = list(asked)
    places = drawn(len(ids), section.max_points, 0)
    chosen = [ids[place] for place in places]
    return Asked(chosen, [asked[id] for id in chosen], features.vectors[EMBEDDING])


def _questions(window: Window, style: str) -> dict[str, str]:
    """By exchange, of which a text was kept."""
    found = ((exchange.id, question_of(exchange.prompt, style)) for exchange in window.exchanges)
    return {id: text for id, text in found if text is not None}


def _figures(features: Features, accepted: Features, training: Features, seconds: float) -> list[Figure]:
    """Without a test of their own; beside each that of the accepted traffic, else that of training."""
    told, usual = _told(features), {**_told(training), **_told(accepted)}
    num = sum(features.classes.get("finish_reason", {}).values())
    per_day = Figure(name="exchanges_per_day", family="operations", value=num / seconds * SECONDS_PER_DAY)
    return [per_day] + [
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
