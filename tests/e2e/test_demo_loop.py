"""The demo of the loop: its customers are what it says of them, and its short form closes the loop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from examples.demo_loop.loop import RECIPE, Figures, Scale, Week, play, receiving
from examples.demo_loop.traffic import DRIFTED, NEW, USUAL, Customers
from tunesmith.recipe import load_recipe
from tunesmith.text.language import language_of

ROOT = Path(__file__).parents[2]
DESK = ROOT / "examples" / "support_desk"


def rows_as_written() -> str:
    """The English rows, and those of both languages, as they stand in their files."""
    return "".join((DESK / name).read_text(encoding="utf-8") for name in ("tickets_en.jsonl", "faq.jsonl"))


@pytest.mark.thorough
def test_usual_questions_have_the_answers_of_the_rows() -> None:
    rows = rows_as_written()
    asks = [ask for ask in Customers(1).week(300, USUAL) if ask.question.isascii()]
    assert len(asks) > 100
    assert sum(ask.answer in rows for ask in asks) / len(asks) > 0.9
    assert not any(ask.is_new for ask in asks)


@pytest.mark.thorough
def test_the_drift_has_its_shares_and_no_row_tells_of_it() -> None:
    asks = Customers(2).week(1000, DRIFTED)
    assert sum(ask.is_new for ask in asks) / len(asks) == pytest.approx(DRIFTED.new_share, abs=0.05)
    chinese = sum(language_of(ask.question) == "zh" for ask in asks) / len(asks)
    assert chinese == pytest.approx(DRIFTED.chinese_share, abs=0.05)
    rows = rows_as_written()
    assert not any(ask.answer in rows for ask in asks if ask.is_new)
    assert all(each.correction.endswith(each.answer) and each.reasoning in each.correction for each in asks)


@pytest.mark.thorough
def test_the_same_seed_asks_the_same(tmp_path: Path) -> None:
    assert Customers(3).week(50, DRIFTED) == Customers(3).week(50, DRIFTED)
    assert Customers(3).week(50, DRIFTED) != Customers(4).week(50, DRIFTED)
    assert {len(wording.asks) for each in NEW.values() for wording in each} == {5}


def test_the_receiver_takes_what_is_posted() -> None:
    with receiving() as (address, got):
        assert httpx2.post(address, json={"id": "a"}).status_code == 204
    assert got == [{"id": "a"}]


def figures(**changes: Any) -> Figures:
    quiet, loud = Week("week 1", 10, 0, 0.9, (), 0), Week("week 3", 10, 5, 0.4, ("language",), 1)
    good = Figures((quiet, quiet, loud), 1, "drift", "promoted", "q@2", 0.4, 0.8, 0.4, "q@1", 1.0)
    return replace(good, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"weeks": (replace(figures().weeks[0], alarms=("length",)), *figures().weeks[1:])},
        {"weeks": (*figures().weeks[:2], replace(figures().weeks[2], alarms=()))},
        {"posts": 0},
        {"round": "refused"},
        {"champion": "q@1"},
        {"after": 0.4},
    ],
)
def test_what_did_not_happen_is_told(changes: dict[str, Any]) -> None:
    assert figures().failures == []
    assert len(figures(**changes).failures) == 1


def test_the_recipe_is_the_quickstart() -> None:
    own, quickstart = load_recipe(RECIPE), load_recipe(ROOT / "recipes" / "quickstart.yaml")
    assert (own.name, own.model, own.train) == (quickstart.name, quickstart.model, quickstart.train)
    assert [source.path for source in own.prepare.sources] == [source.path for source in quickstart.prepare.sources]


@pytest.mark.slow
def test_the_short_form_closes_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = play(tmp_path / "work", Scale(num_usual=100, num_drifted=200, num_fresh=60))
    assert done.failures == []
    assert done.trigger == "drift"
    alerts = (tmp_path / "work" / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["state"] for line in alerts} >= {"begun"}
