"""What a server asks of an engine, whatever stands behind it. No torch here.

An engine runs by itself. `submit` gives it a request and the function that is told each piece of the answer, from the
engine's own thread; everything else answers when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tunesmith.errors import TunesmithError
from tunesmith.records import FinishReason, Message, Sampling

Prompt = tuple[Message, ...] | str
"""A conversation, rendered by the model's template, or a text that the model writes on."""


CHARACTERS_PER_TOKEN: Final = 16
"""No text that anybody reads has so many on average."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do; a server refuses what it cannot."""

    log_probabilities: bool
    scores: bool
    """Whether it tells how likely a given answer is."""
    embeds: bool
    labels: bool
    adapters: bool
    """Whether adapters can be loaded and unloaded while it runs."""
    json: bool
    max_characters: int | None = None
    """Of one prompt: a longer one cannot fit, and is refused before anything reads it. None: the engine tells none."""
    writes: bool = True
    """Whether it answers in words; a model with a head of its own says labels or numbers alone."""


@dataclass(frozen=True, slots=True)
class Request:
    """One answer that is wanted; of `sampling.num_samples` exactly one."""

    prompt: Prompt
    sampling: Sampling
    adapter: str | None = None
    """Name of a loaded adapter; None is the base."""
    stop: tuple[str, ...] = ()
    """Texts that end the answer; they are not part of it."""
    num_top: int | None = None
    """How many likeliest tokens are told beside each token; None tells no log-probabilities."""
    is_json: bool = False
    """Whether the answer has to be one JSON object."""
    json_schema: Mapping[str, object] | None = None
    max_seconds: float | None = None
    """From its submission to its end, which then is `timeout`."""
    sample: int = 0
    """Which of several answers to one prompt with one seed it is."""


@dataclass(frozen=True, slots=True)
class TokenLogProbability:
    """One token of an answer, and the likeliest at its place."""

    text: str
    log_probability: float
    """In nats."""
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer. The last one has a reason to be the last, or a failure."""

    text: str
    """What is sure to stay: no half characters, no beginning of a stop text."""
    ids: tuple[int, ...] = ()
    """Tokens written since the last piece, an end token included; a stop text's too, although it is not shown."""
    log_probabilities: tuple[TokenLogProbability, ...] = ()
    """One for each token, where they are asked for: of the model's own distribution, before temperature and JSON."""
    finish_reason: FinishReason | None = None
    num_prompt_tokens: int = 0
    num_cached_tokens: int = 0
    """Tokens of the prompt that an earlier request had computed."""
    num_tokens: int = 0
    """Tokens written so far, of an engine that does not tell `ids`; until the last piece at least so many."""
    failure: TunesmithError | None = None

    @property
    def is_last(self) -> bool:
        return self.finish_reason is not None or self.failure is not None


OnDelta = Callable[[Delta], None]


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """How busy an engine is."""

    num_running: int
    num_waiting: int
    num_cached_tokens: int
    """Places that running answers have reserved."""
    max_cached_tokens: int


class Engine(Protocol):
    """Answers requests until it is closed. Every method may be called from any thread."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the loaded adapters."""
        ...

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        """Begin an answer and give its number.

        Raises TunesmithError `queue-full`, `prompt-too-long`, `adapter-unknown`, `engine-closed`, `json-schema` for one
        that cannot be followed; and what the chat's template raises for a conversation that it refuses.
        """
        ...

    def cancel(self, number: int) -> None:
        """End an answer before its time; its last delta says `cancelled`. One that is over stays as it is."""
        ...

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        """log P of each token of a given answer behind a prompt, in nats."""
        ...

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        """The probability of each label as the answer to each conversation; those of one conversation sum to 1."""
        ...

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        """(N, D) directions of unit length."""
        ...

    def num_tokens_of(self, prompt: Prompt) -> int:
        """Tokens of a prompt as it is rendered."""
        ...

    def num_read_tokens(self, text: str) -> int:
        """Tokens of a text as `embed` reads it, with those that the tokenizer itself puts around it."""
        ...

    def load_adapter(self, name: str, folder: Path) -> None:
        """A loaded one of that name is replaced; answers that are being written with it end with it.

        Raises TunesmithError `adapter-misfit` where it was trained on another base or by another method.
        """
        ...

    def unload_adapter(self, name: str) -> None:
        """Answers that are being written with it end first. Raises TunesmithError `adapter-unknown`."""
        ...

    def load(self) -> EngineLoad: ...

    def close(self, drain_seconds: float = 0.0) -> None:
        """Take no more requests, let answers end for so long, then cancel the rest."""
        ...
