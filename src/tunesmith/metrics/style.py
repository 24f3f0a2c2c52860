"""Rules of style, checked by the words of an answer: how it addresses the reader, how it speaks of itself, what it
must not say, and how long it is. What no rule can tell, such as irony, is for judges.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from tunesmith.metrics.case import Case, Scorer, each
from tunesmith.metrics.terms import WordFinder
from tunesmith.recipe.metrics import Style
from tunesmith.text.traditional import simplified

Rule = Callable[[str], bool]
"""Whether an answer keeps it."""
# ASCII: a Latin word may stand against Chinese without a space
_FLAGS: Final = re.IGNORECASE | re.ASCII
_INFORMAL_EN: Final = r"\b\w+n['’]t\b|\b\w+['’](?:re|ll|ve|m|d)\b|\b(?:it|that|there|here|what|who|he|she|let)['’]s\b"
_SLANG_EN: Final = r"\b(?:gonna|wanna|gotta|kinda|yeah|yep|nope|hey|ok|okay|thx)\b"
# 你 in 迷你 (mini) addresses nobody
_INFORMAL: Final = re.compile(rf"(?<!迷)你|妳|{_INFORMAL_EN}|{_SLANG_EN}", _FLAGS)
_FORMAL: Final = re.compile("您")
# 我国, 我方 and the like speak for a body; 自我 is the self
_I: Final = re.compile(r"(?<!自)我(?![们国方司校院市省军党])|俺|\b(?:i|me|my|mine|myself)\b", _FLAGS)
_WE: Final = re.compile(r"我们|咱|我[国方司校院市省军党]|\b(?:we|us|our|ours|ourselves)\b", _FLAGS)
# Roman numerals and US are written in capitals
_NO_PRONOUN: Final = re.compile(r"\bUS\b|\b(?:Part|Chapter|Type|Phase|Class) I\b|\bi\.e\.", re.ASCII)


def style_scorers(style: Style) -> dict[str, Scorer]:
    """`style`, whether every rule is kept, and each rule alone."""
    rules = _rules(style)
    scorers = {f"style_{name}": _scorer([rule]) for name, rule in rules.items()}
    return {"style": _scorer(list(rules.values())), **scorers}


def _scorer(rules: list[Rule]) -> Scorer:
    def score(case: Case) -> float:
        return float(all(rule(case.answer) for rule in rules))

    return each(score)


def _rules(style: Style) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    if style.formality is not None:
        wrong = _INFORMAL if style.formality == "formal" else _FORMAL
        rules["formality"] = lambda answer: wrong.search(answer) is None
    if style.person is not None:
        others = {"i": [_WE], "we": [_I], "none": [_I, _WE]}[style.person]
        rules["person"] = lambda answer: (
            not any(other.search(simplified(_NO_PRONOUN.sub("", answer))) for other in others)
        )
    if style.banned:
        finder = WordFinder(style.banned)
        rules["banned"] = lambda answer: not finder.find(answer)
    if style.min_characters is not None or style.max_characters is not None:
        least, most = style.min_characters or 0, style.max_characters
        rules["length"] = lambda answer: least <= len(answer) and (most is None or len(answer) <= most)
    return rules
