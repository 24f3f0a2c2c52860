"""Continuous batching: answers begin and end at any step while others are written.

One thread does all that concerns the model. Each of its steps computes one token of every answer that is being written
and a stretch of the prompts that are read, all in one flat batch, each with its own adapter. An answer is admitted,
first come, first served, when there are places for its prompt and all that it may write: none that has begun waits for
another.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.engine.blocks import Blocks, Held, block_names
from tunesmith.engine.draw import choose, seed_of
from tunesmith.engine.interface import (
    CHARACTERS_PER_TOKEN,
    Capabilities,
    Delta,
    EngineLoad,
    OnDelta,
    Prompt,
    Request,
    TokenLogProbability,
)
from tunesmith.engine.json_mask import JsonMask, JsonMasks
from tunesmith.engine.local import LocalEngine
from tunesmith.engine.mean import mean_directions
from tunesmith.engine.step import ModelStep, Row
from tunesmith.engine.text_out import TextOut
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.model.adapters import Adapters
from tunesmith.model.lora import BASE_ONLY
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import FinishReason, Message, Rendered

READ_TOKENS: Final = {"cpu": 256, "cuda": 2048}
"""Tokens of prompts that are read in one step: more would hold up the answers that are being written."""
TEXTS_AT_ONCE: Final = 16
"""Conversations that are labelled, or texts that are embedded, between two steps."""
PIECE_SECONDS: Final = 0.02
"""Between two pieces of an answer: nobody reads 50 a second, and sending one costs more than a small model's token."""

_Result = TypeVar("_Result")
_Thing = TypeVar("_Thing")


@dataclass(slots=True, eq=False)
class _Answer:
    """One request and how far it is; only the engine's thread changes it."""

    number: int
    request: Request
    on_delta: OnDelta
    prompt: list[int]
    """With the virtual tokens before it."""
    num_virtual: int
    room: int
    """Tokens that may be written."""
    deadline: float
    generator: np.random.Generator
    text: TextOut
    mask: JsonMask | None
    adapter: int = BASE_ONLY
    names: list[bytes] = field(default_factory=list)
    held: Held | None = None
    num_computed: int = 0
    written: list[int] = field(default_factory=list)
    told_at: float = -math.inf
    untold_text: str = ""
    untold_ids: list[int] = field(default_factory=list)
    untold_logs: list[TokenLogProbability] = field(default_factory=list)

    def row(self, num_tokens: int) -> Row:
        """Its next tokens for the model."""
        assert self.held is not None
        end = self.num_computed + num_tokens
        ids = self.written[-1:] if self.written else self.prompt[self.num_computed : end]
        return Row(ids, self.held.places[:end], self.adapter, wants_next=end >= len(self.prompt))


