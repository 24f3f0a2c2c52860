"""The `prepare` section: where rows come from and what is done to them before a model sees any."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.section import Section, Share


def _holds_prompt(pattern: str) -> str:
    if "{prompt}" not in pattern:
        raise PydanticCustomError("prompt_placeholder", "must hold `{{prompt}}`")
    return pattern


def _source_from_text(value: object) -> object:
    """`sources: data.csv` is short for `sources: [{path: data.csv}]`."""
    return {"path": value} if isinstance(value, str) else value


def _sources_from_one(value: object) -> object:
    return [value] if isinstance(value, (str, dict)) else value


class Source(Section):
    """Rows of one origin: a local path or a Hub dataset."""

    path: Annotated[
        str | None,
        Field(description="File, folder or glob: JSONL, JSON, CSV, TSV, Parquet; relative to the working folder."),
    ] = None
    hub: Annotated[str | None, Field(description="Hub dataset id, or a local dataset folder, read by `datasets`.")] = (
        None
    )
    config: Annotated[str | None, Field(description="Configuration name of a Hub dataset.")] = None
    hub_split: Annotated[str | None, Field(description="Split of a Hub dataset, slices allowed: `train[:500]`.")] = None
    format: Annotated[
        Literal["auto", "messages", "prompt_completion", "alpaca", "sharegpt", "question_answer", "labels"],
        Field(description="Shape of the rows; `auto` detects it from the columns and says why."),
    ] = "auto"
    columns: Annotated[
        dict[str, str],
        Field(description="Your column names by their canonical names, e.g. `{text: ticket_body, label: category}`."),
    ] = {}
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        Field(description="The split that this source is; kept as declared."),
    ] = None

    @model_validator(mode="after")
    def _has_one_origin(self) -> Source:
        if (self.path is None) == (self.hub is None):
            raise PydanticCustomError("one_origin", "give exactly one of `path` and `hub`")
        return self


OneSource = Annotated[Source, BeforeValidator(_source_from_text, json_schema_input_type=Source | str)]


class Prepare(Section):
    """Raw rows to a Dataset with frozen splits."""

    sources: Annotated[
        tuple[OneSource, ...],
        BeforeValidator(_sources_from_one, json_schema_input_type=tuple[OneSource, ...] | Source | str),
        Field(description="Where the rows come from.", strict=False, min_length=1),
    ]
    system: Annotated[str | None, Field(description="System message put before rows that have none.")] = None
    prompt_style: Annotated[
        str,
        AfterValidator(_holds_prompt),
        Field(description="Pattern around the user's text of single-turn rows; must hold `{prompt}`."),
    ] = "{prompt}"
    reasoning: Annotated[
        Literal["keep", "drop", "require"],
        Field(description="What to do with the thinking of a row: keep it, drop it, or reject rows without it."),
    ] = "keep"
    validation_share: Annotated[Share, Field(description="Share of the training rows held out to steer training.")] = (
        0.1
    )
    test_share: Annotated[
        Share, Field(description="Share of rows held out for the verdict, unless a source is it.")
    ] = 0.1
    group_by: Annotated[
        str | None, Field(description="Column whose equal values stay in one split (customer, document, situation).")
    ] = None
    too_long: Annotated[
        Literal["stop", "drop"],
        Field(description="Rows longer than the model allows: stop with the count, or reject them one by one."),
    ] = "stop"
    max_bad_share: Annotated[Share, Field(description="Stop when more than this share of the rows is rejected.")] = 0.2
