"""Sections of a source whose rows are no conversations yet: tables, and reports whose figures are looked for."""

from __future__ import annotations

from string import Formatter
from typing import Annotated, Literal

from pydantic import Field as Declared
from pydantic import model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import Section


def _plain_places(pattern: str) -> str:
    try:
        places = list(Formatter().parse(pattern))
    except ValueError as error:
        raise PydanticCustomError("text_pattern", "must be text with column names in braces") from error
    if any(name is not None and (not name.strip() or spec or conversion) for _, name, spec, conversion in places):
        raise PydanticCustomError("text_pattern", "must be text with column names in braces")
    return pattern


def _one_number(pattern: str) -> str:
    if pattern.count("{number}") != 1 or not pattern.replace("{number}", "").strip("* "):
        raise PydanticCustomError("number_pattern", "must be text that holds `{{number}}` once")
    return pattern


def _list_from_one(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


TextPattern = Annotated[str, AfterValidator(_plain_places)]
NumberPattern = Annotated[str, AfterValidator(_one_number)]


class Field(Section):
    """One typed value of a table's row."""

    column: Annotated[str | None, Declared(description="The column, when it has another name; dots lead inside.")] = (
        None
    )
    type: Annotated[
        Literal["text", "number", "integer", "date", "boolean"],
        Declared(description="What every cell must be; a row with another cell is rejected."),
    ] = "text"
    unit: Annotated[
        str | None,
        Declared(description="Unit of the column's bare numbers, such as `亿元`, `USD million`, `%`; said with them."),
    ] = None
    to_unit: Annotated[str | None, Declared(description="Unit to convert to and to say instead.")] = None
    optional: Annotated[
        bool, Declared(description="An empty cell is `null` in a JSON answer, no reason to reject.")
    ] = False

    @model_validator(mode="after")
    def _counts_what_has_a_unit(self) -> Field:
        if (self.unit or self.to_unit) and self.type not in ("number", "integer"):
            raise PydanticCustomError("unit_of_number", "only numbers have a unit")
        if self.to_unit and not self.unit:
            raise PydanticCustomError("unit_of_number", "`to_unit` needs `unit`")
        return self


class Structure(Section):
    """How a row of a table becomes a prompt and its answer."""

    prompt: Annotated[TextPattern, Declared(description="The prompt, with columns in braces: `Revenue of {company}?`")]
    answer: Annotated[
        TextPattern | Annotated[tuple[str, ...], Declared(strict=False, min_length=1)],
        Declared(description="The answer in the same way, or a list of columns: a JSON object of them."),
    ]
    fields: Annotated[dict[str, Field], Declared(description="Types and units of columns; text when not named.")] = {}


Structures = Annotated[
    tuple[Structure, ...],
    BeforeValidator(_list_from_one, json_schema_input_type=tuple[Structure, ...] | Structure),
    Declared(description="Prompt and answer of each row of a table; of a list each makes a row.", strict=False),
]


class Figure(Section):
    """A named number of a text."""

    patterns: Annotated[
        tuple[NumberPattern, ...],
        BeforeValidator(_list_from_one, json_schema_input_type=tuple[str, ...] | str),
        Declared(
            description="Texts around `{number}`; `*` a gap in a clause: `营业收入*{number}`, `revenue of {number}`.",
            strict=False,
            min_length=1,
        ),
    ]
    unit: Annotated[
        str | None,
        Declared(description="Unit that the number must have in the text, at any scale, and that it is kept in."),
    ] = None


class Figures(Section):
    """Key figures of a text, each of which becomes a column."""

    column: Annotated[str, Declared(description="The column that holds the text.")] = "text"
    find: Annotated[dict[str, Figure], Declared(description="Figures by the name of the column to make.", min_length=1)]
