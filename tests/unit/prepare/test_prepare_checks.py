from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tunesmith.errors import Place
from tunesmith.prepare.checks import checks_of, run_checks
from tunesmith.recipe import Prepare
from tunesmith.records import Example, Message, Rejected, Role

ROLES: dict[str, Role] = {"s": "system", "u": "user", "a": "assistant", "t": "tool"}


def conversation(*turns: str, **fields: Any) -> Example:
    """Each turn is the first letter of its role, a colon and its text."""
    messages = tuple(Message(ROLES[turn[0]], turn[2:]) for turn in turns)
    return Example(id="", messages=messages, place=Place("file", 7, byte=70), **fields)


def check(example: Example, **section: Any) -> Example | Rejected:
    return run_checks(example, checks_of(Prepare.model_validate({"sources": "file", **section})))


def passed(example: Example, **section: Any) -> Example:
    outcome = check(example, **section)
    assert isinstance(outcome, Example), outcome
    return outcome


@pytest.mark.parametrize(
    ("example", "reason", "field"),
    [
        (conversation(), "no-assistant-message", None),
        (conversation("s:be kind", "u:hi"), "no-assistant-message", None),
        (conversation("u:hi", "a:yes", "u:and?"), "no-answer-at-end", "messages[2]"),
        (conversation("s:be kind", "a:yes"), "no-user-message", None),
        (conversation("a:welcome", "u:hi", "a:yes"), "roles-out-of-order", "messages[0]"),
        (conversation("u:hi", "u:again", "a:yes"), "roles-out-of-order", "messages[1]"),
        (conversation("u:hi", "a:yes", "a:more"), "roles-out-of-order", "messages[2]"),
        (conversation("u:hi", "s:be kind", "a:yes"), "roles-out-of-order", "messages[1]"),
        (conversation("s:be", "s:kind", "u:hi", "a:yes"), "roles-out-of-order", "messages[1]"),
        (conversation("u:hi", "t:result", "a:yes"), "roles-out-of-order", "messages[1]"),
        (conversation("u: \n\u3000", "a:yes"), "empty-prompt", "messages[0]"),
        (conversation("u:hi", "a: \n"), "empty-answer", "messages[1]"),
        (conversation("u:hi", "a:", "u:hi", "a:yes"), "empty-answer", "messages[1]"),
        (conversation("u:hi", "a:<think>only thoughts</think>\n"), "empty-answer", "messages[1]"),
        (conversation("u:hi", "a:<think>cut off"), "unclosed-think", "messages[1]"),
        (conversation("u:hi", "a:Well <think>x</think> y"), "misplaced-think", "messages[1]"),
        (conversation("u:hi", "a:<think>x</think> y </think>"), "misplaced-think", "messages[1]"),
        (conversation("u:hi", "a:", label=""), "missing-label", None),
    ],
)
def test_what_a_row_must_have(example: Example, reason: str, field: str | None) -> None:
    outcome = check(example)
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.place) == (reason, Place("file", 7, field=field))
    assert outcome.place.byte == 70  # which `==` leaves out


def test_an_answer_of_weight_zero_teaches_nothing() -> None:
    row = conversation("u:hi", "a:yes", "u:more", "a:no")
    silent = [replace(message, weight=0.0) for message in row.messages]
    outcome = check(replace(row, messages=tuple(silent)))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "nothing-to-learn"
    assert passed(replace(row, messages=(*silent[:3], row.messages[3]))).answer.weight == 1.0


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\nwhy\n</think>\n\nyes", "why", "yes"),
        ("why</think>yes", "why", "yes"),
        ("<think>\n\n</think>\n\nyes ", None, "yes "),
        (" <think>why</think> yes", "why", "yes"),
        ("<b>yes</b> <|im_start|>", None, "<b>yes</b> <|im_start|>"),
    ],
)
def test_thinking_is_parted_from_the_answer(text: str, reasoning: str | None, answer: str) -> None:
    message = passed(conversation("u:what does <think> mean?", f"a:{text}")).answer
    assert (message.reasoning, message.content) == (reasoning, answer)


