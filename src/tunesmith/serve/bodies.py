"""What requests may say: OpenAI's fields, closed, with numbers that are numbers.

A field of OpenAI's that is not supported is accepted where it asks for nothing, and refused where an answer without
it would be another. Caps that an operator sets are checked by `within_limits`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    JsonValue,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, to_json
from pydantic_core.core_schema import ValidationInfo

from tunesmith.records import Message

MAX_TOP: Final = 20
MAX_STOPS: Final = 4
MAX_STOP_CHARACTERS: Final = 256
MAX_USER_CHARACTERS: Final = 256
MAX_SCHEMA_CHARACTERS: Final = 65_536
MAX_FEEDBACK_CHARACTERS: Final = 65_536
MAX_IGNORED_BYTES: Final = 65_536
SEEDS: Final = (-(2**63), 2**63 - 1)
NEUTRAL: Final[dict[str, tuple[JsonValue, ...]]] = {
    "audio": (None,),
    "echo": (None, False),
    "frequency_penalty": (None, 0),
    "function_call": (None, "none", "auto"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "presence_penalty": (None, 0),
    "reasoning_effort": (None,),
    "suffix": (None, ""),
    "tool_calls": (None, []),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "verbosity": (None,),
    "web_search_options": (None,),
}
"""Values that ask for nothing, of fields that are not supported."""


class Body(BaseModel):
    """Closed and strict: `true` is no number, `1.0` no whole one, and NaN none at all."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator(*NEUTRAL, check_fields=False)
    @classmethod
    def _asks_for_nothing(cls, value: Any, info: ValidationInfo) -> Any:
        if value not in NEUTRAL[str(info.field_name)]:
            raise PydanticCustomError("unsupported", "is not supported")
        return value


class First(FailFast):
    """Of a list that is wrong the first mistake is enough: to collect a million takes a second."""

    __hash__ = object.__hash__  # what stands in a union is hashed


def _of_some_size(value: JsonValue) -> JsonValue:
    if len(to_json(value)) > MAX_IGNORED_BYTES:
        raise PydanticCustomError("ignored_large", "is too large", {"limit": MAX_IGNORED_BYTES})
    return value


Name = Annotated[str, Field(min_length=1, max_length=256)]
Ignored = Annotated[JsonValue, AfterValidator(_of_some_size)]
"""Of a field that changes no answer."""


class TextPart(Body):
    """A part of a message; pictures and sound are none."""

    type: Literal["text"]
    text: str


Texts = (
    Annotated[str, Field(min_length=1)]
    | Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1), First()]
)
Content = str | Annotated[tuple[TextPart, ...], Field(min_length=1), First()]


def _joined(content: Content) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)


class ChatMessage(Body):
    """One turn. What a model was given as `reasoning_content` may be shown to it again."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Content | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    name: Ignored = None
    refusal: Ignored = None
    annotations: Ignored = None
    audio: JsonValue = None
    function_call: JsonValue = None
    tool_calls: JsonValue = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and self.role != "assistant":
            raise PydanticCustomError("no_content", "needs `content`")
        return self

    @property
    def num_characters(self) -> int:
        told = (_joined(self.content or ""), self.reasoning_content, self.reasoning)
        return sum(len(text) for text in told if text)

    def message(self) -> Message:
        role = "system" if self.role == "developer" else self.role
        thinking = self.reasoning_content if self.reasoning_content is not None else self.reasoning
        return Message(role, _joined(self.content or ""), thinking if role == "assistant" else None)


class JsonSchema(Body):
    """What the answer has to be."""

    name: Name
    schema_: Annotated[dict[str, JsonValue], Field(alias="schema")]
    description: Annotated[str | None, Field(max_length=MAX_SCHEMA_CHARACTERS)] = None
    strict: bool | None = None


class ResponseFormat(Body):
    """Whether the answer is text or JSON."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _has_its_schema(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise PydanticCustomError("schema_unfit", "`json_schema` goes with the type `json_schema`")
        return self


class StreamOptions(Body):
    """What a stream tells beside the answer."""

    include_usage: bool | None = None
    include_obfuscation: Ignored = None


