"""What a scorecard says of its judge comes out again from the judgements; whatever is changed is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rating_material import choices, grades, rated_sample, rated_scorecard

from tunesmith.artifacts import Identity, Scorecard, publish
from tunesmith.artifacts.rated import Rated
from tunesmith.artifacts.ratings import JUDGE, JudgeHead, write_judged
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.errors import RunFailed
from tunesmith.evaluate.rated import Answered, of_judge
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.evaluate.recheck_judge import Bench, judge_again
from tunesmith.records import Rating

HEAD = JudgeHead(model="m", url="http://x", prompt="0" * 64)


def judgements(scorecard: Scorecard, seed: int = 0) -> list[Rating]:
    """Grades of two dimensions, and choices in both orders by one who often names the left answer; some unreadable."""
    rng = np.random.default_rng(seed)
    found = grades(scorecard, "m", lambda task: int(rng.integers(1, 5)) + (task.arms == ("tuned",)))
    found += [replace(one, dimension="tone", value=5 if one.arms == ("base",) else 1) for one in found]
    found[3] = replace(found[3], value=None)
    pairs = choices(scorecard, "m", lambda task: "tie")
    for one in pairs:
        for arms in (one.arms, one.arms[::-1]):
            longer = "left" if arms[0] == "tuned" else "right"
            value: Any = [longer, "left", "right", "tie"][rng.choice(4, p=[0.5, 0.3, 0.1, 0.1])]
            found.append(replace(one, arms=arms, value=value))
    found[-1] = replace(found[-1], value=None)
    return found


def material(folder: Path, num_items: int, *, grouped: bool = False) -> tuple[Scorecard, list[Rating]]:
    """The tuned model's answers to every other item are the longer ones."""

    def answer(arm: str, number: int) -> str:
        return f"{arm} {number}" + " indeed" * (arm == "tuned" and number % 2 == 1)

    more = [
        rated_sample(arm, 100 + n, answer(arm, n), f"g{n // 3}" if grouped else None)
        for arm in ("base", "tuned")
        for n in range(num_items)
    ]
    scorecard = rated_scorecard(folder, 0, more=more)
    return scorecard, judgements(scorecard)


def published(folder: Path, scorecard: Scorecard, ratings: list[Rating], judge: dict[str, Any]) -> Path:
    body = ScorecardBody(
        task="text", metric="rouge_l", num_items={}, arms=[], differences=[], forgetting=[], verdicts=[], max_loss=0.05,
        judge=Rated.model_validate(judge),
    )  # fmt: skip
    with publish(folder, Identity(KIND, 1, {}, {}, 0, {})) as staging:
        write_samples(staging / SAMPLES, scorecard.samples())
        write_judged(staging / JUDGE, HEAD, ratings)
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize("grouped", [False, True])
def test_the_judges_figures_come_out_again(tmp_path: Path, grouped: bool) -> None:
    scorecard, ratings = material(tmp_path / "card", 24, grouped=grouped)
    said = of_judge(Answered.of(scorecard), HEAD, ratings, ())
    assert said.judge is not None
    assert 0 < said.judge.turned < said.judge.pairs == 23
    assert (said.scores.keys(), len(said.differences), len(said.preferences)) == ({"accuracy", "tone"}, 2, 1)
    assert (said.left is None, said.longer is None) == (False, False)
    folder = published(tmp_path / "judged", scorecard, ratings, said.model_dump(mode="json"))
    assert Scorecard.open(folder).body.judge == said
    found = recheck(folder)
    assert (found.largest < TOLERANCE, found.unchecked) == (True, ())
    assert found.num_figures > 50


def test_judgements_that_were_edited_fail_their_hash(tmp_path: Path) -> None:
    scorecard, ratings = material(tmp_path / "card", 6)
    said = of_judge(Answered.of(scorecard), HEAD, ratings, ()).model_dump(mode="json")
    folder = published(tmp_path / "judged", scorecard, ratings, said)
    file = folder / JUDGE
    file.write_text(file.read_text(encoding="utf-8").replace('"value": 1', '"value": 5', 1), encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        recheck(folder)
    assert (caught.value.code, Path(caught.value.place.file).name) == ("artifact-damaged", JUDGE)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from leaves(inner, (*path, place))
    elif isinstance(value, int | float):
        yield path


@pytest.mark.thorough
def test_every_figure_that_is_off_by_a_millionth_is_found(tmp_path: Path) -> None:
    """All are changed at once, each by its own amount, and each must be told to be another than it was."""
    scorecard, ratings = material(tmp_path / "card", 9)
    answered = Answered.of(scorecard)
    said = of_judge(answered, HEAD, ratings, ()).model_dump(mode="json")
    bench = Bench(ratings, answered.samples, answered.seed)
    assert differing(said, bench) == set()
    changed, amounts = json.loads(json.dumps(said)), set()
    for number, path in enumerate(leaves(said), start=1):
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] += 1000 + number if isinstance(place[path[-1]], int) else number * 1e-6
        amounts.add(place[path[-1]])
    assert len(amounts) > 40
    assert differing(changed, bench) == amounts


def differing(judge: dict[str, Any], bench: Bench) -> set[float | None]:
    """What is said of figures that come out otherwise."""
    compared = judge_again(Rated.model_validate(judge), bench)
    return {
        said
        for _, said, found in compared
        if said != found and (said is None or found is None or abs(said - found) > TOLERANCE)
    }
