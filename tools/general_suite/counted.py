"""Sums and small word problems, drawn by a seed."""

from __future__ import annotations

from random import Random

from tools.general_suite.rows import Row, number
from tools.tiny_base.patterns import Language

_NUM_OF_EACH = 4
_TEXTS: dict[Language, tuple[str, str, str, str, str]] = {
    "en": (
        "What is {a} + {b} - {c}? Answer with the number only.",
        "What is {a} x {b} + {c}? Give one number.",
        "There are {a} boxes with {b} pens each, and {c} more pens lie beside them. How many pens are there in all?",
        "{a} euros are shared equally among {b} people. How many euros does each of them get?",
        "A coat costs {a} euros. Its price is reduced by {b} percent. What is the new price in euros?",
    ),
    "zh": (
        "{a}+{b}-{c}等于多少？只答数字。",
        "请算出{a}×{b}+{c}的结果，只写一个数。",
        "有{a}盒铅笔，每盒装{b}支，盒子外面还有{c}支。一共有多少支铅笔？",
        "把{a}元平均分给{b}个人，每个人分到多少元？",
        "一件外套标价{a}元，现在降价百分之{b}出售，新的价格是多少元？",
    ),
}


def rows(language: Language) -> tuple[Row, ...]:
    """No number in two questions of one form."""
    rng = Random(f"counted {language}")
    found: list[Row] = []
    for place, text in enumerate(_TEXTS[language]):
        seen: set[int] = set()
        while len(found) < (place + 1) * _NUM_OF_EACH:
            a, b, c, answer = _drawn(place, rng)
            if seen.isdisjoint((a, b, c or a)):
                seen |= {a, b, c}
                found.append(number(text.format(a=a, b=b, c=c), answer))
    return tuple(found)


def _drawn(place: int, rng: Random) -> tuple[int, int, int, int]:
    """Three numbers and the answer to the question at this place."""
    if place == 0:
        a, b = rng.randint(100, 900), rng.randint(11, 99)
        c = rng.randint(11, a)
        return a, b, c, a + b - c
    if place in (1, 2):
        a, b, c = rng.randint(3, 19), rng.randint(4, 24), rng.randint(2, 60)
        return a, b, c, a * b + c
    if place == 3:
        b, each = rng.randint(3, 12), rng.randint(7, 60)
        return b * each, b, 0, each
    b = rng.choice((10, 20, 25, 40, 50, 75))
    a = 20 * rng.randint(2, 40)
    return a, b, 0, a - a * b // 100
