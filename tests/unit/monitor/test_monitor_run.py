"""One window against its reference: planted shifts alarm, the same stream does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from monitor_material import LABELS, embed, reference, traffic, window
from scipy.stats import ks_2samp
from store_material import feedback

from tunesmith.artifacts import Identity
from tunesmith.artifacts.health import KIND, HealthBody, HealthReport
from tunesmith.monitor import run
from tunesmith.monitor.features import Features, joined, ngram_vectors, question_of
from tunesmith.monitor.reference import Reference
from tunesmith.monitor.run import Against, Answering, Seen, health, is_accepted, look_at, monitor
from tunesmith.monitor.said import Said, said_features
from tunesmith.recipe.monitor import Monitor
from tunesmith.records import Exchange
from tunesmith.stats.drift import alarm_level

MODEL = Answering("support-bot", "0123456789abcdef", LABELS)
SECTION = Monitor(max_points=200)
NOTHING = Said({}, {})


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference(tmp_path_factory.mktemp("reference") / "r")


def seen(held: Reference, exchanges: tuple[Exchange, ...], week: int = 0, said: Said = NOTHING) -> Seen:
    looked = look_at(exchanges, MODEL, held, embed, SECTION)
    return Seen(window(week), len(exchanges), looked, said_features(exchanges, said, len(exchanges)))


def accepted_of(*what: Seen) -> list[Features]:
    return [each.looked.features for each in what]


def judged(
    held: Reference, what: Seen, *accepted: Features, rights: tuple[float, ...] = (), **section: Any
) -> HealthBody:
    against = Against(held, accepted, rights)
    return health(what, MODEL, against, SECTION.model_copy(update=section), seed=3)


def alarming(body: HealthBody) -> set[str]:
    return {shift.feature for shift in body.alarms}


@pytest.mark.thorough
def test_a_stream_without_drift_is_quiet(held: Reference) -> None:
    accepted = accepted_of(*(seen(held, traffic(1, 300, week), week) for week in range(2)))
    bodies = [judged(held, seen(held, traffic(1, 300, week), week), *accepted) for week in range(2, 14)]
    assert [alarming(body) for body in bodies] == [set()] * 12
    assert all(is_accepted(body) for body in bodies)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"chinese": 0.6}, {"language", "chinese", "ngrams", "embedding"}),
        ({"new": 0.4}, {"ngrams", "embedding"}),
    ],
)
def test_a_planted_shift_is_found(held: Reference, changed: dict[str, float], expected: set[str]) -> None:
    (accepted,) = accepted_of(seen(held, traffic(1, 300)))
    body = judged(held, seen(held, traffic(1, 300, 1, **changed), 1), accepted)
    assert expected <= alarming(body)
    assert not is_accepted(body)
    first = body.shifts[: len(body.alarms)]
    assert all(shift.is_alarm for shift in first)


@pytest.mark.thorough
def test_numbers_are_those_of_scipy_and_the_nearest_part_is_told(held: Reference) -> None:
    (accepted,), now = accepted_of(seen(held, traffic(1, 300))), seen(held, traffic(1, 300, 1, chinese=0.5), 1)
    told = {shift.feature: shift for shift in judged(held, now, accepted).shifts}
    expected = min(
        ks_2samp(part.numbers["length"], now.looked.features.numbers["length"]).statistic
        for part in (held.training, accepted)
    )
    assert told["length"].effect == pytest.approx(expected, abs=0.02)
    usual, found = told["language"].classes["zh"]
    assert usual == pytest.approx(np.mean([each >= 0.7 for each in accepted.numbers["chinese"]]), abs=0.06)
    assert found == now.looked.features.classes["language"]["zh"] / 300


@pytest.mark.thorough
def test_traffic_like_either_part_is_no_drift(held: Reference) -> None:
    (moved,) = accepted_of(seen(held, traffic(2, 300, chinese=0.6)))
    now = seen(held, traffic(2, 300, 1, chinese=0.6), 1)
    assert "language" in alarming(judged(held, now))
    assert "language" not in alarming(judged(held, now, moved))


@pytest.mark.thorough
def test_unfamiliar_requests_stand_in_the_report(held: Reference) -> None:
    body = judged(held, seen(held, traffic(1, 200, 1, new=0.3), 1))
    shown = [text for cluster in body.unfamiliar for text in cluster.examples]
    assert any("drone" in text for text in shown)
    assert any("无人机" in text for text in shown)
    share = body.figure("unfamiliar_share")
    assert share is not None
    assert share == pytest.approx(0.3, abs=0.08)


@pytest.mark.thorough
def test_quality_is_held_against_accepted_traffic(held: Reference) -> None:
    before, after = traffic(1, 300), traffic(1, 300, 1)
    calm = Said({one.id: [feedback(n, one, value=-1 if n % 20 == 0 else 1)] for n, one in enumerate(before)}, {})
    angry = Said({one.id: [feedback(n, one, value=-1 if n % 2 else 1)] for n, one in enumerate(after)}, {})
    first = seen(held, before, 0, calm)
    body = judged(held, seen(held, after, 1, angry), joined([first.looked.features, first.said]))
    assert alarming(body) == {"thumbs_down"}
    assert is_accepted(body)
    assert body.figure("thumbs_down_share") == 0.5
    assert not judged(held, seen(held, after, 1, angry)).alarms


@pytest.mark.thorough
def test_a_fall_of_accuracy_is_concept_drift(held: Reference) -> None:
    exchanges = traffic(1, 300, 1)
    wrong = {
        one.id: [replace(feedback(n, one), kind="correction", value=None, text="other" if n > 100 else answer.content)]
        for n, one in enumerate(exchanges)
        if (answer := one.answer) is not None
    }
    body = judged(held, seen(held, exchanges, 1, Said(wrong, {})), rights=(1.0,) * 300)
    (told,) = (shift for shift in body.shifts if shift.test == "adwin")
    assert told.is_alarm
    assert told.family == "concept"
    assert told.effect > 0.1
    assert body.figure("accuracy_share") == pytest.approx(101 / 300)


@pytest.mark.thorough
def test_pieces_are_looked_at_as_if_they_were_one(held: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come, so many questions are compared by vectors, and they are a lot of all of them."""
    exchanges = traffic(1, 300, new=0.2)
    whole = look_at(exchanges, MODEL, held, embed, SECTION)
    monkeypatch.setattr(run, "PIECE_EXCHANGES", 7)
    pieces = look_at(iter(exchanges), MODEL, held, embed, SECTION)
    assert pieces.unfamiliar == whole.unfamiliar
    for name, values in whole.features.numbers.items():
        assert np.array_equal(pieces.features.numbers[name], values), name
    assert pieces.features.classes == whole.features.classes
    assert len(pieces.features.vectors["ngrams"]) == SECTION.max_points
    vectors = ngram_vectors([question_of(each.prompt) or "" for each in exchanges])
    places = [np.flatnonzero((vectors == row).all(axis=1))[0] for row in pieces.features.vectors["ngrams"]]
    assert places == sorted(places)
    assert np.mean(places) == pytest.approx(150, abs=15)


