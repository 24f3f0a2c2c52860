"""Rounds of improvement on a desk that hears of something new: promoted or refused with reasons, and found again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from improve_material import SUBJECTS, corrected, desk, enthroned, store_at, texts, ticking
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Scorecard, TunedModel
from tunesmith.artifacts.feedback_set import EXCHANGE_COLUMN
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.improve import improve, num_unseen
from tunesmith.lifecycle.improve.transfer import transfer_of
from tunesmith.store import Store, aliases, history, roll_back, set_alias, versions
from tunesmith.store.cycles import Round, rounds

pytestmark = pytest.mark.slow
CALLED = {"by": "command"}


@dataclass
class Desk:
    """A copy of the desk whose first model is the champion, and its store."""

    job: Job
    store: Store

    def improve(self, **trigger: str) -> Round:
        return improve(self.job, self.store, trigger=trigger or CALLED, who="ann")

    def dataset(self, round: Round, name: str = "dataset") -> Dataset:
        return Dataset.open(self.job.runtime.workspace / "artifacts" / "dataset" / round.products[name])

    def with_recipe(self, **sections: Any) -> Desk:
        recipe = self.job.recipe
        changed = {name: getattr(recipe, name).model_copy(update=values) for name, values in sections.items()}
        return Desk(replace(self.job, recipe=recipe.model_copy(update=changed)), self.store)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace as it is once the first model is the champion."""
    folder = tmp_path_factory.mktemp("desk")
    job = desk(folder)
    with store_at(folder / "work" / "store.db") as store:
        enthroned(job, store)
    return folder


@pytest.fixture
def here(first: Path) -> Iterator[Desk]:
    """The champion's bundle and parts are shared, the store is the test's own; a workspace cannot be moved."""
    kept = shutil.copytree(first / "work", first / "kept", dirs_exist_ok=True)
    with store_at(first / "work" / "store.db", ticking()) as store:
        yield Desk(desk(first), store)
    shutil.rmtree(first / "work")
    shutil.move(kept, first / "work")


def base_dataset(here: Desk) -> Dataset:
    return lifecycle.prepare(here.job)


def test_what_the_desk_had_not_heard_of_is_learned_and_promoted(here: Desk) -> None:
    corrected(here.store, here.job, texts("violin", 60, 1), "lamp", "violin")
    assert num_unseen(here.job, here.store) == 60
    round = here.improve(by="feedback_rows", rows="60")
    assert (round.state, round.passage, round.candidate) == ("promoted", "promote", "desk@2")
    assert {str(version) for version in aliases(here.store).values()} == {"desk@2"}
    gains = {finding["suite"]: finding["code"] for finding in round.findings}
    assert gains == {"test": "kept", "fresh": "gain_shown"}

    # the yardstick is the same to the row, and to the byte in what is asked
    base, candidate, taught = base_dataset(here), here.dataset(round), here.dataset(round, "fresh")
    for split in ("validation", "test"):
        ours, theirs = ((d.folder / f"{split}.jsonl").read_text().splitlines() for d in (base, candidate))
        assert [json.loads(line)["messages"] for line in ours] == [json.loads(line)["messages"] for line in theirs]
        assert [row.id for row in base.rows(split)] == [row.id for row in candidate.rows(split)]  # type: ignore[arg-type]
    # what is fresh was never learned, all else was
    learned = {row.metadata.get(EXCHANGE_COLUMN) for row in candidate.rows("train")} - {None}
    fresh = {row.metadata[EXCHANGE_COLUMN] for row in taught.rows("test")}
    assert (len(learned), len(fresh)) == (48, 12)
    assert not learned & fresh
    assert {row.id for row in base.rows("train")} < {row.id for row in candidate.rows("train")}
    # rows of feedback are asked as the others are
    assert {tuple(message.role for message in row.messages) for row in candidate.rows("train")} == {
        ("system", "user", "assistant")
    }
    assert all(row.messages[1].content.startswith("Text: ") for row in candidate.rows("train"))

    # called again, by whomever, there is nothing new
    before = list(history(here.store))
    assert here.improve(by="drift") == round
    assert num_unseen(here.job, here.store) == 0
    assert (list(history(here.store)), len(versions(here.store)), rounds(here.store)) == (before, 2, [round])
    assert str(roll_back(here.store, "champion", who="ann")) == "desk@1"


def test_a_second_round_builds_on_the_first_and_keeps_its_yardsticks(here: Desk) -> None:
    corrected(here.store, here.job, texts("violin", 60, 1), "lamp", "violin")
    one = here.improve()
    corrected(here.store, here.job, texts("violin", 30, 2), "tent", "violin")
    assert num_unseen(here.job, here.store) == 30
    two = here.improve()
    assert (two.champion, two.id != one.id) == ("desk@2", True)
    held = {row.id for row in here.dataset(one, "fresh").rows("test")}
    assert not held & {row.id for row in here.dataset(two).rows("train")}
    assert not held & {row.id for row in here.dataset(two, "fresh").rows("test")}
    learned = {row.id for row in here.dataset(one).rows("train")}
    assert learned <= {row.id for row in here.dataset(two).rows("train")}
    assert [row.id for row in here.dataset(two).rows("test")] == [row.id for row in base_dataset(here).rows("test")]
    kept = transfer_of(rounds(here.store, "desk"), here.job.runtime.workspace)
    assert kept is not None
    if len(kept.ids) == 2:  # so few new rows may be too few to hold any out
        assert kept.transfer is not None
        assert kept.transfer.backward == pytest.approx(kept.scores[1][0] - kept.scores[0][0])  # type: ignore[operator]
        assert kept.scores[0][1] is None


