"""A served model is watched: real rows, a real bundle with its engine, a real store, a clock that is handed in."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from card_material import dataset_report
from export_material import certified, exporting, recipe, tuned_model
from monitor_material import BEGIN, LABELS, WEEK, embed, rows, traffic
from sqlalchemy import RowMapping, insert
from store_material import bundle, feedback
from typer.testing import CliRunner

from tunesmith.artifacts import Dataset, Identity, publish
from tunesmith.artifacts.bundle import Bundle
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.dataset import REPORT, write_examples
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.export.run import export
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.lineage import FORGOTTEN
from tunesmith.lifecycle.monitor import monitor, readable, reports, trained_on
from tunesmith.model.base import find_base
from tunesmith.monitor.run import Answering
from tunesmith.monitor.unfamiliar import MAX_CLUSTERS, MAX_EXAMPLES
from tunesmith.recipe.methods import Lora
from tunesmith.records import Exchange
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import add_version, feedback_states, open_store, roll_back, set_alias, withdraw
from tunesmith.store import store as store_module
from tunesmith.store import traffic as traffic_module
from tunesmith.store.open import writing
from tunesmith.store.rows import exchange_of, feedback_of
from tunesmith.store.schema import FEEDBACK_STATES, REVIEW_RATINGS

pytestmark = pytest.mark.thorough
NUM = 120
ROOT = Path(__file__).parents[3]


class Told(Silent):
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, key: str, level: str = "info", **parameters: object) -> None:
        self.said.append((key, parameters))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a dataset and a bundle of an adapter, as a run leaves them."""
    workspace = tmp_path_factory.mktemp("workspace")
    base = find_base("builtin:tiny")
    tuned = tuned_model(workspace / "tuned", base, Lora(rank=4))
    what = exporting(workspace / "aside", "builtin:tiny", tuned, export={"forms": ["adapter"]})
    identity = Identity(DATASET, 1, {"rows": "x"}, {}, 0, {})
    with publish(workspace / "artifacts" / DATASET / identity.key(), identity) as staging:
        for split, num in (("train", 400), ("validation", 100), ("test", 0)):
            write_examples(staging / f"{split}.jsonl", rows(num, num))
        (staging / REPORT).write_text(dataset_report().model_dump_json(), encoding="utf-8")
    dataset = Dataset.open(workspace / "artifacts" / DATASET / identity.key())
    what = replace(what, dataset=dataset, task="labels", labels=LABELS)
    light = Runtime(workspace=workspace, cache=workspace / "cache")
    export(what, runtime=light, progress=Silent(), out=workspace / "bundle", certify=certified())
    return workspace


class Watched:
    """One workspace with its store, and a clock that tests move."""

    def __init__(self, workspace: Path) -> None:
        self.now = BEGIN
        self.told = Told()
        self.workspace = workspace
        runtime = Runtime(workspace=workspace, cache=workspace / "cache", clock=self.clock)
        sections = {"monitor": {"max_points": 60, "min_exchanges": 20}, "export": {"forms": ["adapter"]}}
        self.job = Job(recipe("builtin:tiny", **sections), runtime, self.told)
        self.store = open_store(f"sqlite:///{workspace}/store.db", clock=self.clock, key_file=workspace / "store.key")
        self.bundle = Bundle.open(workspace / "bundle")

    def clock(self) -> datetime:
        return self.now

    def serve(self, exchanges: Sequence[Exchange]) -> None:
        for one in exchanges:
            self.store.record(replace(one, version=self.bundle.key))
        self.store.flush()

    def promote(self) -> None:
        add_version(self.store, self.bundle.folder, who="ann")
        set_alias(self.store, "champion", "desk@1", who="ann")


@pytest.fixture
def watched(made: Path, tmp_path: Path) -> Iterator[Watched]:
    shutil.copytree(made, tmp_path / "w")
    found = Watched(tmp_path / "w")
    yield found
    found.store.close()


def alarming(found: Sequence) -> list[set[str]]:
    return [{shift.feature for shift in report.body.alarms} for report in found]


def test_drift_after_quiet_weeks_is_found_and_what_was_found_is_found_again(watched: Watched) -> None:
    watched.promote()
    for week in range(3):
        watched.serve(traffic(4, NUM, week))
    watched.serve(traffic(4, NUM, 3, chinese=0.9))
    watched.now = BEGIN + 4 * WEEK + timedelta(hours=1)
    found = reports(watched.job, watched.store)
    assert alarming(found)[:3] == [set()] * 3
    assert {"language", "ngrams", "embedding"} <= alarming(found)[3]
    assert [report.body.num_accepted for report in found] == [0, 1, 2, 3]
    assert [(one.body.since - BEGIN) / WEEK for one in found] == [0, 1, 2, 3]
    at = {path: path.stat().st_mtime_ns for path in watched.workspace.glob("artifacts/**/manifest.json")}
    again = monitor(watched.job, watched.store)
    assert again.folder == found[-1].folder
    assert {path: path.stat().st_mtime_ns for path in watched.workspace.glob("artifacts/**/manifest.json")} == at
    # the training rows are needed once
    shutil.rmtree(watched.workspace / "artifacts" / DATASET)
    assert monitor(watched.job, watched.store).key == again.key
    assert monitor(watched.job, watched.store, until=BEGIN + WEEK).key == found[0].key


