"""A model with a head of its own as an engine: it reads, says probabilities of classes or numbers, and writes nothing.

Callers take turns, a part of their texts at a time, so that a long list holds up nobody for long.

Shapes: N prompts, C classes, O outcomes, D width of the model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.chat import Chat
from tunesmith.engine.heads import class_probabilities, outcome_logs, predicted_numbers
from tunesmith.engine.interface import CHARACTERS_PER_TOKEN, Capabilities, EngineLoad, OnDelta, Prompt, Request
from tunesmith.engine.mean import mean_directions
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.records import Message, Rendered

TEXTS_AT_ONCE: Final = 16
"""Prompts that are read in one turn."""

_Found = TypeVar("_Found")


class HeadEngine:
    """What the head of one model says; `Engine` says what each method does. There are no adapters. Close it when
    done."""

    def __init__(self, model: PreTrainedModel, head: Head, chat: Chat, *, name: str, max_tokens: int) -> None:
        """`max_tokens` bounds a prompt; by its `name` the model is told of."""
        self._model, self._head, self._chat = model, head, chat
        self._name, self._max_tokens = name, max_tokens
        self._reader = ThreadPoolExecutor(1, "tunesmith-engine")
        """One thread does all that concerns the model, first come, first served."""
        self._changed = threading.Condition()
        self._num_inside = 0
        self._is_closed = False

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            log_probabilities=False,
            scores=True,
            embeds=True,
            labels=self._head.kind == "classification",
            adapters=False,
            json=False,
            max_characters=CHARACTERS_PER_TOKEN * self._max_tokens,
            writes=False,
        )

    @property
    def adapters(self) -> tuple[str, ...]:
        return ()

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        """Raises TunesmithError `writes-nothing`."""
        raise TunesmithError("writes-nothing", name=self._name)

    def cancel(self, number: int) -> None:
        """Nothing is ever written."""

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        """log P of each of the outcomes, by their number: the classes, or those that `outcome_logs` makes of a
        number."""
        (logs_O,) = self._read(
            [self._short(list(prompt_ids))], lambda rows: outcome_logs(self._model, self._head, rows)
        )
        scores: list[float] = logs_O[list(answer_ids)].tolist()
        return scores

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        """`labels` are the classes of the head, in any order."""
        ids = [self._ids_of(tuple(each)) for each in conversations]
        found_NC = self._read(ids, lambda rows: class_probabilities(self._model, rows, lambda done: None))
        places = [self._head.classes.index(label) for label in labels]
        return [row_C[places].tolist() for row_C in found_NC]

    def numbers(self, conversations: Sequence[Sequence[Message]]) -> list[float]:
        """What a regressor predicts of each, in the unit of the target."""
        ids = [self._ids_of(tuple(each)) for each in conversations]
        found_N = self._read(ids, lambda rows: predicted_numbers(self._model, self._head, rows, lambda done: None))
        return [float(number) for number in found_N]

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        ids = [self._ids_of(text) for text in texts]
        found_ND = self._read(ids, lambda rows: mean_directions(self._model, [row.ids_T.tolist() for row in rows]))
        return np.stack(found_ND) if found_ND else np.zeros((0, self._model.config.hidden_size), np.float32)

    def num_tokens_of(self, prompt: Prompt) -> int:
        return len(self._chat.read_ids(prompt) if isinstance(prompt, str) else self._chat.prompt_ids(prompt))

    def num_read_tokens(self, text: str) -> int:
        return len(self._chat.read_ids(text))

    def load_adapter(self, name: str, folder: Path) -> None:
        """Raises TunesmithError `engine-lacks`."""
        raise TunesmithError("engine-lacks", field="name")

    def unload_adapter(self, name: str) -> None:
        """Raises TunesmithError `adapter-unknown`."""
        raise TunesmithError("adapter-unknown", name=name, known="")

    def load(self) -> EngineLoad:
        with self._changed:
            num_running = min(1, self._num_inside)
            return EngineLoad(num_running, self._num_inside - num_running, 0, 0)

    def close(self, drain_seconds: float = 0.0) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._num_inside, drain_seconds)
        # what is being read is read to its end
        self._reader.shutdown(cancel_futures=True)

    def _ids_of(self, prompt: Prompt) -> list[int]:
        """Raises TunesmithError `prompt-too-long`, and what the template raises."""
        return self._short(self._chat.read_ids(prompt) if isinstance(prompt, str) else self._chat.prompt_ids(prompt))

    def _short(self, ids: list[int]) -> list[int]:
        if len(ids) > self._max_tokens:
            raise TunesmithError("prompt-too-long", tokens=len(ids), limit=self._max_tokens)
        return ids

    def _read(self, ids: Sequence[list[int]], work: Callable[[list[Rendered]], Iterable[Any]]) -> list[Any]:
        """What `work` finds of every prompt. Raises RunFailed `engine-closed`."""
        rows = [
            Rendered(str(place), np.array(each, np.int32), np.zeros(len(each), np.float32))
            for place, each in enumerate(ids)
        ]
        found: list[Any] = []
        with self._inside():
            for start in range(0, len(rows), TEXTS_AT_ONCE):
                found.extend(self._in_turn(partial(work, rows[start : start + TEXTS_AT_ONCE])))
        return found

    @contextmanager
    def _inside(self) -> Iterator[None]:
        with self._changed:
            if self._is_closed:
                raise RunFailed("engine-closed")
            self._num_inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._num_inside -= 1
                self._changed.notify_all()

    def _in_turn(self, work: Callable[[], _Found]) -> _Found:
        try:
            reading = self._reader.submit(work)
        except RuntimeError:  # closed between two parts
            raise RunFailed("engine-closed") from None
        try:
            return reading.result()
        except CancelledError:
            raise RunFailed("engine-closed") from None
