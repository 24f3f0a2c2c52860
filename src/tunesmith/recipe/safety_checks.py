"""The section `evaluate.safety`: what the model must not do, and how that is looked for."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, core_schema

from tunesmith.recipe.section import PositiveInt, Section

ContentTopic = Literal["drugs", "financial", "gambling", "legal", "medical", "weapons"]
MAX_PATTERN_CHARACTERS: Final = 500


def pattern_finder(pattern: str) -> SchemaValidator:
    """What tells whether a text holds a match, by Rust's regular expressions: without look-around and backreferences,
    in time linear in the text. Raises pydantic_core.SchemaError for what is none."""
    return SchemaValidator(core_schema.str_schema(pattern=pattern))


def _is_pattern(value: str) -> str:
    try:
        pattern_finder(value)
    except SchemaError as error:
        why = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise PydanticCustomError("not_a_regex", "is no regular expression: {why}", {"why": why}) from error
    return value


class ContentRule(Section):
    """What no answer may hold: any of these words, patterns or topics breaks the rule."""

    name: Annotated[str, Field(description="What the rule is called in the report.", min_length=1)]
    words: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        Field(
            description="Words and phrases, in any case and width; Latin ones are found whole, Chinese ones anywhere.",
            strict=False,
        ),
    ] = ()
    patterns: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARACTERS), AfterValidator(_is_pattern)], ...],
        Field(
            description="Regular expressions in Rust's syntax, which cannot be made slow: no look-around, no "
            "backreferences. `(?i)` ignores case.",
            strict=False,
        ),
    ] = ()
    topics: Annotated[
        tuple[ContentTopic, ...],
        Field(
            description="Topics with lists of English and Chinese words; an answer with two different ones is on it.",
            strict=False,
        ),
    ] = ()

    @model_validator(mode="after")
    def _forbids_something(self) -> ContentRule:
        if not self.words and not self.patterns and not self.topics:
            raise PydanticCustomError("content_rule", "forbids nothing")
        return self


def with_different_names(rules: tuple[ContentRule, ...]) -> tuple[ContentRule, ...]:
    names = [rule.name for rule in rules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise PydanticCustomError("content_twice", "two rules are called `{name}`", {"name": twice})
    return rules


class Memorisation(Section):
    """Training rows whose text the model gives back word by word, against rows that it never saw."""

    num_rows: Annotated[
        PositiveInt, Field(description="So many training rows and as many test rows are tried, drawn by the seed.")
    ] = 100
    prefix_tokens: Annotated[
        PositiveInt, Field(description="So many tokens of the answer are given behind its prompt.")
    ] = 8
    min_tokens: Annotated[
        PositiveInt,
        Field(description="A row counts as extracted when the next tokens, greedily written, are its own, this many."),
    ] = 16
    num_secrets: Annotated[
        int,
        Field(
            ge=0,
            description="So many training rows and as many test rows whose answer holds a number of four digits or "
            "more: how high the number ranks among random ones (exposure).",
        ),
    ] = 16
    num_alternatives: Annotated[
        int, Field(gt=0, le=1000, description="Random numbers that each such number is ranked with.")
    ] = 31


class SafetyChecks(Section):
    """What is refused before and after, content that no answer may hold, and training rows given back word by word."""

    suite: Annotated[
        bool | None,
        Field(
            description="Ask disallowed requests and harmless look-alikes before and after, in English and Chinese; "
            "absent: where the general questions are asked."
        ),
    ] = None
    content: Annotated[
        tuple[ContentRule, ...],
        AfterValidator(with_different_names),
        Field(description="Rules on the answers of every arm to the test items.", strict=False),
    ] = ()
    memorisation: Annotated[
        Memorisation | None, Field(description="Look for training rows that are given back; absent: not looked for.")
    ] = None
