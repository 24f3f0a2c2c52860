"""Conversations that teach nothing: filters that the section `dialogue` asks for; all can be sent to other processes.

Turns out of order, a missing side and empty turns are refused without being asked (`prepare.checks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tunesmith.recipe.dialogue import Dialogue
from tunesmith.records import Example, Rejected
from tunesmith.text.normalise import normalise_answer
from tunesmith.text.tokens import words
from tunesmith.text.traditional import simplified

if TYPE_CHECKING:
    from tunesmith.prepare.checks import Check

_SIDES: Final = ("user", "assistant")
_PHRASES: Final = """
hello hi hey howdy greetings goodmorning goodafternoon goodevening goodday goodnight there everyone sir madam
howareyou imfine fine nicetomeetyou welcome thankyou thanks manythanks somuch verymuch alot thx youre
bye goodbye byebye seeyou later haveanice haveagood have agreat day evening weekend ok okay
你好 您好 大家好 早上好 上午好 中午好 下午好 晚上好 早安 晚安 早 嗨 哈喽 哈啰 喂 在吗 在不在 有人吗 有人在吗
请问 亲 先生 女士 谢谢 多谢 感谢 非常 太 您 你 了 啦 啊 呀 哦 嗯 好的 好 不客气 不用谢 没事 再见 拜拜 回见 回头见
很高兴为您服务 很高兴认识你 欢迎光临 欢迎 祝生活愉快 祝您生活愉快 祝 祝您
"""
_GREETINGS: Final = tuple(_PHRASES.split())


def dialogue_checks(section: Dialogue) -> tuple[Check, ...]:
    checks: list[Check] = [_REJECTS[name] for name in _REJECTS if name in section.reject]
    if section.max_repeats is not None:
        checks.append(partial(check_repeats, max_repeats=section.max_repeats))
    if section.min_side_share is not None:
        checks.append(partial(check_sides, min_share=section.min_side_share))
    return tuple(checks)


def check_words(example: Example) -> Example | Rejected:
    """Reject `wordless-turn`: a turn of punctuation, emoji or white space alone."""
    for index, message in enumerate(example.messages):
        if _is_judged(example) and message.role in _SIDES and not any(map(str.isalnum, message.content)):
            return _rejected(example, "wordless-turn", message.content.strip()[:20], index)
    return example


def check_greetings(example: Example) -> Example | Rejected:
    """Reject `only-greetings`: one side says nothing but hello, thanks and goodbye."""
    for side, texts in _said(example):
        if all(is_greeting(text) for text in texts):
            return _rejected(example, "only-greetings", side)
    return example


def check_repeats(example: Example, max_repeats: int) -> Example | Rejected:
    """Reject `repeated-turns`: one side says the same, but for case, width and punctuation, more than so often."""
    for side, texts in _said(example):
        (_, times), *_ = Counter(map(normalise_answer, texts)).most_common(1)
        if times > max_repeats:
            return _rejected(example, "repeated-turns", f"{side}: {times} > {max_repeats}")
    return example


def check_sides(example: Example, min_share: float) -> Example | Rejected:
    """Reject `one-sided`: a side has less than its share of the words (Chinese: characters) of both."""
    counts = {side: sum(len(words(text)) for text in texts) for side, texts in _said(example)}
    total = sum(counts.values())
    for side, count in counts.items():
        if count < min_share * total:
            return _rejected(example, "one-sided", f"{side}: {count} / {total}")
    return example


_REJECTS: Final[dict[str, Callable[[Example], Example | Rejected]]] = {
    "wordless": check_words,
    "only-greetings": check_greetings,
}


def is_greeting(text: str) -> bool:
    """Whether a text is nothing but greeting, thanks and goodbye, or has no word at all.

    >>> is_greeting("Hi there, thanks a lot!"), is_greeting("您好，在吗？"), is_greeting("Hi, where is my card?")
    (True, True, False)
    """
    squeezed = simplified("".join(words(text)))
    ends = {0}  # where a row of greetings from the beginning may end
    for place in range(len(squeezed)):
        if place in ends:
            ends.update(place + len(phrase) for phrase in _GREETINGS if squeezed.startswith(phrase, place))
        elif max(ends) < place:
            return False
    return len(squeezed) in ends


def _is_judged(example: Example) -> bool:
    """A label or a number says what the row is for, however short its text."""
    return example.label is None and example.target is None


def _said(example: Example) -> Iterator[tuple[str, list[str]]]:
    """By side, all that it says; nothing where the row is not judged."""
    for side in _SIDES if _is_judged(example) else ():
        yield side, [message.content for message in example.messages if message.role == side]


def _rejected(example: Example, reason: str, detail: str, index: int | None = None) -> Rejected:
    field = None if index is None else f"messages[{index}]"
    return Rejected(replace(example.place, field=field), reason, detail)
