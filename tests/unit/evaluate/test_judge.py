"""Judges behind real HTTP: what they are asked, what of their replies counts, and biased ones unmasked."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from chat_server import ChatServer, serving
from pydantic import ValidationError
from rating_material import plain_answer, rated_scorecard, tasks_for
from scorecard_material import right
from scorecard_material import scorecard as scored

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.rated import Rated
from tunesmith.artifacts.ratings import JUDGE, read_with_head, write_judged
from tunesmith.engine.endpoint import Endpoint
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.evaluate.gate import Limits, gate
from tunesmith.evaluate.judge import Bench, choice_of, grades_of, judge
from tunesmith.evaluate.kept import open_kept
from tunesmith.evaluate.rated import Answered, of_judge
from tunesmith.metrics.wording import Words
from tunesmith.recipe import Evaluate, load_recipe
from tunesmith.recipe.judge import Judge
from tunesmith.report.ratings import rated_view
from tunesmith.runtime import Runtime

Reply = Callable[[dict[str, Any]], str]


@dataclass
class Told:
    """A progress that remembers."""

    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    total: int | None = None
    done: int = 0

    def begin(self, task: str, total: int | None) -> None:
        self.total = total

    def advance(self, steps: int = 1, **figures: float) -> None:
        self.done += steps

    def end(self) -> None: ...

    def say(self, key: str, level: str = "info", **parameters: object) -> None:
        self.said.append((key, parameters))


def evaluation(url: str, *, model: str = "judge-model", base: str = "builtin:tiny", **judge: Any) -> Any:
    """All that the judge looks at of an evaluation."""
    given = {"endpoint": {"url": url, "model": model, "parallel": 2}, **judge}
    section = Evaluate.model_validate({"judge": given}, strict=False)
    return SimpleNamespace(section=section, seed=0, base=SimpleNamespace(reference=base))


def judged(
    folder: Path, scorecard: Scorecard, server: ChatServer, progress: Told | None = None, **section: Any
) -> Rated:
    runtime = Runtime(folder, folder / "cache")
    with open_kept(folder / "answers" / "a.jsonl") as kept:
        samples = list(scorecard.samples())
        made = judge(evaluation(server.url, **section), samples, kept, runtime, progress or Told())  # type: ignore[arg-type]
    assert made is not None
    return of_judge(Answered.of(scorecard), *made, [])


def replying(reply: Reply) -> Callable[[str, str], str]:
    return lambda system, text: reply(json.loads(text))


def better(name: str) -> str:
    return json.dumps({"better": name})


def notes(rated: Rated) -> str:
    return "\n".join(rated_view(rated, Words("en")).notes)


def both_long(arm: str, number: int) -> str:
    """The tuned model's answer is the longer one on two of three items."""
    return f"{arm} {number}" + " indeed" * ((arm == "tuned") == (number % 3 > 0))


def test_one_that_always_prefers_the_first_answer_is_unmasked(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 20, both_long)
    with serving(replying(lambda said: better("first"))) as server:
        rated = judged(tmp_path, scorecard, server, asks=["pairs"])
    (preference,) = rated.preferences
    assert (preference.won, preference.lost, preference.ties) == (0, 0, 20)
    assert rated.judge is not None
    assert (rated.judge.turned, rated.judge.pairs) == (20, 20)
    assert "20 of 20 were judged otherwise once the answers had changed places" in notes(rated)
    assert "named in 100% of 20 pairs" in notes(rated)
    assert "goes by the place" in notes(rated)


def test_one_that_prefers_the_longer_answer_is_unmasked(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 21, both_long)
    with serving(replying(lambda said: better("first" if len(said["first"]) > len(said["second"]) else "second"))) as s:
        rated = judged(tmp_path, scorecard, s, asks=["pairs"])
    (preference,) = rated.preferences
    assert (preference.won, preference.lost, preference.ties) == (14, 7, 0)
    assert rated.judge is not None
    assert (rated.judge.turned, rated.left) == (0, None)
    assert "longer answer was preferred in 100% of 21" in notes(rated)
    assert "length may sway them" in notes(rated)


