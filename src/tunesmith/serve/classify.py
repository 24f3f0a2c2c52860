"""`POST /v1/classify`: the label of each text, how sure the model is, and none where it is not sure enough.

Probabilities are the model's own; `confidence` is what the bundle's map makes of them, as the evaluation judged it.
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
from tunesmith.serve.asking import Serving, messages_of, refuse_over
from tunesmith.serve.bodies import ClassifyBody
from tunesmith.serve.deployment import Facts, Served
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

    def worded(self, index: int) -> dict[str, Any]:
        ranked = sorted(self.probabilities.items(), key=lambda pair: -pair[1])
        return {
            "index": index,
            "label": None if self.is_withheld else self.label,
            "confidence": self.confidence,
            "abstained": self.is_withheld,
            "probabilities": dict(ranked),
            "exchange": self.exchange,
        }


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
        if not facts.labels or model.name != facts.name:
            raise Refused("labels-none", param="model", name=model.name)
        if not engine.capabilities.labels:
            raise Refused("engine-lacks", param="model", field="model")
        conversations = _conversations(body, facts)
        refuse_over("input", len(conversations), deployment.section.limits.max_texts)
        at, started = deployment.runtime.clock(), time.perf_counter()
        probabilities_NC = await asyncio.to_thread(engine.label, conversations, facts.labels, model.adapter)
        num_tokens_N = await asyncio.to_thread(lambda: [engine.num_tokens_of(each) for each in conversations])
        threshold = facts.abstain_below if body.min_confidence is None else body.min_confidence
        chosen = choose(probabilities_NC, facts, threshold)
        asked = _Asked(model, at, caller.key, body.user, time.perf_counter() - started)
        account.exchange, account.num_prompt_tokens = chosen[0].exchange, sum(num_tokens_N)
        is_recorded = await serving.deployment.recorder.record(
            [asked.exchange(*each) for each in zip(chosen, conversations, num_tokens_N, strict=True)]
        )
        return JSONResponse(
            {
                "object": "list",
                "model": model.name,
                "created": int(at.timestamp()),
                "threshold": threshold,
                "calibrated": facts.label_map is not None,
                "data": [each.worded(index) for index, each in enumerate(chosen)],
                "usage": {"prompt_tokens": sum(num_tokens_N), "total_tokens": sum(num_tokens_N)},
                "tunesmith": {"exchange": chosen[0].exchange, "recorded": is_recorded},
            },
            headers={EXCHANGE: chosen[0].exchange},
        )

    return router


@dataclass(frozen=True, slots=True)
class _Asked:
    model: Served
    at: datetime
    key: str | None
    subject: str | None
    seconds: float

    def exchange(self, chosen: Chosen, prompt: Conversation, num_tokens: int) -> Exchange:
        label = None if chosen.is_withheld else chosen.label
        return Exchange(
            id=chosen.exchange,
            at=self.at,
            model=self.model.name,
            version=self.model.version,
            key=self.key,
            subject=self.subject,
            prompt=prompt,
            answer=None if label is None else Message("assistant", label),
            finish_reason="stop",
            num_prompt_tokens=num_tokens,
            num_tokens=0,
            first_token_seconds=None,
            seconds=self.seconds,
            label=label,
            confidence=chosen.confidence,
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
