"""Whether an answer is what a question of a suite asks for: the right text, number or choice, or a demanded form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.metrics.checker import passes
from tunesmith.metrics.faults import is_refusal
from tunesmith.metrics.json_answers import parse_json
from tunesmith.recipe.section import PositiveInt, Section
from tunesmith.text.normalise import normalise_answer
from tunesmith.text.tokens import words

RIGHT: Final = "right"
"""The score of an answer to a question of a suite: 1 where it passes the question's check, else 0."""
_DELIMITERS: Final = re.compile(r"[,，、;；\n]+")
_LIST_MARK: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_FENCE: Final = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_AROUND: Final = " \t\r\n*_`\"'“”‘’「」"


class Exact(Section):
    """The answer is one of the right ones, whatever case, width and punctuation around it."""

    name: Literal["exact"] = "exact"


class Number(Section):
    """The last number of the answer is the right one."""

    name: Literal["number"] = "number"


class Choice(Section):
    """Of these options the answer names the right one and no other, in whatever sentence."""

    name: Literal["choice"] = "choice"
    options: Annotated[tuple[str, ...], Field(min_length=2, strict=False)]


class Form(Section):
    """The answer has the form that was asked for, in everything stated here; what it says may be open."""

    name: Literal["form"] = "form"
    num_words: PositiveInt | None = None
    """So many words; of Chinese, characters."""
    max_words: PositiveInt | None = None
    num_items: PositiveInt | None = None
    """A list of so many items, all different, parted by commas or line ends."""
    items: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """A list of these items in this order."""
    case: Literal["upper", "lower"] | None = None
    no_digits: bool = False
    begins: str = ""
    ends: str = ""
    holds: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """All of these occur, in any case; Latin ones at the beginning of a word."""
    lacks: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """None of these occurs."""

    @model_validator(mode="after")
    def _demands_something(self) -> Form:
        if self.model_dump(exclude_defaults=True, exclude={"name"}) == {}:
            raise PydanticCustomError("check_empty", "demands nothing")
        return self


class Json(Section):
    """The answer is JSON and nothing else, a fence around it aside: an object of these keys, or this value."""

    name: Literal["json"] = "json"
    keys: Annotated[tuple[str, ...], Field(strict=False)] = ()
    value: JsonValue = None

    @model_validator(mode="after")
    def _demands_something(self) -> Json:
        if not self.keys and self.value is None:
            raise PydanticCustomError("check_empty", "demands nothing")
        return self


class Refusal(Section):
    """The answer declines."""

    name: Literal["refusal"] = "refusal"


def _named(value: object) -> object:
    """`"check": "number"` is short for `{"name": "number"}`."""
    return {"name": value} if isinstance(value, str) else value


Check = Annotated[Exact | Number | Choice | Form | Json | Refusal, Field(discriminator="name"), BeforeValidator(_named)]


def is_right(answer: str, accepted: Sequence[str], check: Check) -> bool:
    """Whether an answer passes; `accepted` are the right ones, of which a form, JSON and a refusal make no use."""
    match check:
        case Exact():
            return any(passes(answer, one, "exact") for one in accepted)
        case Number():
            return any(passes(answer, one, "number") for one in accepted)
        case Choice():
            chosen = _chosen(answer, check.options)
            return bool(chosen) and chosen <= {_folded(one) for one in accepted}
        case Form():
            return _has_form(answer.strip(_AROUND), check)
        case Json():
            return _is_json(answer, check)
        case Refusal():
            return is_refusal(answer)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _chosen(answer: str, options: Sequence[str]) -> set[str]:
    """The options that an answer names; of those that lie in each other the longest."""
    longest_first = sorted(map(_folded, options), key=len, reverse=True)
    # Latin words end where no letter or digit follows; Chinese ones stand without spaces
    found = "|".join(rf"(?<![a-z0-9]){re.escape(option)}(?![a-z0-9])" for option in longest_first)
    return set(re.findall(found, _folded(answer)))


def _has_form(text: str, form: Form) -> bool:
    folded, listed = _folded(text), _listed(text)
    conditions = (
        bool(text),
        form.num_words is None or len(words(text)) == form.num_words,
        form.max_words is None or len(words(text)) <= form.max_words,
        form.num_items is None or len(set(listed)) == len(listed) == form.num_items,
        not form.items or listed == [normalise_answer(item) for item in form.items],
        form.case is None or _has_case(text, form.case),
        not (form.no_digits and any(character.isdigit() for character in text)),
        text.startswith(form.begins) and text.endswith(form.ends),
        all(re.search(rf"(?<![a-z0-9]){re.escape(_folded(part))}", folded) for part in form.holds),
        not any(_folded(part) in folded for part in form.lacks),
    )
    return all(conditions)


def _listed(text: str) -> list[str]:
    parts = (normalise_answer(_LIST_MARK.sub("", part)) for part in _DELIMITERS.split(text))
    return [part for part in parts if part]


def _has_case(text: str, case: Literal["upper", "lower"]) -> bool:
    return text == (text.upper() if case == "upper" else text.lower()) and text.upper() != text.lower()


def _is_json(answer: str, check: Json) -> bool:
    fenced = _FENCE.fullmatch(answer)
    value, is_json = parse_json(fenced[1] if fenced else answer)
    if not is_json or (check.keys and not (isinstance(value, dict) and set(value) == set(check.keys))):
        return False
    return check.value is None or _same(value, check.value)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON; texts as short answers are compared."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return normalise_answer(one) == normalise_answer(other)
    # True is no 1 here
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