@pytest.mark.thorough
def test_one_that_guesses_contradicts_itself_and_leans_nowhere(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 60, both_long)

    def guess(said: dict[str, Any]) -> str:
        return better(random.Random(json.dumps(said)).choice(["first", "second"]))

    with serving(replying(guess)) as server:
        rated = judged(tmp_path, scorecard, server, asks=["pairs"])
    assert rated.judge is not None
    assert 18 < rated.judge.turned < 42
    (preference,) = rated.preferences
    assert preference.ties == rated.judge.turned
    assert preference.difference.low < 0 < preference.difference.high
    assert "goes by the place" not in notes(rated)
    assert "may sway" not in notes(rated)


def test_grades_and_what_it_is_asked(tmp_path: Path) -> None:
    said = {"base": 2, "tuned": 4}
    scorecard = rated_scorecard(tmp_path / "card", 5)

    def grade(asked: dict[str, Any]) -> str:
        assert set(asked) == {"conversation", "answer", "reference"}
        value = said[asked["answer"].split()[0]]
        return "<think>hm {}</think>\n" + json.dumps({"accuracy": value, "fluency": 5, "domain_fit": value})

    progress = Told()
    with serving(replying(grade)) as server:
        rated = judged(tmp_path, scorecard, server, progress, asks=["grades"])
    assert {arm: one.value for arm, one in rated.scores["accuracy"].items()} == {"base": 2.0, "tuned": 4.0}
    assert [(d.metric, d.mean) for d in rated.differences] == [("accuracy", 2.0), ("fluency", 0.0), ("domain_fit", 2.0)]
    assert (progress.total, progress.done, progress.said) == (10, 10, [])
    assert {body["temperature"] for body in server.bodies} == {0.0}
    system = server.bodies[0]["messages"][0]["content"]
    assert "right and complete" in system
    assert '{"accuracy": n, "fluency": n, "domain_fit": n}' in system


def test_a_rubric_of_ones_own_without_a_reference_in_the_language_of_the_item(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 2)
    with serving(replying(lambda said: json.dumps({"tone": 3 if "reference" not in said else 1}))) as server:
        rated = judged(tmp_path, scorecard, server, asks=["grades"], rubric={"tone": "1 rude, 5 calm"}, reference=False)
    assert rated.scores["tone"]["base"].value == 3.0
    assert "- tone: 1 rude, 5 calm" in server.bodies[0]["messages"][0]["content"]
    assert server.bodies[0]["messages"][0]["content"].startswith("You judge one answer")
    assert rated_view(rated, Words("zh")).dimensions == ("tone",)


REPLIES = [
    ('{"accuracy": 4, "fluency": 5}', {"accuracy": 4, "fluency": 5}),
    ('```json\n{"accuracy": 4, "fluency": 5}\n```', {"accuracy": 4, "fluency": 5}),
    *((text, None) for text in ("", "4", "[4, 5]", '{"accuracy": 4}', '{"accuracy": 4, "fluency": 5, "tone": 1}')),
    *((text, None) for text in ('{"accuracy": 4, "fluency": 6}', '{"accuracy": 4, "fluency": 4.0}')),
    *((text, None) for text in ('{"accuracy": 4, "fluency": true}', '{"accuracy": 4, "fluency": "5"}')),
    ('I think {"accuracy": 4, "fluency": 5}', None),
]


@pytest.mark.parametrize(("reply", "expected"), REPLIES)
def test_grades_are_read_strictly(reply: str, expected: dict[str, int] | None) -> None:
    assert grades_of(reply, ("accuracy", "fluency")) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('{"better": "first"}', "left"),
        ('{"better": "second"}', "right"),
        ('{"better": "tie"}', "tie"),
        *((text, None) for text in ('{"better": "left"}', '{"better": 1}', '{"better": ["first"]}', '"first"', "")),
        ('{"better": "first", "why": "it came first"}', None),
    ],
)
def test_a_choice_is_read_strictly(reply: str, expected: str | None) -> None:
    assert choice_of(reply) == expected


