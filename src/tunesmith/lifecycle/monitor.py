"""Watching a served model: from the exchanges of the store to one health report a window."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from tunesmith.artifacts import Dataset, Identity, Scorecard, is_whole, library_versions, publish
from tunesmith.artifacts.bundle import RECIPE, Bundle
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.folder import read_manifest
from tunesmith.artifacts.health import KIND as HEALTH
from tunesmith.artifacts.health import HealthReport, Unfamiliar
from tunesmith.artifacts.scorecard import KIND as SCORECARD
from tunesmith.errors import Place, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.lineage import Lineage, read_lineage
from tunesmith.lifecycle.serving import bundle_of
from tunesmith.monitor.features import Features, Vectors, joined, question_of
from tunesmith.monitor.features_file import read_features, write_features
from tunesmith.monitor.reference import KIND as REFERENCE
from tunesmith.monitor.reference import (
    NUM_ACCEPTED,
    ROWS_PER_POINT,
    Embed,
    Reference,
    Trained,
    make_reference,
    open_reference,
)
from tunesmith.monitor.reference import VERSION as REFERENCE_VERSION
from tunesmith.monitor.run import VERSION as HEALTH_VERSION
from tunesmith.monitor.run import Against, Answering, Looked, Seen, health, is_accepted, look_at
from tunesmith.monitor.run import monitor as monitor_stage
from tunesmith.monitor.said import RIGHT, Said, said_features
from tunesmith.monitor.unfamiliar import MAX_EXAMPLES
from tunesmith.monitor.windows import Window, windows
from tunesmith.recipe import load_recipe
from tunesmith.records import CORRECTION, Feedback
from tunesmith.runtime import Runtime
from tunesmith.serve.start import Opened, open_bundle
from tunesmith.store import (
    CHAMPION,
    ReviewRating,
    Spoken,
    Store,
    Tally,
    Traffic,
    aliases,
    exchanges_named,
    history,
    open_version,
    resolve,
)

TRAFFIC: Final = "traffic"
"""Artifacts of what there is to see in windows: figures, counts, directions and ids, no text."""
TRAFFIC_VERSION: Final = 3
SAID: Final = "said"
"""Artifacts of what was said of windows: figures and counts."""
SAID_VERSION: Final = 1
_UNFAMILIAR: Final = "unfamiliar.json"
_FEATURES: Final = "features.safetensors"
_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "river")
TEXTS_AT_ONCE: Final = 64
"""Between two steps of what is shown of the progress."""
MAX_CHARACTERS: Final = 1000
"""What a text means shows in its beginning."""


@dataclass(frozen=True)
class Watched:
    """What is watched, and since when it answers as the champion."""

    bundle: Bundle
    since: datetime | None = None
    earlier: Sequence[tuple[datetime, datetime]] = ()
    """When it was the champion before, as one that was gone back to: those exchanges were watched then."""


def monitor(job: Job, store: Store, *, bundle: Bundle | None = None, until: datetime | None = None) -> HealthReport:
    """The report on the last complete window. Raises TunesmithError `monitor-no-window`, and what `reports` raises."""
    return require_window(job, reports(job, store, bundle=bundle, until=until))[-1]


def require_window(job: Job, found: list[HealthReport]) -> list[HealthReport]:
    """The same reports. Raises TunesmithError `monitor-no-window` where there is none."""
    if not found:
        place = Place("recipe", field="monitor.window")
        raise TunesmithError("monitor-no-window", place=place, window=job.recipe.monitor.window)
    return found


def reports(
    job: Job, store: Store, *, bundle: Bundle | None = None, until: datetime | None = None
) -> list[HealthReport]:
    """A report for each complete window that ended by `until` (absent: now), the oldest first.

    Watched is `bundle`, else the champion since it became that, else the bundle of the recipe. What was found before
    and has not changed is found again. Exchanges of a time that is yet to come, or before the promotion, are counted,
    told, and left out.

    Raises TunesmithError `monitor-inputs` where the workspace lacks what the model was trained on, RunFailed
    `store-unavailable`, and what `bundle_of`, `open_bundle` and `make_reference` raise.
    """
    watched = Watched(bundle) if bundle is not None else watched_of(job, store)
    now = min(until or store.clock(), store.clock())
    traffic = Traffic(store, watched.bundle.key, watched.since)
    _tell_left_out(job, traffic, watched.earlier)
    with _Directions(watched.bundle, job) as embed:
        watch = _Watch(job, watched.bundle, traffic, embed)
        return [watch.report(window) for window in windows(traffic.time_of, job.recipe.monitor.window, now)]


def watched_of(job: Job, store: Store) -> Watched:
    """The champion of the registry, else the bundle that the recipe made."""
    if CHAMPION not in aliases(store):
        return Watched(bundle_of(job))
    version = resolve(store, CHAMPION)
    changes = [change for change in history(store) if change.alias == CHAMPION]
    reigns = [(change.at, following.at) for change, following in pairwise(changes) if change.version == str(version)]
    return Watched(open_version(version), changes[-1].at, reigns)


def _tell_left_out(job: Job, traffic: Traffic, earlier: Sequence[tuple[datetime, datetime]]) -> None:
    """How many of the bundle's exchanges are of a time to come, or of before its promotion and of no `earlier` one."""
    store, since = traffic.store, traffic.since
    everything = Traffic(store, traffic.version)
    num_before = 0 if since is None else everything.tally(None, since).num
    left_out = {
        "monitor.ahead": everything.tally(store.clock(), None).num,
        "monitor.before": num_before - sum(everything.tally(*reign).num for reign in earlier),
    }
    for told, num in left_out.items():
        if num:
            job.progress.say(told, "warning", count=num)


