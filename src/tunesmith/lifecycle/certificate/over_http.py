"""A server asked as its clients ask it: over HTTP, for whole answers and for streamed ones, and for labels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from httpx2 import Client, Response

from tunesmith.errors import RunFailed
from tunesmith.lifecycle.certificate.limits import FORMS
from tunesmith.records import Message

CHAT: Final = "chat/completions"
CLASSIFY: Final = "classify"
DONE: Final = "[DONE]"
ROLES: Final = frozenset({"system", "user", "assistant"})
"""Whose turns a request may hold."""
MAX_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request for answers."""

    messages: tuple[Message, ...]
    """One an answer."""
    finish_reasons: tuple[str, ...]
    num_prompt_tokens: int
    num_tokens: int
    """Of all answers."""
    log_probabilities: tuple[float, ...] = ()
    """Of the tokens of the first answer in nats, where they were asked for."""


def is_sayable(prompt: Sequence[Message]) -> bool:
    """Whether a request can hold this conversation: what tools said has no place in one."""
    return bool(prompt) and all(message.role in ROLES for message in prompt)


@dataclass(frozen=True, slots=True)
class Asker:
    """A client of a server that has one model to ask. All methods raise RunFailed `certificate-http` where the server
    refuses or breaks off."""

    http: Client
    """Whose base is where the API begins."""
    model: str

    def whole(self, prompt: Sequence[Message], **wanted: Any) -> Reply:
        """An answer in one piece; `wanted` are further fields of the request."""
        told = _told(self.http.post(CHAT, json=self._body(prompt, wanted)))
        choices, usage = told["choices"], told["usage"]
        tokens = (choices[0]["logprobs"] or {"content": []})["content"]
        return Reply(
            messages=tuple(_message(choice["message"]) for choice in choices),
            finish_reasons=tuple(choice["finish_reason"] for choice in choices),
            num_prompt_tokens=usage["prompt_tokens"],
            num_tokens=usage["completion_tokens"],
            log_probabilities=tuple(token["logprob"] for token in tokens),
        )

    def streamed(self, prompt: Sequence[Message], **wanted: Any) -> Reply:
        """The same as server-sent events, whose pieces are joined; one answer."""
        streaming = {"stream": True, "stream_options": {"include_usage": True}}
        response = self.http.post(CHAT, json=self._body(prompt, {**wanted, **streaming}))
        if response.status_code != 200:
            raise _refused(response, _problem(response))
        # by the bytes: a text may hold what `splitlines` takes for the end of a line
        lines = [event.removeprefix("data: ") for event in response.content.decode().split("\n\n") if event]
        if not lines or lines[-1] != DONE:
            raise _refused(response, "".join(lines[-1:])[:MAX_SHOWN])
        events = [json.loads(line) for line in lines[:-1]]
        choices = [event["choices"][0] for event in events if event["choices"]]
        deltas = [choice["delta"] for choice in choices]
        joined = {
            name: "".join(delta[name] for delta in deltas if name in delta)
            for name in ("content", "reasoning_content")
            if any(name in delta for delta in deltas)
        }
        usage = events[-1]["usage"]
        return Reply(
            messages=(_message(joined),),
            finish_reasons=(choices[-1]["finish_reason"],),
            num_prompt_tokens=usage["prompt_tokens"],
            num_tokens=usage["completion_tokens"],
        )

    def probabilities(self, labels: Sequence[str], **asked: Any) -> list[list[float]]:
        """How likely each label is for each text (`input`), or for one conversation (`messages`)."""
        # none is withheld
        told = _told(self.http.post(CLASSIFY, json={"model": self.model, "min_confidence": 0.0, **asked}))
        return [[row["probabilities"][label] for label in labels] for row in told["data"]]

    def _body(self, prompt: Sequence[Message], wanted: dict[str, Any]) -> dict[str, Any]:
        return {"model": self.model, "messages": worded(prompt), **wanted}


def worded(prompt: Sequence[Message]) -> list[dict[str, str]]:
    """A conversation as a request holds it."""
    return [
        {"role": message.role, "content": message.content}
        | ({} if message.reasoning is None else {"reasoning_content": message.reasoning})
        for message in prompt
    ]


def _message(told: dict[str, Any]) -> Message:
    """Thinking that says nothing is none: a stream has no piece for it."""
    return Message("assistant", told.get("content", ""), told.get("reasoning_content") or None)


def _told(response: Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise _refused(response, _problem(response))
    told: dict[str, Any] = response.json()
    return told


def _problem(response: Response) -> str:
    """As OpenAI's envelope tells it."""
    return str(response.json()["error"]["message"])[:MAX_SHOWN]


def _refused(response: Response, problem: str) -> RunFailed:
    path = response.request.url.path
    return RunFailed("certificate-http", place=FORMS, path=path, status=response.status_code, problem=problem)