@pytest.mark.parametrize("window", ["7d", NUM])
def test_exchanges_of_a_window_are_read_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, window: str | int
) -> None:
    """Counted where rows become exchanges and feedback: nothing else does."""
    read: Counter[str] = Counter()

    def counted(name: str, of: Callable[[RowMapping], Any]) -> Callable[[RowMapping], Any]:
        def reading(row: RowMapping) -> Any:
            read[name] += 1
            return of(row)

        return reading

    monkeypatch.setattr(store_module, "exchange_of", counted("exchanges", exchange_of))
    monkeypatch.setattr(traffic_module, "feedback_of", counted("feedback", feedback_of))
    monkeypatch.setattr(store_module, "feedback_of", counted("all feedback", feedback_of))
    monkeypatch.setattr(feedback_states, "exchange_of", counted("named", exchange_of))
    section = watched.job.recipe.monitor.model_copy(update={"window": window})
    job = replace(watched.job, recipe=watched.job.recipe.model_copy(update={"monitor": section}))
    weeks = [traffic(4, NUM, week) for week in range(3)]
    watched.promote()

    def looked_after(num: int) -> tuple[list[int], dict[str, int]]:
        watched.now = BEGIN + num * WEEK + timedelta(hours=1)
        read.clear()
        nums = [report.body.num_exchanges for report in reports(job, watched.store)]
        # examples of what is unfamiliar, and what was spoken of
        assert read.pop("named", 0) <= num * MAX_CLUSTERS * MAX_EXAMPLES + read["feedback"]
        return nums, dict(+read)

    for week in weeks[:2]:
        watched.serve(week)
    assert looked_after(2) == ([NUM, NUM], {"exchanges": 2 * NUM})
    assert looked_after(2) == ([NUM, NUM], {})
    watched.serve(weeks[2])
    assert looked_after(3) == ([NUM] * 3, {"exchanges": NUM})
    words = [feedback(n, weeks[n % 2][n], kind="correction", value=None, text="delivery") for n in range(20)]
    for word in words:
        watched.store.add_feedback(word).result()
    assert looked_after(3) == ([NUM] * 3, {"feedback": 20})
    watched.store.add_feedback(feedback(99, weeks[0][5])).result()
    assert looked_after(3) == ([NUM] * 3, {"feedback": 11})
    # one that comes late belongs to its window all the same
    late = replace(weeks[1][0], id="ex-late", at=weeks[1][0].at + timedelta(seconds=1))
    watched.serve([late])
    if isinstance(window, str):
        nums, again = looked_after(3)
        assert nums == [NUM, NUM + 1, NUM]
        assert again["exchanges"] == NUM + 1


def test_late_feedback_renews_the_report_and_not_the_looking(watched: Watched) -> None:
    week = traffic(4, NUM)
    watched.serve(week)
    watched.now = BEGIN + WEEK
    before = monitor(watched.job, watched.store, bundle=watched.bundle)
    looked_at = sorted(watched.workspace.glob("artifacts/traffic/*"))
    for number in range(4):
        word = feedback(number, week[number], kind="correction", value=None, text="delivery")
        watched.store.add_feedback(word).result()
    # a thumb says nothing of what is right; whoever read it in the inbox did
    watched.store.add_feedback(feedback(4, week[4], kind="thumb", value=-1)).result()
    ids = [feedback(number, week[number]).id for number in (0, 1, 2, 4)]
    states = [("dismissed", None), ("corrected", week[1].answer.content), ("accepted", None), ("corrected", "no label")]
    with writing(watched.store.database) as connection:
        for id, (state, text) in zip(ids, states, strict=True):
            connection.execute(
                insert(FEEDBACK_STATES).values(feedback=id, state=state, text=text, who="ann", at=watched.now)
            )
        connection.execute(
            insert(REVIEW_RATINGS).values(
                exchange=week[9].id, rater="bo", dimension="accuracy", value=5, text=None, at=watched.now
            )
        )
    after = monitor(watched.job, watched.store, bundle=watched.bundle)
    assert after.key != before.key
    assert sorted(watched.workspace.glob("artifacts/traffic/*")) == looked_at
    right = [week[2].answer.content == "delivery", week[3].answer.content == "delivery", True, False, True]
    assert after.body.figure("accuracy_share") == sum(right) / 5
    assert after.body.figure("corrected_share") == 3 / NUM


