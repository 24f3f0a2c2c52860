"""The table of rounds is read from their scorecards, and its figures are those of the formula."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from card_material import scorecard_body
from store_material import START

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.scorecard import BODY, KIND, Arm, Estimate
from tunesmith.lifecycle.improve.transfer import ON, transfer_of
from tunesmith.store.cycles import Round

ROUND = Round("a", "desk", "promoted", {"by": "ann"}, "desk@1", "desk@2", "promote", (), START, START)


def card(workspace: Path, key: str, score: float, metric: str = "accuracy") -> str:
    arms = [
        Arm(name=name, metrics={"test": {metric: Estimate(value=value, n=20)}}, seconds=1.0)
        for name, value in (("base", 0.1), ("tuned", score))
    ]
    body = scorecard_body().model_copy(update={"arms": arms, "metric": metric})
    identity = Identity(KIND, 1, {"model": key}, {"metric": metric}, 0, {})
    with publish(workspace / "artifacts" / KIND / identity.key(), identity) as staging:
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
        (staging / "samples.jsonl").write_text("", encoding="utf-8")
    return identity.key()


def rounds(workspace: Path, table: dict[str, dict[str, float]], metric: str = "accuracy") -> list[Round]:
    return [
        replace(
            ROUND,
            id=id,
            products={f"{ON}{on}": card(workspace, f"{id} {on}", score, metric) for on, score in scores.items()},
        )
        for id, scores in table.items()
    ]


TABLE = {"a": {"a": 0.8}, "b": {"a": 0.7, "b": 0.9}, "c": {"a": 0.75, "b": 0.85, "c": 0.6}}


def test_what_later_rounds_did_to_earlier_ones(tmp_path: Path) -> None:
    kept = transfer_of(rounds(tmp_path, TABLE), tmp_path)
    assert kept is not None
    assert kept.scores == ((0.8, None, None), (0.7, 0.9, None), (0.75, 0.85, 0.6))
    assert kept.transfer is not None
    assert kept.transfer.backward == pytest.approx(((0.75 - 0.8) + (0.85 - 0.9)) / 2)
    assert kept.transfer.forgetting == pytest.approx(((0.8 - 0.75) + (0.9 - 0.85)) / 2)
    errors = transfer_of(rounds(tmp_path, TABLE, "mae"), tmp_path)
    assert errors is not None
    assert errors.transfer is not None
    assert errors.transfer.backward == pytest.approx(-kept.transfer.backward)


def test_rounds_that_held_nothing_out_are_no_part_of_it(tmp_path: Path) -> None:
    assert transfer_of([ROUND], tmp_path) is None
    one = transfer_of([ROUND, *rounds(tmp_path, {"b": {"b": 0.5}})], tmp_path)
    assert one is not None
    assert (one.ids, one.scores, one.transfer) == (("b",), ((0.5,),), None)


def test_a_gap_in_the_table_leaves_it_without_figures(tmp_path: Path) -> None:
    kept = transfer_of(rounds(tmp_path, {"a": {"a": 0.8}, "b": {"b": 0.9}}), tmp_path)
    assert kept is not None
    assert kept.scores == ((0.8, None), (None, 0.9))
    assert kept.transfer is None
    mixed = [*rounds(tmp_path, {"a": {"a": 0.8}}), *rounds(tmp_path, {"b": {"b": 0.8}}, "mae")]
    assert transfer_of(mixed, tmp_path) is None