class Sampled(Body):
    """What chat and completions have in common."""

    model: Name
    temperature: Annotated[float | None, Field(ge=0, le=2)] = None
    top_p: Annotated[float | None, Field(gt=0, le=1)] = None
    seed: Annotated[int | None, Field(ge=SEEDS[0], le=SEEDS[1])] = None
    stop: (
        Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]
        | Annotated[
            tuple[Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)], ...],
            Field(max_length=MAX_STOPS),
            First(),
        ]
        | None
    ) = None
    n: Annotated[int | None, Field(ge=1)] = None
    max_tokens: Annotated[int | None, Field(ge=1)] = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str | None, Field(max_length=MAX_USER_CHARACTERS)] = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: JsonValue = None

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else self.stop or ()

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to end with its usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatBody(Sampled):
    """`POST /v1/chat/completions`."""

    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1), First()]
    max_completion_tokens: Annotated[int | None, Field(ge=1)] = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int | None, Field(ge=0, le=MAX_TOP)] = None
    response_format: ResponseFormat | None = None
    audio: JsonValue = None
    function_call: JsonValue = None
    functions: JsonValue = None
    metadata: Ignored = None
    modalities: JsonValue = None
    moderation: JsonValue = None
    parallel_tool_calls: Ignored = None
    prediction: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    reasoning_effort: JsonValue = None
    safety_identifier: Annotated[str | None, Field(max_length=MAX_USER_CHARACTERS)] = None
    service_tier: Ignored = None
    store: Ignored = None
    tool_choice: JsonValue = None
    tools: JsonValue = None
    verbosity: JsonValue = None
    web_search_options: JsonValue = None

    @field_validator("top_logprobs")
    @classmethod
    def _needs_logprobs(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and not info.data.get("logprobs"):
            raise PydanticCustomError("top_logprobs", "`top_logprobs` goes with `logprobs: true`")
        return value

    @property
    def num_wanted_tokens(self) -> int | None:
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def num_top(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None

    @property
    def subject(self) -> str | None:
        return self.user if self.user is not None else self.safety_identifier


class CompletionBody(Sampled):
    """`POST /v1/completions`: texts that the model writes on."""

    prompt: Texts
    logprobs: Annotated[int | None, Field(ge=0, le=MAX_TOP)] = None
    best_of: Annotated[int | None, Field(ge=1)] = None
    echo: JsonValue = None
    suffix: JsonValue = None

    @field_validator("best_of")
    @classmethod
    def _is_n(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value not in (None, info.data.get("n") or 1):
            raise PydanticCustomError("best_of", "no other `best_of` than `n`")
        return value

    @property
    def prompts(self) -> tuple[str, ...]:
        return (self.prompt,) if isinstance(self.prompt, str) else self.prompt


class EmbeddingBody(Body):
    """`POST /v1/embeddings`."""

    model: Name
    input: Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[int | None, Field(ge=1)] = None
    user: Annotated[str | None, Field(max_length=MAX_USER_CHARACTERS)] = None

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.input,) if isinstance(self.input, str) else self.input


class ClassifyBody(Body):
    """`POST /v1/classify`: texts, or one conversation."""

    model: Name
    input: Texts | None = None
    messages: Annotated[tuple[ChatMessage, ...], Field(min_length=1), First()] | None = None
    min_confidence: Annotated[float | None, Field(ge=0, le=1)] = None
    user: Annotated[str | None, Field(max_length=MAX_USER_CHARACTERS)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.input is None) == (self.messages is None):
            raise PydanticCustomError("one_input", "either `input` or `messages`")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.input,) if isinstance(self.input, str) else self.input or ()

    @property
    def num_characters(self) -> int:
        """Of the longest text, or of the conversation."""
        return max(sum(each.num_characters for each in self.messages or ()), *map(len, self.texts), 0)


class FeedbackBody(Body):
    """`POST /v1/feedback`: what somebody says of an answer."""

    exchange: Annotated[str, Field(pattern=r"^ex-[0-9a-f]{24}$")]
    kind: Literal["thumb", "rating", "correction", "preference", "comment"]
    value: Annotated[int | None, Field(ge=-1, le=5)] = None
    dimension: Literal["accuracy", "fluency", "domain_fit"] | None = None
    text: Annotated[str | None, Field(min_length=1, max_length=MAX_FEEDBACK_CHARACTERS)] = None
    preferred: Annotated[str | None, Field(pattern=r"^ex-[0-9a-f]{24}$")] = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        given = set(self.model_dump(exclude={"exchange", "kind"}, exclude_none=True))
        needs = NEEDED[self.kind]
        if given != needs:
            wanted = ", ".join(f"`{name}`" for name in sorted(needs))
            raise PydanticCustomError("feedback_fields", "takes {wanted} and no more", {"wanted": wanted})
        if self.value is not None and self.value not in VALUES[self.kind]:
            expected = ", ".join(str(value) for value in VALUES[self.kind])
            raise PydanticCustomError("feedback_value", "one of {expected}", {"expected": expected})
        return self


NEEDED: Final[dict[str, set[str]]] = {
    "thumb": {"value"},
    "rating": {"value", "dimension"},
    "correction": {"text"},
    "preference": {"preferred"},
    "comment": {"text"},
}
"""By kind of feedback what it says, and nothing beside it."""
VALUES: Final[dict[str, tuple[int, ...]]] = {"thumb": (1, -1), "rating": (1, 2, 3, 4, 5)}


class AdapterBody(Body):
    """`POST /v1/models/load` and `/v1/models/unload`: a name of the registry, never a path."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,8})?$")]