class BatchingEngine:
    """Answers of one model and its chat; `Engine` says what each method does. Close it when done."""

    def __init__(
        self,
        model: PreTrainedModel,
        chat: Chat,
        *,
        max_tokens: int,
        max_running: int = 32,
        max_waiting: int = 64,
        max_cached_tokens: int = 65_536,
    ) -> None:
        """`max_tokens` bounds a prompt with its answer, `max_running` answers are written at once while `max_waiting`
        more wait, and keys and values of `max_cached_tokens` tokens are kept for all of them and for what begins alike.
        """
        model.eval()
        self._model, self._chat = model, chat
        self._blocks = Blocks(max_cached_tokens)
        self._max_tokens = min(max_tokens, self._blocks.max_tokens)
        self._max_running, self._max_waiting = max_running, max_waiting
        self._virtual_ids = list(virtual_ids(model))
        self._adapters = Adapters(model)
        self._step = ModelStep(model, self._adapters, self._blocks.num_places)
        self._local = LocalEngine(model, chat, max_tokens)
        self._read_tokens = READ_TOKENS[model.device.type]
        self._numbers, self._adapter_numbers = count(1), count()
        self._adapter_of: dict[str, int] = {}
        self._waiting: deque[_Answer] = deque()
        self._running: dict[int, _Answer] = {}
        self._cancelled: set[int] = set()
        self._jobs: deque[Callable[[], None]] = deque()
        self._retiring: dict[int, Future[None]] = {}
        """Adapters that go when no answer has them any more, and who waits for it."""
        self._drain_until: float | None = None
        """When the rest is cancelled; None while requests are taken."""
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="tunesmith-engine", daemon=True)
        self._thread.start()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            log_probabilities=True,
            scores=True,
            embeds=True,
            labels=True,
            adapters=True,
            json=True,
            max_characters=CHARACTERS_PER_TOKEN * self._max_tokens,
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        return tuple(self._adapter_of)

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        prompt = self._virtual_ids + self._ids_of(request.prompt)
        self._refuse_long(len(prompt) + 1)
        is_json = request.is_json or request.json_schema is not None
        answer = _Answer(
            number=next(self._numbers),
            request=request,
            on_delta=on_delta,
            prompt=prompt,
            num_virtual=len(self._virtual_ids),
            room=min(request.sampling.max_new_tokens, self._max_tokens - len(prompt)),
            deadline=time.monotonic() + (math.inf if request.max_seconds is None else request.max_seconds),
            generator=np.random.default_rng(seed_of(prompt, request.sample, request.sampling.seed)),
            text=TextOut(self._chat.decode, request.stop),
            mask=self._masks.mask(request.json_schema) if is_json else None,
        )
        with self._changed:
            self._refuse_closed()
            answer.adapter = self._adapter_number(request.adapter)
            if len(self._waiting) + len(self._running) >= self._max_running + self._max_waiting:
                raise TunesmithError("queue-full", waiting=self._max_waiting)
            self._waiting.append(answer)
            self._changed.notify()
        return answer.number

    def cancel(self, number: int) -> None:
        with self._changed:
            self._cancelled.add(number)
            self._changed.notify()

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        begin, whole = len(prompt_ids), np.array([*prompt_ids, *answer_ids], np.int32)
        self._refuse_long(len(self._virtual_ids) + len(whole))
        row = Rendered("", whole, (np.arange(len(whole)) >= begin).astype(np.float32))

        def work() -> list[float]:
            with self._adapters.using(self._adapter_number(adapter)):
                logs_T: list[float] = self._local.token_likelihoods([row])[0][begin:].tolist()
                return logs_T

        return self._between_steps(work)

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        answers = [Message("assistant", label) for label in labels]
        for conversation in conversations:
            self._refuse_long(len(self._virtual_ids) + self.num_tokens_of(tuple(conversation)) + 1)

        def work(part: Sequence[Sequence[Message]]) -> list[list[float]]:
            with self._adapters.using(self._adapter_number(adapter)):
                logs_BC = np.array(self._local.log_likelihoods(part, answers))
            shares_BC = np.exp(logs_BC - logs_BC.max(axis=1, keepdims=True))
            found: list[list[float]] = (shares_BC / shares_BC.sum(axis=1, keepdims=True)).tolist()
            return found

        return [row for part in _parts(conversations) for row in self._between_steps(partial(work, part))]

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        ids = [self._chat.read_ids(text) for text in texts]
        self._refuse_long(len(self._virtual_ids) + max(map(len, ids), default=0))

        def work(part: Sequence[list[int]]) -> NDArray[np.float32]:
            with self._adapters.using(self._adapter_number(adapter)):
                return mean_directions(self._model, part)

        parts = [self._between_steps(partial(work, part)) for part in _parts(ids)]
        return np.concatenate(parts) if parts else np.zeros((0, self._model.config.hidden_size), np.float32)

    def num_tokens_of(self, prompt: Prompt) -> int:
        return len(self._ids_of(prompt))

    def num_read_tokens(self, text: str) -> int:
        return len(self._chat.read_ids(text))

    def load_adapter(self, name: str, folder: Path) -> None:
        number = next(self._adapter_numbers)
        self._between_steps(lambda: self._adapters.load(number, folder))
        with self._changed:
            before = self._adapter_of.get(name)
            self._adapter_of[name] = number
            if before is not None:
                self._retiring[before] = Future()
                self._changed.notify()

    def unload_adapter(self, name: str) -> None:
        gone: Future[None] = Future()
        with self._changed:
            self._refuse_closed()
            self._retiring[self._adapter_number(name)] = gone
            del self._adapter_of[name]
            self._changed.notify()
        gone.result()

    def load(self) -> EngineLoad:
        with self._changed:
            return EngineLoad(
                num_running=len(self._running),
                num_waiting=len(self._waiting),
                num_cached_tokens=self._blocks.num_held_tokens,
                max_cached_tokens=self._blocks.max_tokens,
            )

    def close(self, drain_seconds: float = 0.0) -> None:
        with self._changed:
            self._drain_until = time.monotonic() + drain_seconds
            self._changed.notify()
        self._thread.join()

    def _ids_of(self, prompt: Prompt) -> list[int]:
        return self._chat.text_ids(prompt) if isinstance(prompt, str) else self._chat.prompt_ids(prompt)

    @cached_property
    def _masks(self) -> JsonMasks:
        return JsonMasks(self._chat, self._model.config.vocab_size)

    def _adapter_number(self, name: str | None) -> int:
        if name is None:
            return BASE_ONLY
        if name not in self._adapter_of:
            raise TunesmithError("adapter-unknown", name=name, known=", ".join(self._adapter_of))
        return self._adapter_of[name]

    def _refuse_long(self, num_tokens: int) -> None:
        if num_tokens > self._max_tokens:
            raise TunesmithError("prompt-too-long", tokens=num_tokens, limit=self._max_tokens)

    def _refuse_closed(self) -> None:
        if self._drain_until is not None:
            raise RunFailed("engine-closed")

    def _between_steps(self, work: Callable[[], _Result]) -> _Result:
        """What `work` gives, done by the engine's thread; it may not be called by that thread."""
        done: Future[_Result] = Future()

        def job() -> None:
            try:
                done.set_result(work())
            except Exception as failure:  # whoever asked for it is told
                done.set_exception(failure)

        with self._changed:
            self._refuse_closed()
            self._jobs.append(job)
            self._changed.notify()
        return done.result()

    def _run(self) -> None:
        """The engine's thread."""
        while True:
            with self._changed:
                while not (self._is_busy() or self._is_over()):
                    self._changed.wait()
                if self._is_over():
                    break
                jobs, self._jobs = self._jobs, deque()
                cancelled, self._cancelled = self._cancelled, set()
            for job in jobs:
                job()
            self._sweep(cancelled)
            self._admit()
            if self._running:
                self._advance(self._next_tokens())
        for job in self._jobs:
            job()
        self._sweep({answer.number for answer in self._answers()})

    def _is_busy(self) -> bool:
        return bool(self._running or self._waiting or self._jobs or self._retiring)

    def _is_over(self) -> bool:
        return self._drain_until is not None and (not self._is_busy() or time.monotonic() >= self._drain_until)

    def _sweep(self, cancelled: set[int]) -> None:
        """End what is cancelled or out of time, and let adapters go that nobody has any more."""
        now = time.monotonic()
        for answer in self._answers():
            if answer.number in cancelled:
                self._end(answer, "cancelled")
            elif now >= answer.deadline:
                self._end(answer, "timeout")
        with self._changed:
            used = {answer.adapter for answer in self._answers()}
            gone = {number: self._retiring.pop(number) for number in self._retiring.keys() - used}
        for number, future in gone.items():
            self._adapters.drop(number)
            future.set_result(None)

    def _answers(self) -> tuple[_Answer, ...]:
        with self._changed:
            return (*self._running.values(), *self._waiting)

    def _admit(self) -> None:
        while self._waiting and len(self._running) < self._max_running:
            answer = self._waiting[0]
            if not answer.names:
                answer.names = block_names(answer.prompt[:-1], answer.adapter)
            answer.held = self._blocks.hold(answer.names, len(answer.prompt) + answer.room)
            if answer.held is None:
                return
            answer.num_computed = answer.held.num_cached
            with self._changed:
                self._running[answer.number] = self._waiting.popleft()

    def _next_tokens(self) -> list[tuple[_Answer, int]]:
        """How many tokens each answer has in the next step: one that is written, or a stretch of its prompt."""
        left, batch = self._read_tokens, []
        for answer in self._running.values():
            num_tokens = 1 if answer.written else min(left, len(answer.prompt) - answer.num_computed)
            left -= 0 if answer.written else num_tokens
            if num_tokens:
                batch.append((answer, num_tokens))
        return batch

    def _advance(self, batch: Sequence[tuple[_Answer, int]]) -> None:
        """One step of the model for these answers. Where it fails, each is tried alone."""
        rows = [answer.row(num_tokens) for answer, num_tokens in batch]
        try:
            logits_WV = self._step.logits(rows)
        except Exception as failure:  # of whatever kind: the others go on
            if len(batch) == 1:
                self._fail(batch[0][0], failure)
            else:
                for each in batch:
                    self._advance([each])
            return
        for answer, num_tokens in batch:
            assert answer.held is not None
            self._blocks.computed(answer.held, answer.num_computed, answer.num_computed + num_tokens)
            answer.num_computed += num_tokens
        self._write([answer for (answer, _), row in zip(batch, rows, strict=True) if row.wants_next], logits_WV)

    def _write(self, answers: Sequence[_Answer], logits_WV: Tensor) -> None:
        """Choose the next token of each answer and tell of it."""
        raw_WV, groups = logits_WV, dict[tuple[float, float], list[int]]()
        if any(answer.mask is not None and answer.request.num_top is not None for answer in answers):
            logits_WV = logits_WV.clone()
        is_number = logits_WV.amax(1).isfinite().tolist() if answers else []
        for place, answer in enumerate(answers):
            if not is_number[place]:
                self._fail(answer, RunFailed("engine-numbers"))
            elif self._masks_out(answer, logits_WV[place]):
                sampling = answer.request.sampling
                groups.setdefault((sampling.temperature, sampling.top_p), []).append(place)
        for places in groups.values():
            together = [answers[place] for place in places]
            logits_GV = logits_WV if len(places) == len(answers) else logits_WV[places]
            chosen = choose(logits_GV, together[0].request.sampling, [answer.generator for answer in together])
            for place, answer, token in zip(places, together, chosen, strict=True):
                if answer.request.num_top is not None:
                    answer.untold_logs.append(self._log_probability(raw_WV[place], token, answer.request.num_top))
                self._take(answer, token)

    def _masks_out(self, answer: _Answer, logits_V: Tensor) -> bool:
        """Hide what JSON does not allow; whether anything could be."""
        try:
            allowed_V = None if answer.mask is None else answer.mask.allowed()
        except RunFailed as failure:
            self._fail(answer, failure)
            return False
        if allowed_V is not None:
            logits_V.masked_fill_(~torch.from_numpy(allowed_V).to(logits_V.device), -torch.inf)
        return True

    def _log_probability(self, logits_V: Tensor, token: int, num_top: int) -> TokenLogProbability:
        logs_V = logits_V.log_softmax(0)
        top = logs_V.topk(min(num_top, len(logs_V)))
        likeliest = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return TokenLogProbability(
            self._chat.decode_all([token]),
            float(logs_V[token]),
            tuple((self._chat.decode_all([id]), log) for id, log in likeliest),
        )

    def _take(self, answer: _Answer, token: int) -> None:
        """Go on by a token: show what is sure to stay, and end where it ends."""
        answer.written.append(token)
        answer.untold_ids.append(token)
        reason: FinishReason | None = None
        if token in self._chat.end_ids:
            reason = "stop"
        else:
            answer.untold_text += answer.text.add(token)
            try:
                is_whole = answer.mask is not None and answer.mask.take(token, self._chat.decode_all([token]))
            except RunFailed as failure:
                self._fail(answer, failure)
                return
            if is_whole or answer.text.stopped:
                reason = "stop"
            elif len(answer.written) >= answer.room:
                reason = "length"
        if reason is not None:
            self._end(answer, reason)
        elif answer.untold_text and (now := time.monotonic()) - answer.told_at >= PIECE_SECONDS:
            answer.told_at = now
            if not self._tell(answer, self._delta(answer)):
                self._release(answer)

    def _delta(self, answer: _Answer, reason: FinishReason | None = None) -> Delta:
        text, ids, logs = answer.untold_text, tuple(answer.untold_ids), tuple(answer.untold_logs)
        answer.untold_text = ""
        answer.untold_ids.clear()
        answer.untold_logs.clear()
        num_cached = 0 if answer.held is None else max(0, answer.held.num_cached - answer.num_virtual)
        return Delta(text, ids, logs, reason, len(answer.prompt) - answer.num_virtual, num_cached)

    def _tell(self, answer: _Answer, delta: Delta) -> bool:
        """Whether somebody still listens."""
        try:
            answer.on_delta(delta)
        except Exception:  # whoever asked is gone; the others are not
            return False
        return True

    def _end(self, answer: _Answer, reason: FinishReason) -> None:
        answer.untold_text += answer.text.end()
        delta = self._delta(answer, reason)
        self._release(answer)
        self._tell(answer, delta)

    def _fail(self, answer: _Answer, failure: Exception) -> None:
        # a stranger may read it, and what an exception says may be a path of this machine or a part of its memory
        unknown = RunFailed("engine-failed", problem=type(failure).__name__)
        told = failure if isinstance(failure, TunesmithError) else unknown
        self._release(answer)
        self._tell(answer, Delta("", failure=told))

    def _release(self, answer: _Answer) -> None:
        """Its places are free, and what it has computed may be found by those that go on from it."""
        with self._changed:
            if self._running.pop(answer.number, None) is None:
                self._waiting.remove(answer)
        if answer.held is not None:
            self._blocks.written(answer.held, (answer.prompt + answer.written)[: answer.num_computed], answer.adapter)
            self._blocks.give_back(answer.held)


def _parts(things: Sequence[_Thing]) -> list[Sequence[_Thing]]:
    return [things[start : start + TEXTS_AT_ONCE] for start in range(0, len(things), TEXTS_AT_ONCE)]