def test_replies_that_are_none_are_counted_apart(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 10)

    def grade(asked: dict[str, Any]) -> str:
        if asked["answer"].endswith(("1", "4")):
            return "It deserves a 5."
        return json.dumps({"accuracy": 3, "fluency": 3, "domain_fit": 3})

    progress = Told()
    with serving(replying(grade)) as server:
        rated = judged(tmp_path, scorecard, server, progress, asks=["grades"])
    assert rated.judge is not None
    assert rated.judge.unreadable == 4  # two items, two arms
    assert rated.scores["accuracy"]["tuned"].n == 8
    assert progress.said == [("say.judge-unreadable", {"count": 4, "total": 20})]
    assert "could not be read: 4" in notes(rated)


@pytest.mark.thorough
def test_one_that_was_stopped_is_asked_only_for_what_is_missing(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 20)
    with serving(replying(lambda said: better("tie"))) as server:
        whole = judged(tmp_path / "whole", scorecard, server, asks=["pairs"])
    asked: list[str] = []
    lock = threading.Lock()

    def stops(system: str, text: str) -> str:
        with lock:
            asked.append(text)
            return better("tie")

    # 40 orders go in rounds of 16; the third fails
    with serving(stops, failures=[0] * 32 + [401]) as server, suppress(RunFailed):
        judged(tmp_path / "part", scorecard, server, asks=["pairs"])
    num_first = len(asked)
    for reply in (tmp_path / "part" / "cache").rglob("*.json"):
        reply.unlink()  # what is kept is the evaluation's own
    with serving(stops) as server:
        found = judged(tmp_path / "part", scorecard, server, asks=["pairs"])
    assert num_first >= 32
    assert len(asked) - num_first == 8
    assert found.model_copy(update={"judge": None}) == whole.model_copy(update={"judge": None})


def test_a_reply_that_was_kept_is_about_that_answer_alone(tmp_path: Path) -> None:
    def grade(asked: dict[str, Any]) -> str:
        value = 5 if asked["answer"] else 1
        return json.dumps({"accuracy": value, "fluency": value, "domain_fit": value})

    def late(arm: str, number: int) -> str:
        """An endpoint that answered nothing in time."""
        return "" if arm == "tuned" else f"{arm} says {number}"

    # 20 answers go in rounds of 16: the first is kept, the second fails
    first, then = (
        rated_scorecard(tmp_path / name, 10, said) for name, said in (("first", late), ("then", plain_answer))
    )
    with serving(replying(grade), failures=[0] * 16 + [401]) as server, suppress(RunFailed):
        judged(tmp_path, first, server, asks=["grades"])
    shutil.rmtree(tmp_path / "cache")  # what is kept is the evaluation's own
    with serving(replying(grade)) as server:
        rated = judged(tmp_path, then, server, asks=["grades"])
    assert len(server.bodies) == 10 + 2
    assert {arm: one.value for arm, one in rated.scores["accuracy"].items()} == {"base": 5.0, "tuned": 5.0}


@pytest.mark.thorough
def test_a_judge_that_never_answers_in_time_fails_the_evaluation(tmp_path: Path) -> None:
    over = threading.Event()
    scorecard = rated_scorecard(tmp_path / "card", 1)

    def slow(system: str, text: str) -> str:
        over.wait(5)
        return ""

    with serving(slow) as server, open_kept(tmp_path / "a.jsonl") as kept:
        endpoint = Endpoint(
            server.url, "m", tmp_path, parallel=2, timeout_seconds=0.03, wait_seconds=0.01, counts_timeouts=True
        )
        section = evaluation(server.url).section.judge
        bench = Bench(section, endpoint, kept, lambda done: None, 0)
        with pytest.raises(RunFailed, match="endpoint-failed"):
            bench.replies("pairs", bench.tasks(scorecard.samples(), "pairs"))
        over.set()


