"""Questions of the embedded base's own suite: what it can do before tuning, so that there is something to lose.

Left out is what only that base can know the wording of: who it is, topics, definitions, letters parted by hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from tools.general_suite.rows import Kind, Row, exact, form, number
from tools.tiny_base import suite
from tools.tiny_base.patterns import Language, names
from tools.tiny_base.suite import SuiteItem
from tunesmith.text.ngrams import ngrams
from tunesmith.text.tokens import words

# Of each skill so many questions a language, in the kind of the general suite that it is of.
TAKEN: tuple[tuple[str, Kind, int], ...] = (
    ("words", "language", 32),
    ("translation", "language", 14),
    ("arithmetic", "arithmetic", 20),
    ("comparison", "reasoning", 10),
    ("reasoning", "reasoning", 20),
    ("format", "format", 20),
)
# Facts that are about what words mean: opposites, kinds of things, colours, seasons.
_WORDS = re.compile("opposite|kind of thing|which group|colour|相反|反义|类|颜色|季节")
# Words of which more than one answer is right.
_AMBIGUOUS = re.compile(
    "refuse|quiet|wrong|big|bookcase|journey|marble|meat|阅读|容易|开着|van|speaker|account|body part|clothing|dolphin|"
    "blueberry|wedding|rainbow|cricket|kiwi|rice|蘑菇|身体部位|电子设备|衣物|药物|南瓜|嘴唇|小鸭子|建筑"
)
_MAX_WORDS = 20
_SPELLED = re.compile(r"\w(?:-\w)+")
_CALENDAR: dict[Language, tuple[tuple[str, ...], ...]] = {
    "en": (
        names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
        names("January February March April May June July August September October November December"),
    ),
    "zh": (
        names("星期一 星期二 星期三 星期四 星期五 星期六 星期日"),
        names("一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月"),
    ),
}
_YES_NO = {"yes", "no"}
_MOST_ALIKE = 0.8


def rows(language: Language) -> Iterator[tuple[Kind, Row]]:
    """A seeded choice of each skill, without questions that are nearly the same."""
    for skill, kind, num in TAKEN:
        pool = [item for item in suite.items() if item.language == language and _is_of(item, skill)]
        Random(f"known {skill} {language}").shuffle(pool)
        chosen: list[SuiteItem] = []
        for item in pool:
            if len(chosen) < num and all(_likeness(item, other) < _MOST_ALIKE for other in chosen):
                chosen.append(item)
        if len(chosen) < num:
            raise ValueError(f"{skill} in {language}: only {len(chosen)} of {num} questions")
        yield from ((kind, _row(item)) for item in chosen)


def _is_of(item: SuiteItem, skill: str) -> bool:
    if skill in ("words", "translation") and _AMBIGUOUS.search(f"{item.prompt} {item.answer}"):
        return False
    if skill == "words":
        return item.skill == "facts" and _WORDS.search(item.prompt) is not None and _core(item) not in item.prompt
    # nor what a parrot would get right
    is_said = item.skill == "arithmetic" and re.findall(r"\d+", item.prompt)[-1] == item.answer
    return item.skill == skill and not _SPELLED.fullmatch(item.answer) and not is_said


def _core(item: SuiteItem) -> str:
    """The answer without its article."""
    return min((item.answer, *item.aliases), key=len)


def _likeness(one: SuiteItem, other: SuiteItem) -> float:
    """The share of common runs of three words or characters (Jaccard)."""
    runs = [set(ngrams(words(item.prompt), 3)) for item in (one, other)]
    return len(runs[0] & runs[1]) / len(runs[0] | runs[1])


def _row(item: SuiteItem) -> Row:
    """With the check that lets the answer be said in a sentence, where the question names what may be chosen."""
    if item.skill == "arithmetic" or (item.skill == "reasoning" and item.answer.isdigit()):
        return number(item.prompt, int(item.answer))
    if item.skill == "facts":
        return form(item.prompt, item.answer, holds=[_core(item)], max_words=_MAX_WORDS)
    options = _options(item)
    if len(options) > 1:
        answer, *aliases = (one for one in (item.answer, *item.aliases) if one in options)
        return Row(item.prompt, answer, tuple(aliases), {"name": "choice", "options": sorted(options)})
    if item.skill == "format" and re.search("[,、]", item.answer):
        return form(item.prompt, item.answer, items=re.split(", |、", item.answer))
    return exact(item.prompt, item.answer, *item.aliases)


def _options(item: SuiteItem) -> set[str]:
    """What the question lets one choose from; nothing where it does not say."""
    if item.skill == "comparison":
        return _compared(item)
    if item.skill == "reasoning":
        return _deduced(item)
    if item.skill == "format" and not re.search("[,、]", item.answer):
        listed = re.split("[:：]", item.prompt)[-1].strip("?.？。 ")
        return set(re.split(", |、", listed))
    return set()


def _compared(item: SuiteItem) -> set[str]:
    """Two numbers, people or things."""
    if item.answer.isdigit():
        return set(re.findall(r"\d+", item.prompt))
    if item.language == "en":
        things = r"\b(?:the|an?) (?!smaller|bigger)(\w+)"
        return set(re.findall(things if item.aliases else r"(?<!^)\b[A-Z]\w+", item.prompt))
    if item.answer[0] in "小阿":
        return set(re.findall(r"[小阿]\w", item.prompt))
    sold = re.findall(r"元的(\w+?)(?=还是|？)", item.prompt)
    return set(sold or re.findall(r"^(?:请从)?(\w+?)跟(\w+?)[里比]", item.prompt)[0])


def _deduced(item: SuiteItem) -> set[str]:
    """Yes or no in English, a day or month that the question does not name, or one of three people."""
    if item.answer in _YES_NO:
        return _YES_NO
    for days in _CALENDAR[item.language]:
        if item.answer in days:
            return {day for day in days if day == item.answer or day not in item.prompt}
    people = set(re.findall(r"\b[A-Z][a-z]+|[小阿]\w", item.prompt)) - {"Who"}
    return people if item.answer in people else set()
