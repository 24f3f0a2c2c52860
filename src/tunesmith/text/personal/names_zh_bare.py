"""Chinese names with no title and no word for a person beside them, judged by a sum of weights.

jieba cuts the text into words. A place where a surname may begin is described by the surname, the characters of the
given name, how the words fall there and what words stand on both sides; each description has a weight, fitted by
logistic regression (`python -m tools.fit_names_zh`), and where the sum is above a threshold there is a name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Final

from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words import lines
from tunesmith.text.personal.words_zh import (
    AFTER,
    ALSO_PARTICLES,
    BEFORE,
    COMMON_SURNAMES,
    COMPOUND_SURNAMES,
    DONE_AS_PERSONS,
    DONE_TO,
    FREQUENT_CHARACTERS,
    GIVEN_CHARACTERS,
    GIVEN_WORDS,
    NEVER_GIVEN,
    NEVER_NAMES,
    PERSON_WORDS,
    SURNAMES,
)


def everyday_characters() -> str:
    """The 3,755 characters of GB 2312 level 1; one that is none of them stands in few words, but in many names."""
    codes = (bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return b"".join(codes).decode("gb2312", "ignore")


def _class_of_given(character: str, everyday: frozenset[str]) -> str:
    is_frequent = character in FREQUENT_CHARACTERS
    if character in GIVEN_CHARACTERS:
        return "F" if is_frequent else "N"
    if character not in everyday:
        return "R"
    return "X" if is_frequent else "O"


def _class_of_surname(surname: str) -> str:
    if len(surname) == 2:
        return "double"
    if surname in ALSO_PARTICLES:
        return "particle"
    return ("common" if surname in COMMON_SURNAMES else "other") + ("+" if surname in FREQUENT_CHARACTERS else "")


GIVEN: Final = rf"[^\W\d_\x00-\u3fff\ua000-\uffff{NEVER_GIVEN}]"
SURNAME: Final = f"(?:{'|'.join(sorted(COMPOUND_SURNAMES))}|[{''.join(sorted(SURNAMES))}])"
_EVERYDAY: Final = frozenset(everyday_characters())
_GIVEN_CLASS: Final = {
    character: _class_of_given(character, _EVERYDAY)
    for character in map(chr, range(0x4E00, 0xA000))
    if character not in NEVER_GIVEN
}
_SURNAME_CLASS: Final = {surname: _class_of_surname(surname) for surname in SURNAMES | COMPOUND_SURNAMES}
_FIRST: Final = frozenset(surname[0] for surname in _SURNAME_CLASS)
_HINT: Final = re.compile(f"[{''.join(sorted(_FIRST))}]")
_ACTS: Final = re.compile(DONE_AS_PERSONS)
_HAN: Final = frozenset(map(chr, range(0x4E00, 0xA000)))
_NOT_BEFORE: Final = _HAN - frozenset(BEFORE)
_NOT_AFTER: Final = _HAN - frozenset(AFTER)
_UNLISTED: Final = frozenset("NOR")
"""Classes of characters that may be surnames in no list: those that are in few words."""
_THRESHOLD: Final = 0.0
_MOST_AROUND: Final = 6.0
"""What all around a name may add to its score: where more would be needed the text is not cut into words."""
_MOST_BESIDE: Final = 4.5
"""What the words before and after may add."""
_MOST_OF_WORDS: Final = 1.0
"""What the words that a name is made of may add."""
_ENOUGH_ALONE: Final = -1.25
"""What a name must be worth where the characters on both sides speak for none."""
_BACKWARD: Final = 6
_FORWARD: Final = 16
"""How many characters before and after a place are cut into words together."""
_LONGEST_WORD: Final = 4
_NEVER_LAST: Final = frozenset("和之以性")
"""Characters that end no name in running text."""
_LONGEST_NAME: Final = 4

Place = tuple[int, int, int]
"""Where a name would start, its given name would start, and it would stop."""


class Words:
    """Where the words around a place begin and end; what was cut serves later places as long as it reaches far enough.

    Only a stretch is cut, so that the time does not grow with the length of a run of Chinese characters.
    """

    __slots__ = ("_cut", "_far_enough", "_text", "starts", "stops")

    def __init__(self, text: str) -> None:
        import rjieba

        self._cut: Callable[[str], list[str]] = rjieba.cut
        self._text = text
        self._far_enough = 0
        self.stops: dict[int, int] = {}
        """By start."""
        self.starts: dict[int, int] = {}
        """By stop."""

    def cut_around(self, place: int) -> None:
        """Cut the stretch around a place, which is not before that of the last call."""
        if place < self._far_enough:
            return
        start, stop = max(0, place - _BACKWARD), place + _FORWARD
        self._far_enough = stop - 2 * _LONGEST_WORD
        cuts = list(accumulate(map(len, self._cut(self._text[start:stop])), initial=start))
        self.stops = dict(pairwise(cuts))
        self.starts = dict(zip(cuts[1:], cuts, strict=False))


def find_bare_names(text: str, rare_places: Sequence[int]) -> Iterator[Span]:
    """Find names by what they are made of and the words around; of those that overlap, the likeliest.

    `rare_places` are those of characters in few words: there a name may begin with a surname in no list.
    """
    found: list[tuple[float, Place]] = []
    words = Words(text)
    for hint in _likely_hint().finditer(text):
        start = hint.start()
        for score, middle, stop in _hopeful(text[start : start + _LONGEST_NAME]):
            place = (start, start + middle, start + stop)
            if score > _ENOUGH_ALONE or _fits(text, place):
                words.cut_around(start)
                found.append((_score(text, words, place, score), place))
    if rare_places:
        words = Words(text)
        found += ((_score(text, words, place, score), place) for score, place in _unlisted(text, words, rare_places))
    taken: list[Place] = []
    for score, place in sorted(found, key=lambda item: (-item[0], item[1])):
        if score <= _THRESHOLD:
            break
        after = bisect_left(taken, place[2], key=itemgetter(0))
        if not after or taken[after - 1][2] <= place[0]:
            taken.insert(after, place)
    yield from (Span(start, stop, "name") for start, _, stop in taken)


def _fits(text: str, place: Place) -> bool:
    """Whether a name may stand between the characters on both sides, as far as one of them tells."""
    start, _, stop = place
    if start == 0 or text[start - 1] not in _NOT_BEFORE or stop == len(text):
        return True
    return text[stop] not in _NOT_AFTER or _ACTS.match(text, stop) is not None


def named_places(text: str, rare_places: Sequence[int]) -> Iterator[tuple[Words, Place]]:
    """Yield every place that may hold a name, however unlikely, with the words around: what weights are fitted on."""
    words = Words(text)
    for match in _HINT.finditer(text):
        words.cut_around(match.start())
        yield from ((words, (match.start(), middle, stop)) for _, middle, stop in _names_at(text, match.start()))
    words = Words(text)
    yield from ((words, place) for _, place in _unlisted(text, words, rare_places))


@lru_cache(maxsize=65_536)
def _hopeful(window: str) -> tuple[tuple[float, int, int], ...]:
    """What the names that characters may begin with are worth, without those that nothing around could make a name."""
    return tuple(item for item in _names_at(window, 0) if item[0] + _MOST_AROUND > _THRESHOLD)


def _names_at(text: str, start: int) -> Iterator[tuple[float, int, int]]:
    """Yield for each name that may begin at a place its worth, and where its given name begins and stops."""
    for middle in (start + 1, start + 2):
        surname = text[start:middle]
        if surname in _SURNAME_CLASS:
            for stop in range(middle + 1, min(middle + 2, len(text)) + 1):
                score = score_of_name(surname, text[middle:stop])
                if score is not None:
                    yield score, middle, stop


@lru_cache(maxsize=1)
def _likely_hint() -> re.Pattern[str]:
    """A first character of a surname, before characters that are worth a look as a given name.

    Whether they are follows from the weights of their classes alone, so that one pattern leaves out most of a text.
    """
    weights = _weights()
    given = [name.removeprefix("given ") for name in weights if name.startswith("given ")]
    branches = []
    for kind in sorted(set(_SURNAME_CLASS.values())):
        least = _THRESHOLD - _MOST_AROUND - _MOST_OF_WORDS - weights["bias"] - weights.get(f"surname {kind}", 0.0)
        likely = {classes[0] for classes in given if weights[f"given {classes}"] > least}
        surnames = "".join(sorted({surname[0] for surname, of in _SURNAME_CLASS.items() if of == kind}))
        characters = "".join(sorted(character for character, of in _GIVEN_CLASS.items() if of in likely))
        branches.append(f"(?<=[{surnames}])(?=[{characters}])" if characters else "(?!)")
    return re.compile(f"[{''.join(sorted(_FIRST))}](?:{'|'.join(branches)})")


def _unlisted(text: str, words: Words, rare_places: Sequence[int]) -> Iterator[tuple[float, Place]]:
    """Words of two or three characters, one of them rare, that jieba only supposes."""
    done = 0
    for rare in rare_places:
        if rare < done:
            continue
        words.cut_around(rare)
        start = max(begin for begin in range(max(0, rare - _LONGEST_WORD), rare + 1) if begin in words.stops)
        stop = done = words.stops[start]
        surname = text[start]
        if 2 <= stop - start <= 3 and surname not in SURNAMES and _GIVEN_CLASS.get(surname) in _UNLISTED:
            score = None if is_in_dictionary(text[start:stop]) else score_of_name(surname, text[start + 1 : stop])
            if score is not None:
                yield score, (start, start + 1, stop)


def _score(text: str, words: Words, place: Place, score: float) -> float:
    """Add the weights of what is around to the score of the name itself, as long as it can reach the threshold."""
    score += _weights().get("words " + how_words_fall(text, words, place), 0.0)
    if score + _MOST_BESIDE >= _THRESHOLD:
        score += _worth_before(*_before(text, words, place[0]))
        score += _worth_after(*_after(text, words, place[2]))
    return score


def score_of_name(surname: str, given: str) -> float | None:
    """Return what the characters of a name say for it; None for words, and where one is in no given name."""
    if surname + given in NEVER_NAMES or given in PERSON_WORDS or given[-1] in _NEVER_LAST:
        return None
    if not all(character in _GIVEN_CLASS for character in given):
        return None
    weights = _weights()
    return weights.get("bias", 0.0) + sum(weights.get(name, 0.0) for name in describe_name(surname, given))


def describe_name(surname: str, given: str) -> list[str]:
    """Describe the characters of a name, apart from where it stands."""
    kind = _SURNAME_CLASS.get(surname) or "unlisted" + _GIVEN_CLASS[surname]
    described = [f"surname {kind}", "given " + "".join(_GIVEN_CLASS.get(character, "R") for character in given)]
    if len(given) == 2 and is_in_dictionary(given):
        is_name = given in GIVEN_WORDS or kind_of(given).startswith("nr")
        described.append(f"given-word {'name' if is_name else kind_of(given)}")
        described.append(f"given-{'name' if is_name else 'word'} after {kind}")
    if len(given) == 2 and is_in_dictionary(surname + given[0]):
        described.append(f"first-word {kind_of(surname + given[0])}")
    if is_in_dictionary(surname + given):
        described.append(f"whole-word {kind_of(surname + given)} after {kind}")
    return described


def describe_beside(text: str, words: Words, place: Place) -> list[str]:
    """Describe what stands before and after a place."""
    return _describe_before(*_before(text, words, place[0])) + _describe_after(*_after(text, words, place[2]))


def _before(text: str, words: Words, start: int) -> tuple[str, bool, bool]:
    """The word before a place, or nothing; whether it ends there, and whether it is what is done to persons."""
    is_done_to = text[start - 1 : start] in DONE_TO or text[max(0, start - 2) : start] in DONE_TO
    return _word_before(text, words, start) if start else "", start in words.stops, is_done_to


def _after(text: str, words: Words, stop: int) -> tuple[str, bool, bool]:
    """The word after a place, or nothing; whether it begins there, and whether it is what persons do."""
    is_end = stop == len(text)
    return "" if is_end else _word_after(text, words, stop), stop in words.starts, _ACTS.match(text, stop) is not None


def _describe_before(word: str, ends: bool, is_done_to: bool) -> list[str]:
    if not word:
        return ["before start"]
    described = [f"before {'' if ends else 'cut-'}{kind_of(word)}"]
    if word[-1] in BEFORE:
        described.append("fits-before" if ends else "fits-before-cut")
    return [*described, "done-to"] if is_done_to else described


def _describe_after(word: str, begins: bool, is_done: bool) -> list[str]:
    if not word:
        return ["after end"]
    described = [f"after {'' if begins else 'cut-'}{kind_of(word)}"]
    if word[0] in AFTER:
        described.append("fits-after" if begins else "fits-after-cut")
    return [*described, "acts"] if is_done else described


@lru_cache(maxsize=65_536)
def _worth_before(word: str, ends: bool, is_done_to: bool) -> float:
    weights = _weights()
    return sum(weights.get(name, 0.0) for name in _describe_before(word, ends, is_done_to))


@lru_cache(maxsize=65_536)
def _worth_after(word: str, begins: bool, is_done: bool) -> float:
    weights = _weights()
    return sum(weights.get(name, 0.0) for name in _describe_after(word, begins, is_done))


def how_words_fall(text: str, words: Words, place: Place) -> str:
    """Describe where jieba has cut: lengths and parts of speech of the words in the place, or what is cut through."""
    start, middle, stop = place
    stops = words.stops
    begins, ends = start in stops, stop in words.starts
    if not (begins and ends):
        cut = ("[" if begins else _kind_around(text, words, start)) + ("|" if middle in stops else " ")
        return cut + ("]" if ends else _kind_around(text, words, stop))
    parts = []
    while start < stop:
        end = stops[start]
        parts.append(f"{end - start}{kind_of(text[start:end]) if end - start > 1 else ''}")
        start = end
    return "+".join(parts)


def _kind_around(text: str, words: Words, place: int) -> str:
    """The part of speech of the word that a place lies in."""
    start = place - 1
    while start not in words.stops:
        start -= 1
    return kind_of(text[start : words.stops[start]])


def _word_before(text: str, words: Words, stop: int) -> str:
    """The word before a place; where jieba has not cut there, the longest one that could end there."""
    if not _is_han(text[stop - 1]):
        return text[stop - 1]
    if stop in words.starts:
        return text[words.starts[stop] : stop]
    starts = range(max(0, stop - _LONGEST_WORD), stop - 1)
    return next((text[start:stop] for start in starts if is_in_dictionary(text[start:stop])), text[stop - 1])


def _word_after(text: str, words: Words, start: int) -> str:
    if not _is_han(text[start]):
        return text[start]
    if start in words.stops:
        return text[start : words.stops[start]]
    stops = range(min(len(text), start + _LONGEST_WORD), start + 1, -1)
    return next((text[start:stop] for stop in stops if is_in_dictionary(text[start:stop])), text[start])


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


@lru_cache(maxsize=65_536)
def kind_of(word: str) -> str:
    """The part of speech in jieba's dictionary, `new` for a word that is not there, or the sign itself."""
    import rjieba

    if word in NEVER_NAMES:
        return "n"
    if not _is_han(word[0]):
        return "letter" if word.isalnum() else "line" if word == "\n" else word.strip() or "space"
    if len(word) > 1 and not is_in_dictionary(word):
        return "new"
    return str(rjieba.tag(word)[0][1])


@lru_cache(maxsize=65_536)
def is_in_dictionary(word: str) -> bool:
    """Whether jieba knows the word, which has at least two characters."""
    import rjieba

    return len(word) > 1 and _is_han(word[0]) and bool(rjieba.has_word(word))


@lru_cache(maxsize=1)
def _weights() -> Mapping[str, float]:
    pairs = (line.rsplit(" ", 1) for line in lines("zh_name_weights"))
    return {name: float(weight) for name, weight in pairs}
