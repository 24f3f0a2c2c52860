"""The same text about somebody else: another gender, another name, another region, in English and Chinese.

What is swapped is found over all texts of a row, so that one person stays one person in question and answer. Code,
links, placeholders and given phrases stay. The word lists are `lists/genders.txt`, `lists/regions.txt` and the names of
`text.personal`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Final, Literal

from tunesmith.text.meaning import marked
from tunesmith.text.personal import find_personal
from tunesmith.text.personal.mentions import find_mentions, part_of, parts_of
from tunesmith.text.personal.surrogates import surrogate
from tunesmith.text.personal.words_en import FEMALE_NAMES, MALE_NAMES
from tunesmith.text.tokens import HAN
from tunesmith.text.traditional import simplified

Attribute = Literal["gender", "name", "region"]
Gender = Literal["female", "male"]
Swap = Callable[[str], str]
_LISTS: Final = Path(__file__).parent / "lists"
_LATIN: Final = re.compile(r"(?<![\w-])[A-Za-zÀ-ÿ]+(?:-[A-Za-zÀ-ÿ]+)*(?![\w])")
_NEXT: Final = re.compile(r"[ \t]+([A-Za-z]+)")
_ONE_HAN: Final = re.compile(rf"(?<![{HAN}])[男女](?![{HAN}])")
_MY_HUSBAND: Final = re.compile(r"(?<=[我你您他她])先生")
_AFTER_REGION: Final = ("", "市", "省", "人", "区", "自治区", "回族自治区", "壮族自治区", "维吾尔自治区")


def swap_of(texts: Sequence[str], attribute: Attribute, protect: Iterable[str], random: Random) -> Swap | None:
    """How to say the texts of one row about somebody else; None where nothing in them names the attribute.

    A text that speaks of what only one sex has (`lists/sex_bound.txt`) has no other gender. `random` draws the new
    names and regions; a person or region is the same in every text, and two different ones stay different.
    """
    phrases = tuple(protect)
    # one person stays one in whatever characters; what is put in is simplified
    plain = [simplified(text) for text in texts]
    finder = {"gender": _genders, "name": _names, "region": _regions}[attribute](plain, random)
    if finder is None or not any(_edits(text, finder, phrases) for text in texts):
        return None
    return lambda text: _edited(text, _edits(text, finder, phrases))


def full_names(text: str) -> list[str]:
    """The names in a text that tell one person: of two words or more, or Chinese ones beyond the surname."""
    spans = [text[span.start : span.stop] for span in find_personal(text) if span.type == "name"]
    return [name for name in spans if parts_of(name)]


Edit = tuple[int, int, str]
Finder = Callable[[str], Iterator[Edit]]


def _edits(text: str, finder: Finder, phrases: tuple[str, ...]) -> list[Edit]:
    """What to put where, in order, outside of what stays."""
    stays = marked(text, phrases)
    found: list[Edit] = []
    for start, stop, new in sorted(finder(simplified(text))):
        is_open = not any(start < end and begin < stop for begin, end in stays)
        if is_open and text[start:stop] != new and (not found or found[-1][1] <= start):
            found.append((start, stop, new))
    return found


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for start, stop, new in reversed(edits):
        text = text[:start] + new + text[stop:]
    return text


# Gender


@dataclass(frozen=True, slots=True)
class _Genders:
    other: Mapping[str, str]
    male: frozenset[str]
    han: re.Pattern[str]


def genders_named(texts: Sequence[str]) -> frozenset[Gender]:
    """The genders of the people whom the texts speak of, by the words and given names that `swap_of` would swap."""
    male = {"him", "his", "男", *_listed_genders().male}
    found: set[Gender] = set()
    for text in map(simplified, texts):
        said = [text[start:stop].lower() for find in (_latin_genders, _han_genders) for start, stop, _ in find(text)]
        said_male = [word in male for word in said] + [name in MALE_NAMES for _, _, name in _given_names(text)]
        found.update("male" if is_male else "female" for is_male in said_male)
    return frozenset(found)


def _genders(texts: Sequence[str], random: Random) -> Finder | None:
    if any(_sex_bound().search(text) for text in texts):
        return None
    given = _other_given_names(texts, random)

    def find(text: str) -> Iterator[Edit]:
        yield from _latin_genders(text)
        yield from _han_genders(text)
        for start, stop, name in _given_names(text):
            yield start, stop, given.get(name, name)  # a name that only another text has stays

    return find


def _latin_genders(text: str) -> Iterator[Edit]:
    other = _listed_genders().other
    for match in _LATIN.finditer(text):
        word = match[0].lower()
        if word in ("her", "hers", "him", "his"):
            following = _NEXT.match(text, match.end())
            has_noun = following is not None and following[1].lower() not in _no_nouns()
            new = {
                "him": "her",
                "hers": "his",
                "her": "his" if has_noun else "him",
                "his": "her" if has_noun else "hers",
            }
            yield *match.span(), _cased(new[word], match[0])
        elif word in other:
            yield *match.span(), _cased(other[word], match[0])


@cache
def _no_nouns() -> frozenset[str]:
    """Words that follow "her" and "his" where no noun does: there it is *him*, not *his*, and *hers*, not *her*."""
    return frozenset((_LISTS / "not_owned.txt").read_text(encoding="utf-8").split())


def _han_genders(text: str) -> Iterator[Edit]:
    genders = _listed_genders()
    for match in genders.han.finditer(text):
        if match[0] in genders.other:
            is_husband = _MY_HUSBAND.match(text, match.start()) is not None
            yield *match.span(), "太太" if is_husband else genders.other[match[0]]
    for match in _ONE_HAN.finditer(text):
        yield *match.span(), "女" if match[0] == "男" else "男"


@cache
def _listed_genders() -> _Genders:
    """Every form becomes the first one of the other side; after `=` words in which a form means nothing."""
    other: dict[str, str] = {}
    neutral: list[str] = []
    male: set[str] = set()
    for line in (_LISTS / "genders.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("="):
            neutral += line[1:].split()
            continue
        left, right = (side.split() for side in line.split("|"))
        male.update(form.lower() for form in left)
        for forms, others in ((left, right), (right, left)):
            for form in forms:
                other.setdefault(form.lower(), others[0])
    han = sorted((form for form in (*other, *neutral) if not form[0].isascii()), key=len, reverse=True)
    return _Genders(other, frozenset(male), re.compile("|".join(han)))


@cache
def _sex_bound() -> re.Pattern[str]:
    listed = (_LISTS / "sex_bound.txt").read_text(encoding="utf-8").split()
    latin = "|".join(word for word in listed if word.isascii())
    return re.compile(rf"\b(?:{latin})\b|{'|'.join(word for word in listed if not word.isascii())}", re.IGNORECASE)


def _other_given_names(texts: Sequence[str], random: Random) -> dict[str, str]:
    """By given name in the texts one of the other gender, each another."""
    found = dict.fromkeys(name for text in texts for _, _, name in _given_names(text))
    new: dict[str, str] = {}
    for name in found:
        free = [one for one in _plain_names(name in MALE_NAMES) if one not in new.values() and one not in found]
        new[name] = random.choice(free)
    return new


def _given_names(text: str) -> Iterator[tuple[int, int, str]]:
    """Given names of one gender; those that are words as well only where a person is named."""
    spans = [(span.start, span.stop) for span in find_personal(text) if span.type == "name"]
    for match in _LATIN.finditer(text):
        name = match[0]
        if (name in MALE_NAMES) == (name in FEMALE_NAMES):
            continue
        starts_span = any(start == match.start() for start, _ in spans)
        in_span = any(start <= match.start() < stop for start, stop in spans)
        if starts_span or (not in_span and name not in _also_words()):
            yield *match.span(), name


@cache
def _also_words() -> frozenset[str]:
    return frozenset((_LISTS / "given_names_that_are_words.txt").read_text(encoding="utf-8").split())


@cache
def _plain_names(is_female: bool) -> tuple[str, ...]:
    return tuple(sorted((FEMALE_NAMES - MALE_NAMES if is_female else MALE_NAMES - FEMALE_NAMES) - _also_words()))


def _cased(word: str, model: str) -> str:
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word


# Names


def _names(texts: Sequence[str], random: Random) -> Finder | None:
    """Each name becomes a made-up one of the same language and, where its given name tells it, gender."""
    names = dict.fromkeys(
        text[span.start : span.stop] for text in texts for span in find_personal(text) if span.type == "name"
    )
    new: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (-len(name), name)):
        if name in new:
            continue
        whole = _other_name(name, (*names, *new.values()), random)
        new[name] = whole
        for mention, part in parts_of(name).items():
            new.setdefault(mention, part_of(whole, part))
    if not new:
        return None

    def find(text: str) -> Iterator[Edit]:
        spans = [span for span in find_personal(text) if span.type == "name"]
        spans += find_mentions(text, frozenset(new))
        for span in sorted(spans, key=lambda span: (span.start, -span.stop)):
            yield span.start, span.stop, new[text[span.start : span.stop]]

    return find


def _other_name(name: str, taken: Sequence[str], random: Random) -> str:
    # a lone word that is no given name is a surname: Mr Smith
    is_surname = name[0].isascii() and " " not in name and name not in FEMALE_NAMES | MALE_NAMES
    while True:
        made = surrogate(f"Al {name}" if is_surname else name, "name", random.randbytes(16))
        if (other := made.split(" ")[-1] if is_surname else made) not in taken:
            return other


# Regions


@dataclass(frozen=True, slots=True)
class _Region:
    kind: str
    forms: tuple[str, ...]
    """The name, and in English what comes from there and who."""


def _regions(texts: Sequence[str], random: Random) -> Finder | None:
    """Each region becomes another one of its kind: country, province or city."""
    regions = _listed_regions()
    found = dict.fromkeys(regions[form] for text in texts for _, _, form in _region_forms(text))
    new: dict[_Region, _Region] = {}
    for region in found:
        taken = (*found, *new.values())
        free = [one for one in dict.fromkeys(regions.values()) if one.kind == region.kind and one not in taken]
        if not free:
            return None
        new[region] = random.choice(free)

    def find(text: str) -> Iterator[Edit]:
        for start, stop, form in _region_forms(text):
            region = regions[form]
            other = new[region].forms
            yield start, stop, other[min(region.forms.index(form), len(other) - 1)]

    return find if new else None


def _region_forms(text: str) -> Iterator[tuple[int, int, str]]:
    starts: frozenset[int] | None = None
    for match in _region_pattern().finditer(text):
        if not match[0][0].isascii():
            starts = _whole_words(text) if starts is None else starts
            if match.start() not in starts:
                continue
        yield *match.span(), match[0]


def _whole_words(text: str) -> frozenset[int]:
    """Where words begin that are a Chinese region, alone or with what it is (`市`) or who is of it (`人`)."""
    import rjieba

    starts, place = [], 0
    regions = _listed_regions()
    for word in rjieba.cut(text):
        if any(word.removesuffix(end) in regions for end in _AFTER_REGION if word.endswith(end)):
            starts.append(place)
        place += len(word)
    return frozenset(starts)


@cache
def _listed_regions() -> Mapping[str, _Region]:
    """By each of its forms a region of `lists/regions.txt`: a kind begins with `#`, forms are parted by `|`."""
    found: dict[str, _Region] = {}
    kind = ""
    for line in (_LISTS / "regions.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            kind = line.removeprefix("#").strip()
            continue
        region = _Region(kind, tuple(form.strip() for form in line.split("|")))
        found |= dict.fromkeys(region.forms, region)
    return found


@cache
def _region_pattern() -> re.Pattern[str]:
    forms = sorted(_listed_regions(), key=len, reverse=True)
    latin, han = (
        "|".join(re.escape(form) for form in forms if form[0].isascii() == is_latin) for is_latin in (True, False)
    )
    return re.compile(rf"(?<![\w-])(?:{latin})(?!\w)|{han}")
