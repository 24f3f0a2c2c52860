"""The answers to one request while they are written: thinking split off, guarded, counted, and kept at the end."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime

from tunesmith.chat.stream import Split, ThinkingSplitter
from tunesmith.engine.interface import Delta, Request, TokenLogProbability
from tunesmith.records import Exchange, FinishReason, Message
from tunesmith.serve.account import Account
from tunesmith.serve.deployment import Served
from tunesmith.serve.errors import Refused
from tunesmith.serve.guard import AnswerGuard, ContentGuard, Verdict
from tunesmith.serve.recording import Recorder
from tunesmith.serve.submitted import Arrivals, Submitted


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: one prompt for each answer that is wanted."""

    model: Served
    at: datetime
    requests: tuple[Request, ...]
    exchanges: tuple[str, ...]
    """Their ids, told before an answer begins."""
    key: str | None
    subject: str | None = None
    prefilled: bool = False
    unopened: bool = False
    splits: bool = True
    """Whether thinking is told apart from the answer."""

    @property
    def prompts(self) -> tuple[tuple[Message, ...], ...]:
        """As they are guarded and kept; a plain text stands as its user's words."""
        return tuple(
            (Message("user", one.prompt),) if isinstance(one.prompt, str) else tuple(one.prompt)
            for one in self.requests
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """What may go out now of one answer."""

    place: int
    reasoning: str
    content: str
    log_probabilities: tuple[TokenLogProbability, ...] = ()
    is_last: bool = False


class Choice:
    """One answer. `splitter` is None where its text goes out as it was written."""

    def __init__(self, guard: AnswerGuard, splitter: ThinkingSplitter | None) -> None:
        self._guard = guard
        self._splitter = splitter
        self._has_answer = False
        self._started = time.perf_counter()
        self.reasoning = ""
        self.content = ""
        self.log_probabilities: list[TokenLogProbability] = []
        self.num_tokens = self.num_prompt_tokens = self.num_cached_tokens = 0
        self.first_token_seconds: float | None = None
        self.seconds = 0.0
        self.finish_reason: FinishReason | None = None
        self.guarded: tuple[str, ...] = ()

    @property
    def seconds_per_token(self) -> float | None:
        """From the first token to the last, by the tokens after the first; None where there are none."""
        if self.first_token_seconds is None or self.num_tokens < 2:
            return None
        return (self.seconds - self.first_token_seconds) / (self.num_tokens - 1)

    @property
    def has_thinking(self) -> bool:
        return self._splitter is not None and self._splitter.thinking != "none"

    def refuse(self, verdict: Verdict) -> None:
        """The answer to a request that is not to be answered."""
        self.content, self.finish_reason, self.guarded = verdict.reply, "content_filter", verdict.rules

    def take(self, place: int, delta: Delta) -> Piece:
        """Raises the failure of the engine, and Refused `engine-closed` where it was stopped."""
        self.seconds = time.perf_counter() - self._started
        if delta.failure is not None:
            raise delta.failure
        if delta.finish_reason == "cancelled":
            raise Refused("engine-closed")
        if (delta.ids or delta.text) and self.first_token_seconds is None:
            self.first_token_seconds = self.seconds
        self.num_tokens = delta.num_tokens or self.num_tokens + len(delta.ids)
        self.num_prompt_tokens = max(self.num_prompt_tokens, delta.num_prompt_tokens)
        self.num_cached_tokens = max(self.num_cached_tokens, delta.num_cached_tokens)
        reasoning, content = self._guarded(self._split(delta), is_last=delta.is_last)
        self.reasoning += reasoning
        self.content += content
        self.log_probabilities.extend(delta.log_probabilities)
        is_last = delta.is_last or self._guard.is_over
        if is_last:
            self.finish_reason = self._guard.finish_reason or delta.finish_reason
            self.guarded = self._guard.rules
        return Piece(place, reasoning, content, delta.log_probabilities, is_last)

    def _split(self, delta: Delta) -> Split:
        if self._splitter is None:
            return Split("", delta.text)
        split = self._splitter.feed(delta.text)
        if not delta.is_last:
            return split
        rest = self._splitter.finish()
        return Split(split.reasoning + rest.reasoning, split.content + rest.content)

    def _guarded(self, split: Split, *, is_last: bool) -> Split:
        reasoning, content = self._guard.feed_reasoning(split.reasoning), ""
        if not self._has_answer and (split.content or is_last or self._guard.is_over):
            self._has_answer = True
            reasoning += self._guard.finish_reasoning()
        if split.content:
            content = self._guard.feed(split.content)
        if is_last or self._guard.is_over:
            content += self._guard.finish()
        return Split(reasoning, content)


class Answering:
    """All answers to one request. The account of the request is filled as they come."""

    def __init__(self, asked: Asked, guard: ContentGuard, account: Account) -> None:
        self.asked = asked
        self._account = account
        self._verdict = next((found for prompt in asked.prompts if (found := guard.refuses(prompt))), None)
        self.choices = tuple(Choice(guard.answering(prompt), self._splitter()) for prompt in asked.prompts)
        account.model, account.exchange = asked.model.name, asked.exchanges[0]

    def _splitter(self) -> ThinkingSplitter | None:
        asked = self.asked
        return ThinkingSplitter(prefilled=asked.prefilled, unopened=asked.unopened) if asked.splits else None

    async def pieces(self, arrivals: Arrivals) -> AsyncGenerator[Piece, None]:
        """What goes out, until every answer is over. Leaving it early cancels them.

        Raises what `Engine.submit` and `Choice.take` raise.
        """
        if self._verdict is not None:
            for place, choice in enumerate(self.choices):
                choice.refuse(self._verdict)
                yield Piece(place, "", choice.content, is_last=True)
            self._tell_account()
            return
        try:
            async with Submitted(arrivals, self.asked.requests) as submitted:
                async for place, delta in submitted.deltas():
                    choice = self.choices[place]
                    if choice.finish_reason is not None:  # the guard ended it
                        continue
                    piece = choice.take(place, delta)
                    if piece.is_last and not delta.is_last:
                        submitted.cancel(place)
                    yield piece
                    if all(each.finish_reason for each in self.choices):
                        break
        finally:
            self._tell_account()

    async def finish(self, arrivals: Arrivals) -> None:
        """All answers, waited for."""
        async for _ in self.pieces(arrivals):
            pass

    async def record(self, recorder: Recorder) -> bool:
        """Whether every answer was committed under the policy."""
        return await recorder.record([self._exchange(place) for place in range(len(self.choices))])

    @property
    def usage(self) -> dict[str, object]:
        """As OpenAI tells it, once all answers are over."""
        account = self._account
        return {
            "prompt_tokens": account.num_prompt_tokens,
            "completion_tokens": account.num_tokens,
            "total_tokens": account.num_prompt_tokens + account.num_tokens,
            "prompt_tokens_details": {"cached_tokens": account.num_cached_tokens},
        }

    @property
    def guarded(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule for choice in self.choices for rule in choice.guarded))

    def _tell_account(self) -> None:
        """A prompt counts once, however many answers it has."""
        first, of_prompt = self.choices[0], dict[tuple[Message, ...], list[Choice]]()
        for prompt, choice in zip(self.asked.prompts, self.choices, strict=True):
            of_prompt.setdefault(prompt, []).append(choice)
        same = of_prompt.values()
        self._account.num_prompt_tokens = sum(max(each.num_prompt_tokens for each in choices) for choices in same)
        self._account.num_cached_tokens = sum(choices[0].num_cached_tokens for choices in same)
        self._account.num_tokens = sum(choice.num_tokens for choice in self.choices)
        self._account.first_token_seconds = first.first_token_seconds
        # as in vLLM, where each of several answers counts as one request
        paces = [choice.seconds_per_token for choice in self.choices]
        self._account.seconds_per_token = tuple(pace for pace in paces if pace is not None)
        self._account.finish_reason = first.finish_reason or "cancelled"
        self._account.guarded = self.guarded

    def _exchange(self, place: int) -> Exchange:
        choice, asked = self.choices[place], self.asked
        assert choice.finish_reason is not None
        return Exchange(
            id=asked.exchanges[place],
            at=asked.at,
            model=asked.model.name,
            version=asked.model.version,
            key=asked.key,
            subject=asked.subject,
            prompt=asked.prompts[place],
            answer=Message("assistant", choice.content, choice.reasoning if choice.has_thinking else None),
            finish_reason=choice.finish_reason,
            num_prompt_tokens=choice.num_prompt_tokens,
            num_tokens=choice.num_tokens,
            first_token_seconds=choice.first_token_seconds,
            seconds=choice.seconds,
            guarded=choice.guarded,
        )
