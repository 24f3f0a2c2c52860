"""`POST /v1/classify`: the label of each text, how sure the model is, and none where it is not sure enough.

Probabilities are the model's own, of labels that it would write or of its head; `confidence` is what the bundle's map
makes of them, as the evaluation judged it. A model with a head for numbers gives a number.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse, Response

from tunesmith.records import Exchange, Message
from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.asking import Serving, messages_of, refuse_long, refuse_over
from tunesmith.serve.bodies import ClassifyBody
from tunesmith.serve.deployment import Deployment, Facts, Served
from tunesmith.serve.errors import Refused
from tunesmith.serve.reading import body_of
from tunesmith.serve.recording import new_exchange_id
from tunesmith.serve.replies import EXCHANGE
from tunesmith.stats.maps import calibrated

DIGITS: Final = 12
"""To which mended confidences are rounded where they are judged, and thresholds are chosen among them."""
Conversation = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The likeliest label of one text."""

    exchange: str
    label: str
    confidence: float
    is_withheld: bool
    probabilities: dict[str, float]

    @property
    def answer(self) -> str | None:
        """What is told of it."""
        return None if self.is_withheld else self.label

    def worded(self, index: int) -> dict[str, Any]:
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        return {
            "index": index,
            "label": self.answer,
            "confidence": self.confidence,
            "abstained": self.is_withheld,
            "probabilities": dict(ranked),
            "exchange": self.exchange,
        }


@dataclass(frozen=True, slots=True)
class Measured:
    """The number that a head gives to one text."""

    exchange: str
    value: float

    @property
    def answer(self) -> str | None:
        """As the evaluation writes it."""
        return f"{self.value:.6g}"

    def worded(self, index: int) -> dict[str, Any]:
        return {"index": index, "value": self.value, "exchange": self.exchange}


def choose(probabilities_NC: Sequence[Sequence[float]], facts: Facts, threshold: float | None) -> list[Chosen]:
    """The likeliest label of each text; withheld where its mended confidence is below the threshold."""
    shares_NC = np.minimum(1.0, np.asarray(probabilities_NC, np.float64))
    stated_N = shares_NC.max(axis=1)
    mended_N = stated_N if facts.label_map is None else np.round(calibrated(shares_NC, facts.label_map), DIGITS)
    return [
        Chosen(
            exchange=new_exchange_id(),
            label=facts.labels[int(np.argmax(shares_C))],
            confidence=confidence,
            is_withheld=threshold is not None and confidence < threshold,
            probabilities=dict(zip(facts.labels, shares_C.tolist(), strict=True)),
        )
        for shares_C, confidence in zip(shares_NC, mended_N.tolist(), strict=True)
    ]


def classify_router(serving: Serving) -> APIRouter:
    router = APIRouter()
    deployment = serving.deployment
    engine, facts = deployment.engine, deployment.facts

    @router.post("/v1/classify")
    async def classify(
        caller: Annotated[Caller, Depends(Needs("infer"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[ClassifyBody, Depends(body_of(ClassifyBody))],
    ) -> Response:
        model = deployment.models.find(body.model)
        account.model = model.name
        _refuse(deployment, body, model)
        conversations = _conversations(body, facts)
        at, started = deployment.runtime.clock(), time.perf_counter()
        threshold = facts.abstain_below if body.min_confidence is None else body.min_confidence
        said = await asyncio.to_thread(_said, deployment, conversations, model, threshold)
        num_tokens_N = await asyncio.to_thread(lambda: [engine.num_tokens_of(each) for each in conversations])
        asked = _Asked(model, at, caller.key, body.user, time.perf_counter() - started)
        account.exchange, account.num_prompt_tokens = said[0].exchange, sum(num_tokens_N)
        is_recorded = await serving.deployment.recorder.record(
            [asked.exchange(*each) for each in zip(said, conversations, num_tokens_N, strict=True)]
        )
        return JSONResponse(
            {
                "object": "list",
                "model": model.name,
                "created": int(at.timestamp()),
                "threshold": threshold,
                "calibrated": facts.label_map is not None,
                "data": [each.worded(index) for index, each in enumerate(said)],
                "usage": {"prompt_tokens": sum(num_tokens_N), "total_tokens": sum(num_tokens_N)},
                "tunesmith": {"exchange": said[0].exchange, "recorded": is_recorded},
            },
            headers={EXCHANGE: said[0].exchange},
        )

    return router


def _refuse(deployment: Deployment, body: ClassifyBody, model: Served) -> None:
    """Raises Refused `labels-none`, `engine-lacks`, `number-sureness`, `over-limit`, `text-too-long`."""
    facts, limits = deployment.facts, deployment.section.limits
    gives_numbers = deployment.numbers is not None
    if model.name != facts.name or not (facts.labels or gives_numbers):
        raise Refused("labels-none", param="model", name=model.name)
    if not (deployment.engine.capabilities.labels or gives_numbers):
        raise Refused("engine-lacks", param="model", field="model")
    if gives_numbers and body.min_confidence is not None:
        raise Refused("number-sureness", param="min_confidence", name=model.name)
    refuse_over("input", len(body.texts), limits.max_texts)
    refuse_over("messages", len(body.messages or ()), limits.max_messages)
    refuse_long(deployment, "messages" if body.messages else "input", body.num_characters)


def _said(
    deployment: Deployment, conversations: Sequence[Conversation], model: Served, threshold: float | None
) -> Sequence[Chosen | Measured]:
    if deployment.numbers is not None:
        return [Measured(new_exchange_id(), number) for number in deployment.numbers(conversations)]
    labels = deployment.facts.labels
    return choose(deployment.engine.label(conversations, labels, model.adapter), deployment.facts, threshold)


@dataclass(frozen=True, slots=True)
class _Asked:
    model: Served
    at: datetime
    key: str | None
    subject: str | None
    seconds: float

    def exchange(self, said: Chosen | Measured, prompt: Conversation, num_tokens: int) -> Exchange:
        return Exchange(
            id=said.exchange,
            at=self.at,
            model=self.model.name,
            version=self.model.version,
            key=self.key,
            subject=self.subject,
            prompt=prompt,
            answer=None if said.answer is None else Message("assistant", said.answer),
            finish_reason="stop",
            num_prompt_tokens=num_tokens,
            num_tokens=0,
            first_token_seconds=None,
            seconds=self.seconds,
            label=said.answer if isinstance(said, Chosen) else None,
            confidence=said.confidence if isinstance(said, Chosen) else None,
        )


def _conversations(body: ClassifyBody, facts: Facts) -> list[Conversation]:
    if body.messages is not None:
        return [messages_of(body.messages)]
    return [_conversation(text, facts) for text in body.texts]


def _conversation(text: str, facts: Facts) -> Conversation:
    """A text is asked as the rows were that the model learned from."""
    before = () if facts.system is None else (Message("system", facts.system),)
    return (*before, Message("user", facts.user_style.replace("{prompt}", text)))


def text_of(conversation: Conversation, facts: Facts) -> str | None:
    """The text that is asked as this conversation; None where none is."""
    before, _, behind = facts.user_style.partition("{prompt}")
    text = conversation[-1].content.removeprefix(before).removesuffix(behind)
    return text if text and _conversation(text, facts) == conversation else None
