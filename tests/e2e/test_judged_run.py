"""A run with a judge, from rows to report: its word is kept, shown with people's, and made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chat_server import serving
from rating_material import grades

from tunesmith import lifecycle
from tunesmith.artifacts import read_events
from tunesmith.artifacts.ratings import JUDGE, append_ratings, ratings_file
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.ratings import rated_of
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent


def job(folder: Path, url: str, **evaluate: Any) -> Job:
    rows = [
        {"messages": [{"role": "user", "content": f"Colour of box {n}?"}, {"role": "assistant", "content": "red"}]}
        for n in range(40)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tree = {
        "name": "judged",
        "prepare": {"sources": str(folder / "rows.jsonl"), "test_share": 0.2},
        "train": {"max_steps": 2, "batch_rows": 8, "trackers": [], "precision": "fp32"},
        "evaluate": {
            "arms": ["base", "tuned"],
            "general_suite": False,
            "decoding": {"max_new_tokens": 4, "temperature": 0.0},
            "judge": {"endpoint": {"url": url, "model": "m"}, **evaluate},
        },
    }
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def reply(system: str, text: str) -> str:
    said = json.loads(text)
    if "first" in said:
        return '{"better": "first"}'
    return json.dumps({"accuracy": 1 + len(said["answer"]) % 5, "fluency": 4, "domain_fit": 4})


@pytest.mark.thorough
def test_a_judged_run(tmp_path: Path) -> None:
    with serving(reply) as server:
        outcome = lifecycle.run(job(tmp_path, server.url))
        num_asked = len(server.bodies)
        scorecard = outcome.scorecard
        num_items = scorecard.body.num_items["test"]
        assert JUDGE in scorecard.manifest.files
        append_ratings(ratings_file(tmp_path / "work", "anna"), grades(scorecard, "anna", lambda task: 3))
        events = outcome.run_folder / "events.jsonl"  # as a kill leaves them before the run says what it has
        kept = [line for line in events.read_text(encoding="utf-8").split("\n") if '"type": "artifact"' not in line]
        events.write_text("\n".join(kept), encoding="utf-8")
        again = lifecycle.run(job(tmp_path, server.url))
        named = [event.data["key"] for event in read_events(outcome.run_folder) if event.type == "artifact"]
        assert named == [outcome.models["tuned"].key, scorecard.key]
        assert len(server.bodies) == num_asked <= num_items * 4
    told = scorecard.body.judge
    assert told is not None
    assert told.judge is not None
    assert (told.num_items, told.judge.kappa, told.preferences[0].ties) == (num_items, {}, num_items)
    assert recheck(scorecard.folder).largest < TOLERANCE
    people, judge = rated_of(again.scorecard, tmp_path / "work")
    assert people.raters == {"anna": 2 * num_items}
    assert judge.judge is not None
    assert (judge.judge.pairs, judge.judge.turned) == (num_items, num_items)
    assert judge.judge.kappa["accuracy"].items == 2 * num_items
    assert judge.model_copy(update={"judge": told.judge}) == told
    page = again.report.html.read_text(encoding="utf-8")
    assert page.count('data-testid="ratings"') == 2
    assert 'href="#ratings"' in page
    assert "m judged answers to" in page
    assert 'data-testid="ratings"' in outcome.report.html.read_text(encoding="utf-8")


def test_a_judge_with_nothing_to_judge_is_refused_before_training(tmp_path: Path) -> None:
    for section, code in (
        ({"arms": ["tuned", "march"]}, "judge-arm"),
        ({"endpoint": {"url": "http://x/v1", "model": "m", "key": "NO_SUCH_KEY"}}, "endpoint-key"),
    ):
        this = job(tmp_path, "http://x/v1", **section)
        with pytest.raises(TunesmithError) as caught:
            lifecycle.check(this, lifecycle.prepare(this))
        assert caught.value.code == code
