"""Thirty answers as models write them, and what they mean."""

from __future__ import annotations

import pytest

from tunesmith.chat import parse_answer

CASES = [
    # text, prefilled, reasoning, answer, thinking
    ("<think>\nsteps\n</think>\n\nanswer", False, "steps", "answer", "closed"),
    ("<think>steps</think>answer", False, "steps", "answer", "closed"),
    ("  <think>\nsteps\n</think>\nanswer \n", False, "steps", "answer", "closed"),
    ("steps\n</think>\n\nanswer", True, "steps", "answer", "closed"),
    ("steps\n</think>\n\nanswer", False, "steps", "answer", "closed"),
    ("<think>\nsteps\n</think>\n\nanswer", True, "steps", "answer", "closed"),
    ("<think>\n\n</think>\n\nanswer", False, "", "answer", "closed"),
    ("\n</think>\n\nanswer", True, "", "answer", "closed"),
    ("</think>answer", False, "", "answer", "closed"),
    ("<think>\nsteps\n</think>", False, "steps", "", "closed"),
    ("</think>", True, "", "", "closed"),
    ("<think></think>", False, "", "", "closed"),
    ("<think>\nsteps that never", False, "steps that never", "", "truncated"),
    ("steps that never", True, "steps that never", "", "truncated"),
    ("<think>", False, "", "", "truncated"),
    ("<think>", True, "", "", "truncated"),
    ("", True, "", "", "truncated"),
    ("   \n ", True, "", "", "truncated"),
    ("", False, None, "", "none"),
    ("  \n", False, None, "", "none"),
    ("answer", False, None, "answer", "none"),
    ("\n answer in\n\ntwo lines \n", False, None, "answer in\n\ntwo lines", "none"),
    ("a < b and <thinking> is no tag", False, None, "a < b and <thinking> is no tag", "none"),
    ("answer that mentions <think> later", False, None, "answer that mentions <think> later", "none"),
    # the first closing tag splits; what follows it is the answer, tags and all
    ("<think>a</think>b</think>c", False, "a", "b</think>c", "closed"),
    ("<think>a<think>b</think>c</think>d", False, "a<think>b", "c</think>d", "closed"),
    ("<think>a</think><think>b</think>c", False, "a", "<think>b</think>c", "closed"),
    ("<think>\n先数苹果，再数梨。\n</think>\n\n一共八个。", False, "先数苹果，再数梨。", "一共八个。", "closed"),
    ("先数苹果\n</think>\n\n三个", True, "先数苹果", "三个", "closed"),
    ("　一共八个。　", False, None, "一共八个。", "none"),
]


@pytest.mark.parametrize(("text", "prefilled", "reasoning", "answer", "thinking"), CASES)
def test_what_an_answer_means(text: str, prefilled: bool, reasoning: str | None, answer: str, thinking: str) -> None:
    parsed = parse_answer(text, prefilled=prefilled)
    assert (parsed.message.role, parsed.message.reasoning, parsed.message.content) == ("assistant", reasoning, answer)
    assert parsed.thinking == thinking


def test_there_are_thirty() -> None:
    assert len(CASES) == len({case[:2] for case in CASES}) == 30