def test_the_level_is_that_of_the_rate(held: Reference) -> None:
    body = judged(held, seen(held, traffic(1, 60)))
    assert body.level == alarm_level(1.0, 7 * 86_400)
    assert body.figure("exchanges_per_day") == pytest.approx(60 / 7)
    latencies = [one.seconds for one in traffic(1, 60)]
    assert body.figure("latency_p95_seconds") == pytest.approx(np.percentile(latencies, 95))


def test_few_and_no_exchanges_are_told_and_not_judged(held: Reference) -> None:
    few, none = (judged(held, seen(held, traffic(1, num, chinese=1.0))) for num in (49, 0))
    assert (few.is_judged, few.shifts, few.num_exchanges) == (False, [], 49)
    assert (none.is_judged, none.unfamiliar, none.num_exchanges) == (False, [], 0)
    assert not is_accepted(few)
    assert few.figure("latency_p50_seconds") is not None
    assert none.figure("latency_p50_seconds") is None


def test_without_texts_only_figures_are_looked_at(held: Reference) -> None:
    bare = tuple(replace(one, prompt=(), answer=None) for one in traffic(1, 100))

    def asks_nothing(texts: object) -> Any:
        raise AssertionError(texts)

    looked = look_at(bare, MODEL, held, asks_nothing, SECTION)
    body = judged(held, Seen(window(), len(bare), looked, Features()), looked.features)
    assert {shift.feature for shift in body.shifts} == {"guarded"}
    assert body.unfamiliar == []
    assert body.figure("latency_p95_seconds") is not None
    assert "length_mean" not in {each.name for each in body.figures}


def test_what_was_found_is_published_whole(held: Reference, tmp_path: Path) -> None:
    body = judged(held, seen(held, traffic(1, 80, new=0.5)))
    report = monitor(body, identity=Identity(KIND, 1, {}, {}, 0, {}), out=tmp_path / "report")
    assert HealthReport.open(tmp_path / "report").body == report.body == body
