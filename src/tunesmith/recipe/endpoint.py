"""Models behind an OpenAI-compatible API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section, WebAddress


class Host(Section):
    """A model behind an OpenAI-compatible API."""

    url: Annotated[WebAddress, Field(description="Where the API begins, such as `http://127.0.0.1:8000/v1`.")]
    model: Annotated[str, Field(description="The model's name there.", min_length=1)]
    key: Annotated[str | None, Field(description="Name of the environment variable that holds the API key.")] = None
    timeout_seconds: Annotated[PositiveFloat, Field(description="How long to wait for an answer.")] = 120.0


class Address(Host):
    """Where a model behind an OpenAI-compatible API answers: OpenAI, vLLM, Ollama, and most hosts of models."""

    parallel: Annotated[PositiveInt, Field(description="Requests under way at once.")] = 4


class Endpoint(Address):
    """A model behind an OpenAI-compatible API, and how it is sampled."""

    temperature: Annotated[float, Field(description="Of the sampling; 0 is greedy.", ge=0.0, le=2.0)] = 0.7
    max_tokens: Annotated[PositiveInt, Field(description="An answer is cut after so many tokens.")] = 1024
    licence: Annotated[
        str | None,
        Field(description="Licence or terms for the use of what the model writes; the data card names them."),
    ] = None