def said_of(spoken: Spoken) -> Said:
    """By exchange. What a person dismissed is left out, and the right answer that one gave in the inbox counts like an
    expert's."""
    feedback: defaultdict[str, list[Feedback]] = defaultdict(list)
    reviews: defaultdict[str, list[ReviewRating]] = defaultdict(list)
    for each in spoken.feedback:
        decision = spoken.decisions.get(each.id)
        if decision is None or decision.state != "dismissed":
            feedback[each.exchange].append(each)
        if decision is not None and decision.state == "corrected":
            right = ReviewRating(each.exchange, decision.who, CORRECTION, None, decision.text, decision.at)
            reviews[each.exchange].append(right)
    for rating in spoken.ratings:
        reviews[rating.exchange].append(rating)
    return Said(feedback, reviews)


@dataclass(frozen=True)
class _Part:
    """A window that later ones are held against."""

    traffic: Path
    """The artifact of what there was to see in it."""
    words: Features

    @property
    def key(self) -> str:
        return f"{self.traffic.name} {_digest(self.words)}"

    def features(self) -> Features:
        return joined([_read_looked(self.traffic).features, self.words])


class _Watch:
    """Windows of one model in the order of time, each held against what came before it.

    Of a window that was looked at no exchange is read again: its artifact is named by how many exchanges the store
    holds of it, the artifact of what was said by how much was said.
    """

    def __init__(self, job: Job, bundle: Bundle, traffic: Traffic, embed: Embed) -> None:
        body = bundle.body
        self._job, self._bundle, self._traffic, self._embed = job, bundle, traffic, embed
        self._section = job.recipe.monitor
        self._model = Answering(
            body.name,
            bundle.key,
            tuple(body.labels) if body.task == "labels" else (),
            load_recipe(bundle.folder / RECIPE, []).prepare.user_style,
        )
        self._accepted: list[_Part] = []
        self._rights: list[float] = []

    @cached_property
    def _reference(self) -> Reference:
        """Found, or made of what the workspace has."""
        body, max_points = self._bundle.body, self._section.max_points
        inputs = {"bundle": self._bundle.key, "dataset": body.dataset, "scorecard": body.scorecard or ""}
        identity = Identity(
            REFERENCE, REFERENCE_VERSION, inputs, {"max_points": max_points}, 0, library_versions("numpy")
        )
        out = self._job.artifact(identity)
        if is_whole(out):
            return open_reference(out)
        trained = trained_on(self._bundle, self._model, self._job.runtime, max_points)
        return make_reference(trained, self._embed, max_points, identity=identity, out=out)

    def report(self, window: Window) -> HealthReport:
        """Made, or found where neither the window nor what it is held against has changed."""
        tally = self._traffic.tally(window.since, window.until)
        part = _Part(self._looked_at(window, tally.mark), self._heard(window, tally))
        is_from_begin = self._traffic.since is None or self._traffic.since <= window.since
        identity = self._identity(part, is_from_begin=is_from_begin)
        out = self._job.artifact(identity)
        if is_whole(out):
            found = HealthReport.open(out)
        else:
            accepted = tuple(each.features() for each in self._accepted)
            seen = Seen(window, tally.num, self._with_examples(_read_looked(part.traffic)), part.words, is_from_begin)
            against = Against(self._reference, accepted, tuple(self._rights))
            body = health(seen, self._model, against, self._section, self._job.recipe.seed)
            found = monitor_stage(body, identity=identity, out=out)
        if is_accepted(found.body) and len(self._accepted) < NUM_ACCEPTED:
            self._accepted.append(part)
        self._rights += part.words.numbers.get(RIGHT, np.zeros(0)).tolist()
        return found

    def _looked_at(self, window: Window, mark: str) -> Path:
        """The artifact of what there is to see in a window, made where its exchanges are others than before."""
        inputs = {"reference": self._reference.key, "window": _hash_of(window, mark)}
        section = {"max_points": self._section.max_points}
        identity = Identity(TRAFFIC, TRAFFIC_VERSION, inputs, section, 0, library_versions("numpy"))

        def write(staging: Path) -> None:
            exchanges = self._traffic.exchanges(window.since, window.until)
            _write_looked(staging, look_at(exchanges, self._model, self._reference, self._embed, self._section))

        return self._made(identity, write)

    def _heard(self, window: Window, tally: Tally) -> Features:
        """What was said of a window, read where something was said since."""
        mark = self._traffic.heard(window.since, window.until)
        if mark is None:
            return said_features([], Said({}, {}), tally.num)
        inputs = {"bundle": self._bundle.key, "window": _hash_of(window, tally.mark), "heard": mark}
        identity = Identity(SAID, SAID_VERSION, inputs, {}, 0, library_versions("numpy"))

        def write(staging: Path) -> None:
            spoken = self._traffic.spoken(window.since, window.until)
            write_features(staging / _FEATURES, said_features(spoken.exchanges, said_of(spoken), tally.num))

        out = self._made(identity, write)
        read_manifest(out, SAID)
        return read_features(out / _FEATURES)

    def _made(self, identity: Identity, write: Callable[[Path], None]) -> Path:
        out = self._job.artifact(identity)
        if not is_whole(out):
            with publish(out, identity) as staging:
                write(staging)
        return out

    def _with_examples(self, looked: Looked) -> Looked:
        """With the texts of what is unfamiliar, which only the store keeps."""
        shown = [id for each in looked.unfamiliar for id in each.exchanges[:MAX_EXAMPLES]]
        found = exchanges_named(self._traffic.store, shown)
        texts = {id: question_of(exchange.prompt, self._model.style) or "" for id, exchange in found.items()}
        told = [
            each.model_copy(update={"examples": [texts[id] for id in each.exchanges[:MAX_EXAMPLES] if id in texts]})
            for each in looked.unfamiliar
        ]
        return replace(looked, unfamiliar=told)

    def _identity(self, part: _Part, *, is_from_begin: bool) -> Identity:
        inputs = {
            "bundle": self._bundle.key,
            "reference": self._reference.key,
            "traffic": part.traffic.name,
            "said": _digest(part.words),
            "accepted": _hash("\n".join(each.key for each in self._accepted)),
            "rights": _hash(json.dumps(self._rights)),
            "is_from_begin": str(is_from_begin),
        }
        section = self._section.model_dump(mode="json", exclude={"alerts"})
        libraries = library_versions(*_LIBRARIES)
        return Identity(HEALTH, HEALTH_VERSION, inputs, section, self._job.recipe.seed, libraries)


