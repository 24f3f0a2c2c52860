"""From a checked body to what the engine is asked, within the operator's limits."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tunesmith.engine.interface import Request
from tunesmith.records import Message, Sampling
from tunesmith.serve.access import Caller
from tunesmith.serve.answers import Asked
from tunesmith.serve.bodies import MAX_SCHEMA_CHARACTERS, ChatBody, ChatMessage, CompletionBody, ResponseFormat, Sampled
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.errors import Refused
from tunesmith.serve.guard import ContentGuard
from tunesmith.serve.recording import new_exchange_id
from tunesmith.serve.submitted import Arrivals

SEED_BITS: Final = 63


@dataclass(frozen=True, slots=True)
class Serving:
    """What the routes of one server work with."""

    deployment: Deployment
    guard: ContentGuard
    arrivals: Arrivals


def asked_in_chat(serving: Serving, body: ChatBody, caller: Caller) -> Asked:
    """Raises TunesmithError `model-unknown`; Refused `writes-nothing`, `over-limit`, `text-too-long`, `engine-lacks`,
    `logprobs-guarded`, `schema-too-large`."""
    deployment = serving.deployment
    _refuse_silent(deployment, body.model)
    refuse_over("messages", len(body.messages), deployment.section.limits.max_messages)
    refuse_long(deployment, "messages", sum(each.num_characters for each in body.messages))
    wanted = "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"
    is_json = body.response_format is not None and body.response_format.type != "text"
    one = Request(
        prompt=messages_of(body.messages),
        sampling=_sampling(deployment, body, body.num_wanted_tokens, wanted),
        num_top=body.num_top,
        is_json=is_json,
        json_schema=_schema(deployment, body.response_format),
    )
    # a whole text is split as evaluation does it, one that streams only where that may be needed; JSON opens none
    unopened = not is_json and (deployment.facts.closes_unopened or not body.stream)
    asked = _asked(serving, body, caller, [one])
    return replace(asked, subject=body.subject, prefilled=deployment.facts.prefilled, unopened=unopened)


def asked_to_complete(serving: Serving, body: CompletionBody, caller: Caller) -> Asked:
    """Raises what `asked_in_chat` raises. Every prompt has its `n` answers, prompt by prompt."""
    deployment = serving.deployment
    _refuse_silent(deployment, body.model)
    refuse_over("prompt", len(body.prompts) * (body.n or 1), deployment.section.limits.max_choices)
    refuse_long(deployment, "prompt", max(map(len, body.prompts)))
    sampling = _sampling(deployment, body, body.max_tokens, "max_tokens")
    wanted = [Request(prompt=prompt, sampling=sampling, num_top=body.logprobs) for prompt in body.prompts]
    return replace(_asked(serving, body, caller, wanted), subject=body.user, splits=False)


def _refuse_silent(deployment: Deployment, name: str) -> None:
    """Raises Refused `writes-nothing` for a model that says labels or numbers alone."""
    if not deployment.engine.capabilities.writes:
        raise Refused("writes-nothing", param="model", name=deployment.models.find(name).name)


def _asked(serving: Serving, body: ChatBody | CompletionBody, caller: Caller, wanted: Sequence[Request]) -> Asked:
    """Each of the requests `n` times, by the model and within the time that both kinds of body know."""
    deployment = serving.deployment
    model = deployment.models.find(body.model)
    _refuse_logprobs(serving, wanted[0].num_top)
    seconds = deployment.section.limits.request_seconds
    requests = tuple(
        replace(one, sample=sample, adapter=model.adapter, stop=body.stops, max_seconds=seconds)
        for one in wanted
        for sample in range(body.n or 1)
    )
    return Asked(
        model=model,
        at=deployment.runtime.clock(),
        requests=requests,
        exchanges=tuple(new_exchange_id() for _ in requests),
        key=caller.key,
    )


def messages_of(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    return tuple(each.message() for each in messages)


def refuse_over(field: str, number: int, limit: int) -> None:
    """Raises Refused `over-limit`."""
    if number > limit:
        raise Refused("over-limit", param=field, field=field, limit=limit, got=number)


def refuse_long(deployment: Deployment, field: str, num_characters: int) -> None:
    """A prompt that cannot fit is neither held to the guard's rules nor rendered nor tokenised.

    Raises Refused `text-too-long`.
    """
    limit = deployment.engine.capabilities.max_characters
    if limit is not None and num_characters > limit:
        raise Refused("text-too-long", param=field, field=field, limit=limit, got=num_characters)


def _sampling(deployment: Deployment, body: Sampled, num_tokens: int | None, field: str) -> Sampling:
    """How answers are drawn: as the model was judged, where the request does not say otherwise."""
    limits, judged = deployment.section.limits, deployment.facts.sampling
    refuse_over("n", body.n or 1, limits.max_choices)
    refuse_over(field, num_tokens or 0, limits.max_new_tokens)
    return Sampling(
        temperature=judged.temperature if body.temperature is None else body.temperature,
        top_p=judged.top_p if body.top_p is None else body.top_p,
        max_new_tokens=num_tokens or limits.max_new_tokens,
        seed=secrets.randbits(SEED_BITS) if body.seed is None else body.seed % 2**SEED_BITS,
    )


def _schema(deployment: Deployment, wanted: ResponseFormat | None) -> dict[str, object] | None:
    if wanted is None or wanted.type == "text":
        return None
    if not deployment.engine.capabilities.json:
        raise Refused("engine-lacks", param="response_format", field="response_format")
    if wanted.json_schema is None:
        return None
    schema: dict[str, object] = dict(wanted.json_schema.schema_)
    if len(json.dumps(schema)) > MAX_SCHEMA_CHARACTERS:
        raise Refused("schema-too-large", param="response_format.json_schema", limit=MAX_SCHEMA_CHARACTERS)
    return schema


def _refuse_logprobs(serving: Serving, num_top: int | None) -> None:
    """The probabilities of tokens would tell what a guard holds back."""
    if num_top is None:
        return
    guard = serving.deployment.section.guard
    if guard.answers or guard.personal != "allow" or guard.max_answer_characters is not None:
        raise Refused("logprobs-guarded", param="logprobs")
    if not serving.deployment.engine.capabilities.log_probabilities:
        raise Refused("engine-lacks", param="logprobs", field="logprobs")