@pytest.mark.parametrize(
    ("model", "base", "alike"),
    [
        ("qwen-max", "Qwen/Qwen2.5-0.5B", ["base", "tuned"]),
        ("gpt-4o", "Qwen/Qwen2.5-0.5B", ["large"]),
        ("deepseek-chat", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", ["base", "tuned"]),
        ("claude-x", "builtin:tiny", []),
    ],
)
def test_a_judge_of_the_same_family_is_named(tmp_path: Path, model: str, base: str, alike: list[str]) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 1, arms=("base", "tuned", "large"))
    progress = Told()
    with serving(replying(lambda said: better("tie"))) as server, open_kept(tmp_path / "a.jsonl") as kept:
        arms = ["base", "tuned", "large"]
        this = evaluation(server.url, model=model, base=base, asks=["pairs"], arms=arms)
        large = {"large": {"url": server.url, "model": "gpt-5-mini"}}
        section = this.section.model_copy(update={"endpoints": Evaluate.model_validate({"endpoints": large}).endpoints})
        this.section = section
        runtime = Runtime(tmp_path, tmp_path / "cache")
        made = judge(this, list(scorecard.samples()), kept, runtime, progress)  # type: ignore[arg-type]
    assert made is not None
    assert made[0].same_family == alike
    assert bool(progress.said) == bool(alike)
    write_judged(tmp_path / JUDGE, *made)
    head, ratings = read_with_head(tmp_path / JUDGE)
    assert (head.judge, ratings) == made
    assert ("same family" in notes(of_judge(Answered.of(scorecard), *made, []))) == bool(alike)


def test_the_hash_of_the_prompt_is_that_of_its_words(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 1)
    hashes = []
    with serving(replying(lambda said: better("tie"))) as server:
        for number, rubric in enumerate(({}, {}, {"tone": "calm"})):
            rated = judged(tmp_path / str(number), scorecard, server, asks=["pairs"], rubric=rubric)
            assert rated.judge is not None
            hashes.append(rated.judge.head.prompt)
    assert hashes[0] == hashes[1] != hashes[2]


def test_pairs_are_asked_in_both_orders(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 3)
    with serving(replying(lambda said: better("tie"))) as server:
        judged(tmp_path, scorecard, server, asks=["pairs"])
    asked = {tuple(json.loads(b["messages"][1]["content"])[n] for n in ("first", "second")) for b in server.bodies}
    expected = {tuple(s.answer for s in t.samples) for t in tasks_for(scorecard, "x", is_pairs=True)}
    assert asked == expected | {pair[::-1] for pair in expected}


def test_no_verdict_and_no_gate_rests_on_a_judge(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: x\nprepare: {sources: a.jsonl}\nevaluate:\n  metric: judge_accuracy\n"
        "  judge: {endpoint: {url: 'http://x/v1', model: m}}\n",
        encoding="utf-8",
    )
    with pytest.raises(TunesmithError) as caught:
        load_recipe(recipe)
    assert "evaluate.metric" in str(caught.value)
    assert "never decide alone" in str(caught.value)
    current = scored(tmp_path / "current", {"test": right(5, 10)}, metric="judge_accuracy")
    new = scored(tmp_path / "new", {"test": right(9, 10)}, metric="judge_accuracy")
    with pytest.raises(TunesmithError, match="gate-judge"):
        gate(new, current, Limits())


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"rubric": {"preference": "x"}}, "judge_rubric"),
        ({"arms": ["tuned"]}, "judge_arms"),
        ({"asks": []}, "too_short"),
    ],
)
def test_a_section_that_asks_for_nothing_sound_is_refused(section: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Judge.model_validate({"endpoint": {"url": "http://x/v1", "model": "m"}, **section})
    assert caught.value.errors()[0]["type"] == problem
    Judge.model_validate({"endpoint": {"url": "http://x/v1", "model": "m"}, "arms": ["tuned"], "asks": ["grades"]})
