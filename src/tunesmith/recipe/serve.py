"""The section `serve`: where the model answers, what is kept of it, and what no one may ask of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.functional_validators import AfterValidator

from tunesmith.recipe.endpoint import Host
from tunesmith.recipe.export import FormName
from tunesmith.recipe.safety import Refusal
from tunesmith.recipe.safety_checks import ContentRule, with_different_names
from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section

Recording = Literal["off", "metadata", "pseudonymised", "full"]


class Guard(Section):
    """What is not answered, and what no answer may hold; instead there is a stated reply."""

    requests: Annotated[
        tuple[ContentRule, ...],
        AfterValidator(with_different_names),
        Field(description="Rules on what is asked.", strict=False),
    ] = ()
    answers: Annotated[
        tuple[ContentRule, ...],
        AfterValidator(with_different_names),
        Field(description="Rules on what is answered.", strict=False),
    ] = ()
    personal: Annotated[
        Literal["allow", "mask", "refuse"],
        Field(description="What becomes of personal data in an answer that was not in the request."),
    ] = "allow"
    max_answer_characters: Annotated[PositiveInt | None, Field(description="Longer answers are cut.")] = None
    reply: Annotated[
        Refusal, Field(description="What is answered instead, by language: `{en: ..., zh: ...}`; absent: a set text.")
    ] = {}


class Limits(Section):
    """What one request, one key and the server may take."""

    max_body_bytes: Annotated[PositiveInt, Field(description="A larger request is refused unread.")] = 1_048_576
    max_messages: Annotated[PositiveInt, Field(description="Messages of one request.")] = 256
    max_new_tokens: Annotated[PositiveInt, Field(description="Tokens of one answer.")] = 2048
    max_choices: Annotated[PositiveInt, Field(description="Answers to one request (`n`).")] = 8
    max_texts: Annotated[PositiveInt, Field(description="Texts of one embedding or classification request.")] = 256
    request_seconds: Annotated[PositiveFloat, Field(description="An answer is cut after this time.")] = 120.0
    max_running: Annotated[PositiveInt, Field(description="Answers written at once.")] = 32
    max_waiting: Annotated[PositiveInt, Field(description="Requests that wait; more are told to come later.")] = 64
    requests_per_minute: Annotated[
        PositiveInt | None, Field(description="Of one key, where the key has no number of its own.")
    ] = None
    tokens_per_minute: Annotated[PositiveInt | None, Field(description="Of one key, prompts and answers together.")] = (
        None
    )
    drain_seconds: Annotated[
        PositiveFloat, Field(description="A server that is told to stop finishes its answers for so long.")
    ] = 30.0


class Serve(Section):
    """An HTTP server with OpenAI's API."""

    host: Annotated[
        str, Field(description="Where it listens; elsewhere than on this machine it needs keys.", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, Field(description="0 takes any free one.", ge=0, le=65535)] = 8000
    form: Annotated[
        FormName | None,
        Field(
            description="Which form of the bundle answers; absent: the adapter, beside which its base answers too, "
            "else the fastest that the bundle has."
        ),
    ] = None
    engine: Annotated[
        Host | None,
        Field(
            description="A server that writes the answers, such as vLLM with this model; it is proved to answer as "
            "certified. Absent: this process writes them."
        ),
    ] = None
    keys: Annotated[
        bool | None, Field(description="Whether requests need an API key; absent: where the server can be reached.")
    ] = None
    store: Annotated[
        str | None,
        Field(description="URL of the database, such as `postgresql://...`; absent: a file of the workspace."),
    ] = None
    record: Annotated[
        Recording,
        Field(
            description="What is kept of a request: nothing, figures without text, text with people's data replaced, "
            "or all of it."
        ),
    ] = "pseudonymised"
    retention_days: Annotated[PositiveInt | None, Field(description="What is older is removed; absent: kept.")] = 90
    hosts: Annotated[
        tuple[str, ...],
        Field(description="Further names that the server is reached by, as in the Host header.", strict=False),
    ] = ()
    origins: Annotated[
        tuple[str, ...], Field(description="Web pages that may call it, as in the Origin header.", strict=False)
    ] = ()
    guard: Guard = Guard()
    limits: Limits = Limits()