def _hash_of(window: Window, mark: str) -> str:
    return _hash(f"{window.since.isoformat()} {window.until.isoformat()} {mark}")


def _write_looked(folder: Path, looked: Looked) -> None:
    write_features(folder / _FEATURES, looked.features)
    bare = [each.model_copy(update={"examples": []}).model_dump(mode="json") for each in looked.unfamiliar]
    (folder / _UNFAMILIAR).write_text(json.dumps(bare), encoding="utf-8")


def _read_looked(folder: Path) -> Looked:
    """Raises what `read_manifest` raises."""
    read_manifest(folder, TRAFFIC)
    told = json.loads((folder / _UNFAMILIAR).read_bytes())
    return Looked(read_features(folder / _FEATURES), [Unfamiliar.model_validate(each) for each in told])


def trained_on(bundle: Bundle, model: Answering, runtime: Runtime, max_points: int) -> Trained:
    """What the workspace still has of a bundle's making. Raises TunesmithError `monitor-inputs`.

    Where somebody was forgotten, what succeeds its rows; the scorecard may have gone with them, and is not missed then.
    """
    body, lineage = bundle.body, read_lineage(runtime.workspace)
    dataset = Dataset.open(_found(lineage, DATASET, body.dataset))
    judged = []
    if body.scorecard is not None and (dataset.key == body.dataset or body.scorecard in lineage.nodes):
        scorecard = Scorecard.open(_found(lineage, SCORECARD, body.scorecard))
        judged = [sample for sample in scorecard.samples() if (sample.arm, sample.suite) == (body.arm, "test")]
    return Trained(
        rows=dataset.sample("train", ROWS_PER_POINT * max_points),
        held_out=dataset.sample("validation", max_points),
        judged=[sample for sample in judged if sample.index == 0],
        labels=model.labels,
        style=model.style,
    )