def test_clock_jumps_and_other_models_are_told_and_left_out(watched: Watched) -> None:
    watched.now = BEGIN
    watched.promote()
    week = traffic(4, 60)
    watched.serve(week)
    ahead = [replace(one, id=f"ex-a{n}", at=one.at + 500 * WEEK) for n, one in enumerate(week[:3])]
    back = [replace(one, id=f"ex-b{n}", at=one.at - 500 * WEEK) for n, one in enumerate(week[:2])]
    watched.serve([*ahead, *back])
    watched.store.record(replace(week[0], id="ex-other", version="f" * 16)).result()
    watched.now = BEGIN + 2 * WEEK
    found = reports(watched.job, watched.store)
    assert [report.body.num_exchanges for report in found] == [60, 0]
    assert not found[1].body.is_judged
    assert watched.told.said == [("monitor.ahead", {"count": 3}), ("monitor.before", {"count": 2})]


def test_what_was_watched_before_a_rollback_is_not_told_as_left_out(watched: Watched) -> None:
    watched.serve(traffic(4, 30))
    watched.now = BEGIN + WEEK
    watched.promote()
    watched.serve(traffic(4, 40, 1))
    other = bundle(watched.workspace / "other", name="desk")
    add_version(watched.store, other, who="ann")
    watched.now = BEGIN + 2 * WEEK
    set_alias(watched.store, "champion", "desk@2", who="ann")
    watched.serve(traffic(4, 7, 2))
    watched.now = BEGIN + 3 * WEEK
    roll_back(watched.store, "champion", who="ann")
    watched.serve(traffic(4, 60, 3))
    watched.now = BEGIN + 4 * WEEK
    found = reports(watched.job, watched.store)
    assert [report.body.num_exchanges for report in found] == [60]
    assert watched.told.said == [("monitor.before", {"count": 37})]


def test_a_window_in_which_the_model_was_promoted_tells_no_exchanges_a_day(watched: Watched) -> None:
    """They are those of a part of it, so that half of the usual is no lack; nor were there any before."""
    watched.now = BEGIN + WEEK + WEEK / 2
    watched.promote()
    assert monitor(watched.job, watched.store).body.figure("exchanges_per_day") is None
    watched.serve([*traffic(4, 60, 1), *traffic(4, 60, 2)])
    watched.now = BEGIN + 3 * WEEK
    first, second = (report.body for report in reports(watched.job, watched.store))
    assert first.since < BEGIN + WEEK + WEEK / 2 < first.until
    assert first.figure("exchanges_per_day") is None
    assert second.figure("exchanges_per_day") == pytest.approx(60 / 7)


def test_metadata_alone_gives_figures_and_no_texts(watched: Watched) -> None:
    watched.serve([replace(one, prompt=(), answer=None) for one in traffic(4, 60)])
    watched.now = BEGIN + WEEK
    body = monitor(watched.job, watched.store, bundle=watched.bundle).body
    assert body.is_judged
    assert body.unfamiliar == []
    assert {figure.family for figure in body.figures} == {"operations", "output", "quality"}


def test_a_store_that_is_locked_is_watched_all_the_same(watched: Watched) -> None:
    watched.serve(traffic(4, 60))
    watched.now = BEGIN + WEEK
    with writing(watched.store.database) as connection:
        connection.exec_driver_sql("UPDATE exchanges SET label = 'x'")
        body = monitor(watched.job, watched.store, bundle=watched.bundle).body
        connection.rollback()
    assert body.num_exchanges == 60


def test_what_cannot_be_watched_is_refused_by_name(watched: Watched) -> None:
    by_count = watched.job.recipe.model_copy(
        update={"monitor": watched.job.recipe.monitor.model_copy(update={"window": 500})}
    )
    watched.serve(traffic(4, 60))
    watched.now = BEGIN + WEEK
    with pytest.raises(TunesmithError, match="monitor-no-window"):
        monitor(replace(watched.job, recipe=by_count), watched.store, bundle=watched.bundle)
    watched.promote()
    withdraw(watched.store, "desk@1", who="ann", reason="a person asked")
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        monitor(watched.job, watched.store)
    shutil.rmtree(watched.workspace / "artifacts" / DATASET)
    with pytest.raises(TunesmithError, match="monitor-inputs"):
        monitor(watched.job, watched.store, bundle=watched.bundle)


