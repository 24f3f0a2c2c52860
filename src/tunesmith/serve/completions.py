"""`POST /v1/completions`: texts that the model writes on, without a template."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tunesmith.engine.interface import TokenLogProbability
from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.answers import Answering, Choice, Piece
from tunesmith.serve.asking import Serving, asked_to_complete
from tunesmith.serve.bodies import CompletionBody
from tunesmith.serve.reading import body_of
from tunesmith.serve.replies import FINISHED, LEAST, Reply, language_of, send_reply


def completions_router(serving: Serving) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/completions")
    async def completions(
        request: Request,
        caller: Annotated[Caller, Depends(Needs("infer"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[CompletionBody, Depends(body_of(CompletionBody))],
    ) -> Response:
        answering = Answering(asked_to_complete(serving, body, caller), serving.guard, account)
        wording = TextWording(tells_tokens=body.logprobs is not None)
        language = language_of(request, serving)
        reply = Reply(serving, answering, account, wording, language, body.wants_usage)
        return await send_reply(request, reply, streams=bool(body.stream))

    return router


class TextWording:
    """Text as the model writes it, thinking included."""

    whole_object = chunk_object = "text_completion"
    id_prefix = "cmpl-"

    def __init__(self, *, tells_tokens: bool) -> None:
        self._tells_tokens = tells_tokens
        self._num_characters: dict[int, int] = {}
        """By answer, of the tokens that were told."""

    def whole(self, place: int, choice: Choice) -> dict[str, Any]:
        finish_reason = FINISHED[choice.finish_reason or "stop"]
        return self._choice(place, choice.content, choice.log_probabilities, finish_reason)

    def opening(self, place: int) -> dict[str, Any] | None:
        return None

    def part(self, piece: Piece) -> dict[str, Any]:
        return self._choice(piece.place, piece.content, piece.log_probabilities, None)

    def closing(self, place: int, choice: Choice) -> dict[str, Any]:
        return self._choice(place, "", (), FINISHED[choice.finish_reason or "stop"])

    def _choice(
        self, place: int, text: str, told: Sequence[TokenLogProbability], finish_reason: str | None
    ) -> dict[str, Any]:
        logprobs = self._logprobs(place, told) if self._tells_tokens else None
        return {"index": place, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}

    def _logprobs(self, place: int, told: Sequence[TokenLogProbability]) -> dict[str, Any]:
        """Offsets count from the beginning of the answer."""
        begin = self._num_characters.get(place, 0)
        *offsets, self._num_characters[place] = accumulate((len(each.text) for each in told), initial=begin)
        return {
            "tokens": [each.text for each in told],
            "token_logprobs": [max(each.log_probability, LEAST) for each in told],
            "top_logprobs": [_by_text(each.top) for each in told],
            "text_offset": offsets,
        }


def _by_text(top: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Several may have one text, as parts of characters do: the likeliest, which comes first, stands for it."""
    found: dict[str, float] = {}
    for text, value in top:
        found.setdefault(text, max(value, LEAST))
    return found
