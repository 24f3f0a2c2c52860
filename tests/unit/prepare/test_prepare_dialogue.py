"""Conversations that teach nothing, each kind planted among good ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from least_time import least_seconds

from tunesmith.errors import Place
from tunesmith.prepare.checks import checks_of, run_checks
from tunesmith.prepare.dialogue import is_greeting
from tunesmith.recipe import Prepare
from tunesmith.records import Example, Message, Rejected

ALL = {"reject": ["only-greetings", "wordless"], "max_repeats": 2, "min_side_share": 0.05}


def chat(*turns: str, **fields: Any) -> Example:
    """The user begins, then in turn."""
    messages = tuple(Message("assistant" if number % 2 else "user", turn) for number, turn in enumerate(turns))
    return Example(id="", messages=messages, place=Place("file", 7, byte=70), **fields)


def outcome(example: Example, dialogue: dict[str, Any]) -> Example | Rejected:
    return run_checks(example, checks_of(Prepare.model_validate({"sources": "file", "dialogue": dialogue})))


BAD = [
    (chat("你好", "您好！请问有什么可以帮您？"), "only-greetings"),
    (chat("您好，在吗？", "在的，请讲。", "谢谢，再见！", "祝您投资顺利。"), "only-greetings"),
    (chat("Hi there!", "Hello, what can I do for you?", "Thanks a lot, bye", "Bye!"), "only-greetings"),
    (chat("我的基金怎么赎回？", "您好！"), "only-greetings"),
    (chat("我的基金怎么赎回？", "……"), "wordless-turn"),
    (chat("？？？", "请描述您的问题。"), "wordless-turn"),
    (chat("到账了吗？", "请稍等。", "多久？", "请稍等", "还要多久？", "请稍等！", "喂", "好了。"), "repeated-turns"),
    (chat("Why?", "Because of one.", "why", "Because of two.", "WHY?", "Because of three."), "repeated-turns"),
    (chat("这份合同的全部条款请逐条解释：" + "第一条甲方应按约定支付货款。" * 20, "好的，是。"), "one-sided"),
]
GOOD = [
    chat("你好，请问基金怎么赎回？", "您好，请在持仓页面点击赎回。", "谢谢", "不客气，再见！"),
    chat("Hello, where is my card?", "It left on Monday.", "Thanks!", "You are welcome."),
    chat("2+2?", "4"),
    chat("净利润是多少？", "12.3亿元。", "营业收入呢？", "40亿元。", "净利润同比呢？", "增长8%。"),
]


@pytest.mark.parametrize(("example", "reason"), BAD)
def test_what_teaches_nothing_is_rejected_only_when_asked(example: Example, reason: str) -> None:
    found = outcome(example, ALL)
    assert isinstance(found, Rejected)
    assert found.reason == reason
    assert (found.place.line, found.place.byte) == (7, 70)
    assert isinstance(outcome(example, {}), Example)


@pytest.mark.parametrize("example", GOOD)
def test_good_conversations_pass(example: Example) -> None:
    assert isinstance(outcome(example, ALL), Example)


@pytest.mark.parametrize("example", [example for example, _ in BAD])
def test_rows_with_a_label_or_a_number_are_left_alone(example: Example) -> None:
    for fields in ({"label": "greeting"}, {"target": 1.0}):
        assert isinstance(outcome(chat(*(turn.content for turn in example.messages), **fields), ALL), Example)


def test_how_often_is_too_often() -> None:
    example = chat("a1", "same", "a2", "same", "a3", "same")
    assert isinstance(outcome(example, {"max_repeats": 3}), Example)
    assert isinstance(outcome(example, {"max_repeats": 2}), Rejected)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        *(
            ("Good morning, sir!", True),
            ("thx 👍", True),
            ("早上好呀～", True),
            ("多谢您了", True),
            ("謝謝您，再見！", True),
            ("👋", True),
        ),
        *(("his", False), ("hit", False), ("okay then refund it", False), ("你好吗啡", False), ("早盘走势", False)),
    ],
)
def test_greetings(text: str, is_one: bool) -> None:
    assert is_greeting(text) is is_one


@pytest.mark.thorough
def test_a_greeting_said_a_thousand_times_is_judged_at_once() -> None:
    for text, expected in (("你好" * 1_000, True), ("你好" * 1_000 + "退款", False), ("byebye" * 1_000 + "x", False)):
        assert is_greeting(text) is expected
        assert least_seconds(partial(is_greeting, text), 0.3) < 0.3