def _found(lineage: Lineage, kind: str, key: str) -> Path:
    node = lineage.find(key)
    if node is None:
        raise TunesmithError(
            "monitor-inputs", place=Place(str(lineage.workspace / "artifacts" / kind / key)), kind=kind
        )
    return node.folder


class _Directions:
    """Texts to directions by the model that answers, as its server gives them; loaded when first asked."""

    def __init__(self, bundle: Bundle, job: Job) -> None:
        self._bundle, self._job = bundle, job
        self._opened: Opened | None = None

    def __enter__(self) -> _Directions:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        if self._opened is not None:
            self._opened.engine.close()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        if self._opened is None:
            here = self._job.recipe.serve.model_copy(update={"engine": None})  # not every server embeds
            self._opened = open_bundle(self._bundle, here, self._job.runtime)
        engine, adapter = self._opened.engine, self._opened.models[0].adapter
        progress, found = self._job.progress, []
        progress.begin("task.monitor", len(texts))
        for first in range(0, len(texts), TEXTS_AT_ONCE):
            part = [text[:MAX_CHARACTERS] for text in texts[first : first + TEXTS_AT_ONCE]]
            found.append(readable(lambda some: engine.embed(some, adapter), part))
            progress.advance(len(part))
        progress.end()
        return np.concatenate(found)


def readable(embed: Embed, texts: Sequence[str]) -> Vectors:
    """As `embed` gives them: of a text that is too long its beginning, of one with control tokens an empty one."""
    try:
        return embed(texts)
    except TunesmithError as failure:
        if failure.code not in ("prompt-too-long", "control-token"):
            raise
        code = failure.code
    if len(texts) > 1:
        half = len(texts) // 2
        return np.concatenate([readable(embed, texts[:half]), readable(embed, texts[half:])])
    return readable(embed, [texts[0][: len(texts[0]) // 2] if code == "prompt-too-long" else ""])


def _digest(features: Features) -> str:
    numbers = {name: values.tolist() for name, values in features.numbers.items()}
    return _hash(json.dumps([numbers, features.classes, features.shares], sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