def test_what_brings_nothing_is_not_promoted_and_says_why(here: Desk) -> None:
    # somebody corrects what was right: on what it is asked, the candidate is no better than the champion
    for subject in SUBJECTS:
        corrected(here.store, here.job, texts(subject, 12, 5), "lamp", subject)
    round = here.improve()
    assert round.state in ("refused", "inconclusive")
    assert round.candidate is None
    assert any(finding["code"] in ("gain_uncertain", "no_gain") for finding in round.findings)
    assert {str(version) for version in aliases(here.store).values()} == {"desk@1"}
    assert len(versions(here.store)) == 1
    assert here.improve() == round
    # its rows are there for the next round, those that were held out stay so
    corrected(here.store, here.job, texts("violin", 60, 1), "lamp", "violin")
    again = here.improve()
    assert again.state == "promoted"
    held = {row.id for row in here.dataset(round, "fresh").rows("test")}
    learned = {row.id for row in here.dataset(round, "fresh").rows("train")}
    assert not held & {row.id for row in here.dataset(again).rows("train")}
    assert learned - held <= {row.id for row in here.dataset(again, "fresh").rows("train")} | {
        row.id for row in here.dataset(again, "fresh").rows("test")
    }


def test_it_may_go_on_from_the_champion_with_fewer_of_its_rows(here: Desk) -> None:
    this = here.with_recipe(improve={"start": "champion", "base_rows": 40})
    corrected(this.store, this.job, texts("violin", 60, 1), "lamp", "violin")
    round = this.improve()
    rows = this.dataset(round).rows("train")
    assert sum(EXCHANGE_COLUMN not in row.metadata for row in rows) == 40
    folder = this.job.runtime.workspace / "artifacts" / "tuned_model"
    model = TunedModel.open(folder / round.products["model"])
    assert "start" in model.manifest.inputs
    assert ("fresh", "gain_shown") in {(finding["suite"], finding["code"]) for finding in round.findings}
    card = Scorecard.open(this.job.runtime.workspace / "artifacts" / "scorecard" / round.products["scorecard"])
    assert card.body.num_items["test"] == len(base_dataset(here).rows("test"))


def test_whoever_moves_the_champion_meanwhile_is_not_overruled(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from tunesmith.lifecycle import improve as module

    corrected(here.store, here.job, texts("violin", 60, 1), "lamp", "violin")
    shipped = module.export

    def meanwhile(job: Job) -> Any:
        bundle = shipped(job)
        other = Path(shutil.copytree(bundle.folder, here.job.runtime.workspace / "other"))
        from tunesmith.store import add_version

        set_alias(here.store, "champion", str(add_version(here.store, other, name="by-hand", who="bob")), who="bob")
        return bundle

    monkeypatch.setattr(module, "export", meanwhile)
    round = here.improve()
    assert (round.state, round.passage) == ("refused", "promote")
    assert round.findings[-1]["code"] == "overtaken"
    assert {str(version) for version in aliases(here.store).values()} == {"by-hand@1"}


def test_what_cannot_be_improved_is_refused_by_name(here: Desk, tmp_path: Path) -> None:
    with pytest.raises(TunesmithError, match="improve-no-rows"):
        here.improve()
    with store_at(tmp_path / "empty.db") as empty, pytest.raises(TunesmithError, match="improve-no-champion"):
        improve(here.job, empty, trigger=CALLED, who="ann")
    other = replace(here.job, recipe=here.job.recipe.model_copy(update={"name": "other"}))
    with pytest.raises(TunesmithError, match="improve-other-model"):
        improve(other, here.store, trigger=CALLED, who="ann")
    assert rounds(here.store) == []


def test_the_commands_tell_what_became_of_it(here: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import yaml

    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    corrected(here.store, here.job, texts("violin", 60, 1), "lamp", "violin")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(here.job.recipe.model_dump(mode="json")), encoding="utf-8")

    def run(*arguments: str) -> str:
        monkeypatch.setattr(OPTIONS, "json", False)
        done = CliRunner().invoke(app, ["-w", str(here.job.runtime.workspace), *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    told = json.loads(run("improve", str(recipe), "--json"))
    assert (told["state"], told["candidate"]) == ("promoted", "desk@2")
    assert "champion is desk@1 now; it was desk@2" in run("rollback")
    assert "champion is desk@2 now; it was desk@1" in run("promote", "desk")
    assert "already" in run("promote", "desk@2")
    page = run("history", str(recipe))
    for part in ("desk@2", "promoted", "recent traffic: better than", "Each round's candidate", "pointed champion"):
        assert part in page
    found = json.loads(run("history", str(recipe), "--json"))
    assert [one["id"] for one in found["rounds"]] == [told["id"]]
    assert found["transfer"]["ids"] == [told["id"]]
