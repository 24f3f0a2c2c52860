"""`POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tunesmith.serve.access import Caller, Needs
from tunesmith.serve.account import Account, account_of
from tunesmith.serve.answers import Answering, Choice, Piece
from tunesmith.serve.asking import Serving, asked_in_chat
from tunesmith.serve.bodies import ChatBody
from tunesmith.serve.reading import body_of
from tunesmith.serve.replies import FINISHED, Reply, language_of, log_probabilities, send_reply


def chat_router(serving: Serving) -> APIRouter:
    router = APIRouter()

    @router.post("/v1/chat/completions")
    async def chat_completions(
        request: Request,
        caller: Annotated[Caller, Depends(Needs("infer"))],
        account: Annotated[Account, Depends(account_of)],
        body: Annotated[ChatBody, Depends(body_of(ChatBody))],
    ) -> Response:
        answering = Answering(asked_in_chat(serving, body, caller), serving.guard, account)
        wording = ChatWording(tells_tokens=bool(body.logprobs))
        language = language_of(request, serving)
        reply = Reply(serving, answering, account, wording, language, body.wants_usage)
        return await send_reply(request, reply, streams=bool(body.stream))

    return router


class ChatWording:
    """Thinking stands beside the answer, under both names that clients know."""

    whole_object = "chat.completion"
    chunk_object = "chat.completion.chunk"
    id_prefix = "chatcmpl-"

    def __init__(self, *, tells_tokens: bool) -> None:
        self._tells_tokens = tells_tokens

    def whole(self, place: int, choice: Choice) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": choice.content, "refusal": None}
        if choice.has_thinking:
            message |= _thought(choice.reasoning)
        return {
            "index": place,
            "message": message,
            "logprobs": self._logprobs(choice.log_probabilities),
            "finish_reason": FINISHED[choice.finish_reason or "stop"],
        }

    def opening(self, place: int) -> dict[str, Any] | None:
        return self._chunk(place, {"role": "assistant", "content": ""}, None)

    def part(self, piece: Piece) -> dict[str, Any]:
        delta = _thought(piece.reasoning) if piece.reasoning else {}
        if piece.content or not delta:
            delta |= {"content": piece.content}
        return {
            **self._chunk(piece.place, delta, None),
            "logprobs": self._logprobs(list(piece.log_probabilities)),
        }

    def closing(self, place: int, choice: Choice) -> dict[str, Any]:
        return self._chunk(place, {}, FINISHED[choice.finish_reason or "stop"])

    def _chunk(self, place: int, delta: dict[str, Any], finish_reason: str | None) -> dict[str, Any]:
        return {"index": place, "delta": delta, "logprobs": None, "finish_reason": finish_reason}

    def _logprobs(self, told: list[Any]) -> dict[str, Any] | None:
        if not self._tells_tokens:
            return None
        return {"content": [log_probabilities(each) for each in told], "refusal": None}


def _thought(reasoning: str) -> dict[str, Any]:
    return {"reasoning_content": reasoning, "reasoning": reasoning}