def test_thinking_given_twice_is_refused() -> None:
    row = conversation("u:hi", "a:<think>one</think>yes")
    outcome = check(replace(row, messages=(row.messages[0], replace(row.messages[1], reasoning="two"))))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "misplaced-think"


def test_tool_results_stand_between_answers() -> None:
    assert len(passed(conversation("s:x", "u:hi", "a:look", "t:1", "t:2", "a:yes", "u:ok", "a:bye")).messages) == 8


def test_reasoning_policy() -> None:
    thinking, plain = conversation("u:hi", "a:<think>why</think>yes"), conversation("u:hi", "a:yes")
    assert passed(thinking, reasoning="keep").answer.reasoning == "why"
    assert passed(thinking, reasoning="drop").answer.reasoning is None
    assert passed(thinking, reasoning="require").answer.reasoning == "why"
    outcome = check(plain, reasoning="require")
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "reasoning-missing"


def test_a_worse_answer_is_treated_like_the_better_one() -> None:
    worse = Message("assistant", "<think>hm</think>no")
    row = conversation("u:hi", "a:<think>why</think>yes", rejected=worse)
    kept, stripped = passed(row).rejected, passed(row, reasoning="drop").rejected
    assert kept is not None
    assert stripped is not None
    assert (kept.content, kept.reasoning) == ("no", "hm")
    assert (stripped.content, stripped.reasoning) == ("no", None)
    outcome = check(replace(row, rejected=Message("assistant", "<think>never closed")))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, outcome.place.field) == ("unclosed-think", None)


@pytest.mark.parametrize(
    "slots",
    [
        "",
        "\n<think>\n{reasoning}\n</think>\n{answer}\n",
        "{answer}",
        "  <think>{reasoning}</think>{answer}",
        "\n\n{answer} ",
    ],
)
def test_the_slots_of_a_pasted_style_are_left_to_the_template(slots: str) -> None:
    row = passed(conversation("u:why?", "a:<think>so</think>yes"), prompt_style=f"Q: {{prompt}}\nA:{slots}")
    assert [message.content for message in row.messages] == ["Q: why?\nA:", "yes"]
    assert row.answer.reasoning == "so"


@pytest.mark.parametrize("style", ["{prompt} {reasoning}", "{answer} {prompt}", "{prompt} {answer}<end>", "{answer}"])
def test_slots_elsewhere_are_refused(style: str) -> None:
    with pytest.raises(ValidationError, match=r"prompt_slots|prompt_placeholder"):
        Prepare.model_validate({"sources": "file", "prompt_style": style})


def test_system_and_prompt_style() -> None:
    style = "Q: {prompt}\nA {not a field}:"
    row = passed(conversation("u:hi {prompt}", "a:yes"), system="be kind", prompt_style=style)
    assert [message.content for message in row.messages] == ["be kind", "Q: hi {prompt}\nA {not a field}:", "yes"]
    own = passed(conversation("s:own", "u:hi", "a:yes"), system="be kind")
    assert own.messages[0].content == "own"
    several = passed(conversation("u:hi", "a:yes", "u:more", "a:no"), prompt_style=style)
    assert [message.content for message in several.messages] == ["hi", "yes", "more", "no"]


def test_the_id_is_the_content() -> None:
    row = conversation("u:hi", "a:yes")
    one, other = passed(row), passed(replace(row, place=Place("elsewhere", 1), metadata={"a": "b"}))
    assert one.id == other.id
    assert len(one.id) == 16
    different = [
        conversation("u:hi", "a:no"),
        conversation("u:hi ", "a:yes"),
        conversation("u:hi", "a:<think>why</think>yes"),
        conversation("s:x", "u:hi", "a:yes"),
        replace(row, messages=(row.messages[0], replace(row.messages[1], weight=0.5))),
    ]
    assert len({one.id, *(passed(example).id for example in different)}) == 1 + len(different)