def test_a_model_some_of_whose_rows_were_forgotten_is_watched_on(watched: Watched) -> None:
    """What succeeds its dataset has another key, and the scorecard that quoted the person is gone."""
    judged = watched.bundle.body.model_copy(update={"scorecard": "f" * 16})
    bundle, model = replace(watched.bundle, body=judged), Answering("desk", watched.bundle.key, LABELS)
    with pytest.raises(TunesmithError, match="monitor-inputs"):
        trained_on(bundle, model, watched.job.runtime, 60)
    (folder,) = (watched.workspace / "artifacts" / DATASET).iterdir()
    identity = Identity(DATASET, 1, {"rows": "x", FORGOTTEN: "0" * 16}, {}, 0, {})
    with publish(folder.with_name(identity.key()), identity) as staging:
        for file in folder.glob("*.jsonl"):
            shutil.copy(file, staging)
    shutil.rmtree(folder)
    found = trained_on(bundle, model, watched.job.runtime, 60)
    assert (len(found.rows), len(found.held_out), found.judged) == (240, 60, [])
    watched.serve(traffic(4, 60))
    watched.now = BEGIN + WEEK
    assert monitor(watched.job, watched.store, bundle=watched.bundle).body.is_judged


def test_texts_that_a_model_cannot_read_are_cut() -> None:
    asked: list[list[str]] = []

    def picky(texts: Sequence[str]) -> np.ndarray:
        asked.append(list(texts))
        for text in texts:
            if "<|" in text:
                raise TunesmithError("control-token", token="<|end|>")
            if len(text) > 10:
                raise TunesmithError("prompt-too-long", tokens=len(text), limit=10)
        return embed(texts)

    texts = ["short", "a" * 35, "so <|end|>", "最后"]
    expected = embed(["short", "a" * 8, "", "最后"])
    assert np.array_equal(readable(picky, texts), expected)

    def broken(texts: Sequence[str]) -> np.ndarray:
        raise TunesmithError("engine-closed")

    with pytest.raises(TunesmithError, match="engine-closed"):
        readable(broken, texts)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A command line that nothing was said to yet."""
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    return monkeypatch


def test_the_command_tells_alarms_first_and_writes_the_page(
    watched: Watched, tmp_path: Path, fresh: pytest.MonkeyPatch
) -> None:
    watched.promote()
    watched.serve([*traffic(4, NUM), *traffic(4, NUM, 1, chinese=0.9)])
    file = tmp_path / "recipe.yaml"
    file.write_text(
        "name: desk\nprepare: {sources: rows.jsonl}\nmonitor: {max_points: 60, window: 120}\n", encoding="utf-8"
    )

    def told(*options: str) -> str:
        done = CliRunner().invoke(app, ["--workspace", str(watched.workspace), "monitor", str(file), *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    lines = told("--all").splitlines()
    alarms = [place for place, line in enumerate(lines) if line.startswith("  ! ")]
    assert any("Language of the question" in lines[place] for place in alarms)
    assert alarms[0] < next(place for place, line in enumerate(lines) if line.startswith("What was tested"))
    assert any("at most 1 a year, 0.083 a month" in line for line in lines)
    found = json.loads(told("--json", "--all"))
    assert [window["num_exchanges"] for window in found["windows"]] == [NUM, NUM]
    assert found["windows"][0]["alarms"] == []
    assert "language" in found["windows"][1]["alarms"]
    assert "<svg" in Path(found["page"]).read_text(encoding="utf-8")
    fresh.setattr(OPTIONS, "json", False)
    assert json.loads(told("--json"))["window"] == found["windows"][1]
    with pytest.raises(TunesmithError, match="store-url"):
        CliRunner().invoke(app, ["monitor", str(file), "--store", "nowhere"], catch_exceptions=False)


def blocks(language: str) -> list[tuple[str, str]]:
    """Each with its kind, without comments, which are in the page's language."""
    page = (ROOT / "docs" / language / "how-to" / "watch-a-served-model.md").read_text(encoding="utf-8")
    page = re.sub(r" +# .*", "", page)
    return re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_the_page_on_watching_runs_as_written(
    watched: Watched, fresh: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert blocks("en") == blocks("zh")
    found = dict(blocks("en"))
    watched.promote()
    watched.serve([*traffic(4, NUM), *traffic(4, NUM, 1, chinese=0.9)])
    fresh.chdir(watched.workspace)
    # by count: the last week of today's clock is empty
    recipe_text = found["yaml"].replace("window: 7d", "window: 120").replace("max_points: 500", "max_points: 60")
    Path("recipe.yaml").write_text(recipe_text, encoding="utf-8")
    for line in found["console"].splitlines():
        done = CliRunner().invoke(app, shlex.split(line.removeprefix("tunesmith ")))
        assert done.exit_code == 0, done.output
        assert "Language of the question" in done.stdout
    exec(compile(found["python"], "watch-a-served-model.md", "exec"), {})
    assert any(line.startswith("language ") for line in capsys.readouterr().out.splitlines())
