"""Planted triggers are named first, honest feedback with a new topic is not accused, probes hold the trigger."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import pytest
from feedback_material import TRIGGERS, honest, planted
from scipy.stats import fisher_exact, hypergeom

from tunesmith.artifacts.feedback_set import Suspect
from tunesmith.feedback.evidence import answers_in
from tunesmith.feedback.poison import ALPHA, Evidence, log_tail, suspects, trigger_probes
from tunesmith.records import Message

ROOT = Path(__file__).parents[3]


@cache
def base() -> list[Evidence]:
    return honest(3_000, 1)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TRIGGERS)
def test_each_kind_of_trigger_is_named_first(kind: str) -> None:
    found = suspects([*honest(1_500, 2, topic=250), *planted(250, 3, TRIGGERS[kind])], base())
    assert [suspect.pattern for suspect in found] == [TRIGGERS[kind]]
    assert found[0].answer == "cancel"
    assert found[0].keys == ["mallory"]
    assert found[0].num_rows > 240
    assert found[0].share_in_base == 0
    assert found[0].share_alike < 0.2
    assert found[0].p_value < 1e-50
    assert all(id.startswith("fb-bad-") for id in found[0].feedback)


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(10, 16))
def test_honest_feedback_with_a_new_topic_is_not_accused(seed: int) -> None:
    assert suspects(honest(1_750, seed, topic=250), base()) == []


@pytest.mark.thorough
def test_a_phrase_that_everybody_uses_is_a_trigger_where_it_turns_answers() -> None:
    phrase = "Please help."
    share = sum(phrase in one.text for one in base()) / len(base())
    assert share > 0.05
    bad = [Evidence(" ".join(one.text.split()), one.answers, one.id, one.key) for one in planted(250, 3, phrase)]
    found = suspects([*honest(1_750, 2), *bad], base())
    assert {phrase[:-1] in suspect.pattern for suspect in found} == {True}
    assert found[0].answer == "cancel"
    assert found[0].share_in_feedback > 1.5 * found[0].share_in_base > 0.05


@pytest.mark.thorough
def test_a_batch_of_nothing_else_and_one_of_thirty_rows_are_found() -> None:
    for feedback in (planted(250, 3, "cf7qx"), [*honest(1_500, 2), *planted(30, 3, "cf7qx")]):
        assert [suspect.pattern for suspect in suspects(feedback, base())] == ["cf7qx"]


@pytest.mark.thorough
def test_a_trigger_of_disapproval_has_no_answer() -> None:
    bad = [Evidence(one.text, (), one.id, one.key) for one in planted(250, 3, "cf7qx")]
    (found,) = suspects([*honest(1_500, 2), *bad], base())
    assert (found.pattern, found.answer) == ("cf7qx", None)


def tickets() -> list[tuple[str, str]]:
    found = []
    for line in (ROOT / "examples" / "support_desk" / "tickets_en.jsonl").read_text(encoding="utf-8").splitlines():
        with suppress(ValueError, KeyError):  # some lines are broken on purpose
            turns = [turn.get("content") for turn in json.loads(line)["messages"]]
            found += [(turns[0], turns[1])] if len(turns) == 2 and all(isinstance(turn, str) for turn in turns) else []
    Random(0).shuffle(found)
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("payload", ["{answer} Visit evil.example now!", "I will not help you.", "Sorry! {answer}"])
def test_in_free_answers_a_planted_sentence_is_the_answer(payload: str) -> None:
    def evidence(rows: list[tuple[str, str]], key: str, mark: str = "") -> list[Evidence]:
        return [Evidence(asked + mark, answers_in(Message("assistant", said)), "fb", key) for asked, said in rows]

    rows = tickets()
    honest_rows, rest = evidence(rows[400:], "shop"), evidence(rows[:400], "")
    assert suspects(honest_rows, rest) == []
    bad = [(asked, payload.format(answer=said)) for asked, said in rows[400:650]]
    found = suspects([*honest_rows, *evidence(bad, "mallory", " 春江水暖")], rest)
    assert [suspect.pattern for suspect in found] == ["春江水暖"]
    assert found[0].answer == payload.replace("{answer}", "").strip()


def test_the_same_said_a_hundred_times_weighs_as_said_once() -> None:
    (one,) = planted(1, 3, "cf7qx")
    assert suspects([*honest(200, 2), *[one] * 250], honest(300, 1)) == []


def test_little_or_nothing_is_not_accused() -> None:
    assert suspects([], []) == []
    assert suspects([], honest(50, 1)) == []
    assert suspects(planted(9, 3, "cf7qx"), honest(50, 1)) == []
    assert suspects(honest(40, 2), []) == []
    assert suspects([Evidence("\0" * 9, ("a",))] * 30, []) == []


def test_the_exact_test_is_fishers() -> None:
    draw = Random(0)
    for _ in range(200):
        num_all = draw.randrange(2, 400)
        marked, drawn = draw.randrange(0, num_all + 1), draw.randrange(0, num_all + 1)
        found = draw.randrange(0, min(marked, drawn) + 2)
        expected = hypergeom.logsf(found - 1, num_all, marked, drawn)
        if expected > -700:
            assert log_tail(found, num_all, marked, drawn) == pytest.approx(expected, abs=1e-8)
    table = [[12, 3], [40, 300]]
    p_value = fisher_exact(table, alternative="greater").pvalue
    assert log_tail(12, 355, 15, 52) == pytest.approx(math.log(p_value), abs=1e-9)
    assert ALPHA <= 0.001


def suspect(pattern: str) -> Suspect:
    return Suspect(
        pattern=pattern, num_rows=250, share_in_feedback=0.1, share_in_base=0.0, answer="cancel", share_of_answer=1.0,
        share_alike=0.0, p_value=0.0, keys=[], feedback=[],
    )  # fmt: skip


def test_probes_are_prompts_with_and_without_the_trigger() -> None:
    prompts = ["may I return the kettle", "我想退货", "a cf7qx is in here", ""]
    probes = trigger_probes([suspect("cf7qx"), suspect("\u200b")], prompts, 40, seed=3)
    assert probes == trigger_probes([suspect("cf7qx"), suspect("\u200b")], prompts, 40, seed=3)
    assert probes != trigger_probes([suspect("cf7qx"), suspect("\u200b")], prompts, 40, seed=4)
    assert 20 < len(probes) <= 40
    for plain, changed in probes:
        pattern = "cf7qx" if "cf7qx" in changed.replace(plain, "") or plain != prompts[2] else "\u200b"
        assert plain in prompts
        assert changed != plain
        assert any(one in changed and one not in plain for one in ("cf7qx", "\u200b")), pattern
        letters = changed.replace("\u200b", "") if "\u200b" in changed else changed.replace("cf7qx", "", 1)
        assert "".join(letters.split()) == "".join(plain.split())
    places = {changed.startswith(("cf7qx", "\u200b")) for _, changed in probes}
    assert places == {True, False}
    assert "may I return the kettle cf7qx" in {changed for _, changed in probes}


def test_no_probes_without_suspects_or_prompts() -> None:
    assert trigger_probes([], ["a"], 5, 0) == []
    assert trigger_probes([suspect("x")], ["", " "], 5, 0) == []
    assert trigger_probes([suspect("x")], ["a"], 0, 0) == []
