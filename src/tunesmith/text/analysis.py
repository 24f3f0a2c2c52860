"""Words of a text, for counting and looking at; what a model learns from is never cut up."""

from __future__ import annotations

import re

from tunesmith.text.tokens import HAN

_RUN = re.compile(rf"[{HAN}]+|[^\W{HAN}]+(?:['’][^\W{HAN}]+)*")
_HAN = re.compile(f"[{HAN}]")


def segment(text: str) -> list[str]:
    """The words in order, without punctuation: Chinese cut by jieba's dictionary, other scripts at what is no letter.

    >>> segment("我的 iPhone 不能充电，it's dead.")
    ['我', '的', 'iPhone', '不能', '充电', "it's", 'dead']
    """
    import rjieba

    words: list[str] = []
    for run in _RUN.findall(text):
        words += rjieba.cut(run) if _HAN.match(run) else [run]
    return words
