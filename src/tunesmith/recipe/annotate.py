"""The section `annotate`: which rows people label, with what, and on which server."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.functional_validators import BeforeValidator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.prepare import OneSource, Source, sources_from_one
from tunesmith.recipe.section import PositiveInt, Section, WebAddress


class Server(Section):
    """A Label Studio server."""

    url: Annotated[WebAddress, Field(description="Its address, e.g. `http://127.0.0.1:8080`.")]
    key: Annotated[str, Field(description="Name of the environment variable that holds the access token.")]


class Annotate(Section):
    """Rows for people to label, in up to three layers."""

    sources: Annotated[
        tuple[OneSource, ...],
        BeforeValidator(sources_from_one, json_schema_input_type=tuple[OneSource, ...] | Source | str),
        Field(description="Where the rows come from; those of `prepare` when absent.", strict=False),
    ] = ()
    text: Annotated[
        str | None, Field(description="The column of the text, where rows have no answer yet and no usual name.")
    ] = None
    entities: Annotated[tuple[str, ...], Field(description="Labels of spans of the text.", strict=False)] = ()
    relations: Annotated[
        tuple[str, ...], Field(description="Labels of what one entity is to another.", strict=False)
    ] = ()
    intents: Annotated[
        tuple[str, ...], Field(description="Labels of the text as a whole, of which one is chosen.", strict=False)
    ] = ()
    max_rows: Annotated[PositiveInt | None, Field(description="Export a seeded sample of so many rows.")] = None
    server: Annotated[Server | None, Field(description="The server to send tasks to and to fetch results from.")] = None

    @model_validator(mode="after")
    def _has_labels(self) -> Annotate:
        if not (self.entities or self.intents) or (self.relations and not self.entities):
            raise PydanticCustomError("annotate_layers", "needs `entities` or `intents`; `relations` need `entities`")
        return self
