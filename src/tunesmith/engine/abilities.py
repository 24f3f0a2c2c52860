"""What a server can do beyond answering: asked of it and seen, never guessed from its name. No torch here.

Shapes: N texts, D width.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunesmith.chat import Chat
from tunesmith.engine.chunk import Chunk, Told
from tunesmith.engine.interface import Capabilities
from tunesmith.engine.upstream import Upstream, garbled
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import Message

NEUTRAL: Final[Mapping[str, object]] = {
    "top_k": -1,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""How the judged model was drawn. Where a request is silent, vLLM and SGLang take numbers from the model's folder."""
PROBE: Final = (Message("user", "Hi."), Message("assistant", "Hello."), Message("user", "你好，1+1=?"))
LACKING: Final = frozenset(("engine-refused", "engine-status", "engine-garbled", "engine-broke-off"))
"""How a server fails that does not know what it is asked; one that is down or busy may know it later."""
JSON_KEY: Final = "tunesmith-probe"
"""No answer begins so that is not held to the schema."""
JSON_TOKENS: Final = 128
"""Room for a model that begins with white space, or thinks before it answers."""
SCHEMA: Final[Mapping[str, object]] = {
    "type": "object",
    "properties": {JSON_KEY: {"type": "boolean"}},
    "required": [JSON_KEY],
    "additionalProperties": False,
}
_Seen = TypeVar("_Seen")


@dataclass(frozen=True, slots=True)
class Abilities:
    capabilities: Capabilities
    neutral: Mapping[str, object]
    """Settings to be sent with every request; none where the server does not take them."""
    max_tokens: int | None
    """Longest prompt with its answer, where the server tells it."""


class _Model(Told):
    id: str
    max_model_len: int | None = None


class _Models(Told):
    data: tuple[_Model, ...]


class _Likely(Told):
    logprob: float


class _Scored(Told):
    prompt_logprobs: tuple[dict[str, _Likely] | None, ...]


class _Scores(Told):
    choices: tuple[_Scored, ...]


class _Direction(Told):
    index: int
    embedding: tuple[float, ...]


class _Directions(Told):
    data: tuple[_Direction, ...]


async def scores(upstream: Upstream, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> list[float]:
    """log P of each token of an answer, in nats, by vLLM's `prompt_logprobs`. Raises what a request raises."""
    ids = [*prompt_ids, *answer_ids]
    body = {"prompt": ids, "max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 1}
    told = await upstream.post("completions", body, _Scores)
    logs_T = told.choices[0].prompt_logprobs if told.choices else ()
    found = [(log or {}).get(str(id)) for id, log in zip(ids, logs_T, strict=False)][len(prompt_ids) :]
    if len(logs_T) != len(ids) or None in found:
        raise garbled("scores")
    return [each.logprob for each in found if each is not None]


async def directions(upstream: Upstream, texts: Sequence[str]) -> NDArray[np.float32]:
    """(N, D) of unit length. Raises what a request raises."""
    told = await upstream.post("embeddings", {"input": list(texts), "encoding_format": "float"}, _Directions)
    rows = [each.embedding for each in sorted(told.data, key=lambda each: each.index)]
    if len(rows) != len(texts) or len({len(row) for row in rows}) != 1:
        raise garbled("directions")
    rows_ND = np.array(rows, np.float64)
    lengths_N1 = np.linalg.norm(rows_ND, axis=1, keepdims=True)
    if not lengths_N1.all():
        raise garbled("directions")
    unit_ND: NDArray[np.float32] = (rows_ND / lengths_N1).astype(np.float32)
    return unit_ND


async def abilities(upstream: Upstream, chat: Chat) -> Abilities:
    """Ask a server that has just been named. Raises what a request raises, TunesmithError `engine-model` where it does
    not know the model.

    Scores are of tokens as we render them. Of a server that renders a conversation otherwise, or does not tell how,
    they would prove nothing of what it answers, and so it has none.
    """
    max_tokens = await _known(upstream)
    await upstream.post("chat/completions", _probe({}), Chunk)  # a wrong key or address is told here
    is_neutral = await _asked(upstream, NEUTRAL) is not None
    prompt_ids, rendered = chat.prompt_ids(PROBE), await _asked(upstream, {"return_token_ids": True})
    is_alike = rendered is not None and rendered.prompt_token_ids == tuple(prompt_ids)
    can_score = is_alike and await _seen(scores(upstream, prompt_ids[:-1], prompt_ids[-1:])) is not None
    logs = await _asked(upstream, {"logprobs": True, "top_logprobs": 1})
    # greedily a model of little worth may write white space for ever
    drawn = {"temperature": 1.0, "seed": 0, "max_tokens": JSON_TOKENS}
    held = await _asked(upstream, drawn | {"response_format": json_format(SCHEMA)})
    capabilities = Capabilities(
        log_probabilities=logs is not None and any(each.logprobs and each.logprobs.told() for each in logs.choices),
        scores=can_score,
        embeds=await _seen(directions(upstream, [PROBE[0].content])) is not None,
        labels=can_score,
        adapters=False,
        json=held is not None and any(_begins_json(each.said.content or "") for each in held.choices),
    )
    return Abilities(capabilities, NEUTRAL if is_neutral else {}, max_tokens)


def worded(messages: Sequence[Message]) -> list[dict[str, str]]:
    """A conversation as chat words it."""
    return [
        {"role": each.role, "content": each.content}
        | ({} if each.reasoning is None else dict.fromkeys(("reasoning_content", "reasoning"), each.reasoning))
        for each in messages
    ]


def json_format(schema: Mapping[str, object] | None) -> dict[str, object]:
    """As `response_format`: any object where there is no schema."""
    if schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}


async def _known(upstream: Upstream) -> int | None:
    """The model's longest conversation, where the server tells it."""
    models = {each.id: each for each in (await upstream.get("models", _Models)).data}
    if upstream.model not in models:
        known = ", ".join(models) or "-"
        raise TunesmithError("engine-model", place=Place(upstream.url), name=upstream.model, known=known)
    return models[upstream.model].max_model_len


def _probe(more: Mapping[str, object]) -> dict[str, object]:
    return {"messages": worded(PROBE), "max_tokens": 1, "temperature": 0.0, **more}


async def _asked(upstream: Upstream, more: Mapping[str, object]) -> Chunk | None:
    return await _seen(upstream.post("chat/completions", _probe(more), Chunk))


async def _seen(asking: Awaitable[_Seen]) -> _Seen | None:
    """What comes of it; None where the server cannot do that."""
    try:
        return await asking
    except TunesmithError as failure:
        if failure.code not in LACKING:
            raise
        return None


def _begins_json(answer: str) -> bool:
    return "".join(answer.split()).startswith(f'{{"{JSON_KEY}":')
