"""The part `quality` of the `prepare` section: what the 3C score is held against."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import PositiveInt, Section


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise PydanticCustomError("not_a_regex", "is no regular expression: {why}", {"why": str(error)}) from error
    return value


class Checks(Section):
    """What a correct answer must satisfy; a row that does not is kept, listed, and lowers the score."""

    number: Annotated[
        str | None,
        Field(description="Column with the expected number, which the last number of the answer must equal."),
    ] = None
    arithmetic: Annotated[
        bool, Field(description="Sums written out in answer or thinking, such as `12 * 3 = 36`, must be right.")
    ] = False
    pattern: Annotated[
        Annotated[str, AfterValidator(_is_pattern)] | None,
        Field(description="Regular expression that the whole answer must match."),
    ] = None
    json_schema: Annotated[
        str | None, Field(description="File with a JSON schema that the answer, read as JSON, must satisfy.")
    ] = None

    @property
    def any(self) -> bool:
        return self != Checks()


class Quality(Section):
    """The 3C score: consistency, completeness and correctness of the rows, and how representative they are."""

    score: Annotated[bool, Field(description="Whether to judge the rows at all.")] = True
    covers: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]],
        Field(
            description="Values that the training rows should cover, by column (categories, scenarios); `label` is "
            "the label. A row that leaves such a column empty counts as incomplete."
        ),
    ] = {}
    answer_format: Annotated[
        Literal["same", "any"],
        Field(description="`same` expects the answers of one source in one format (JSON, number, text; thinking)."),
    ] = "same"
    checks: Annotated[Checks, Field(description="What a correct answer must satisfy.")] = Checks()
    max_labels: Annotated[
        PositiveInt, Field(description="Most labelled rows whose labels are held against a classifier, drawn by id.")
    ] = 4_000
    expected: Annotated[
        str | None,
        Field(
            description="File of inputs that the model will meet (JSONL, CSV, ..., or `.txt` with a text a line), "
            "against which the training rows are held."
        ),
    ] = None
    expected_column: Annotated[
        str | None, Field(description="Its column with the texts; found by its name when not given.")
    ] = None
