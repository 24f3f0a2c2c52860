"""Nouns in memory: what flows through the stages. Plain, frozen, without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tunesmith.errors import Place

Role = Literal["system", "user", "assistant", "tool"]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Declared = Literal["train", "validation", "test", "rehearsal"]
"""What a source says of its rows."""
REHEARSAL: Final = "rehearsal"
"""General rows against forgetting: trained on, never held out, and no rows of the task."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `reasoning` is the thinking of an assistant, kept apart from what it answers."""

    role: Role
    content: str
    reasoning: str | None = None
    weight: float = 1.0
    """Share of this message in the loss (OpenAI's `weight`); only assistant messages are ever supervised."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """Marks a row of plain text, learned as it stands: its one user message, whose answer is empty."""

    num_context: int = 0
    """Characters at its beginning that are only read: an earlier window of the same document teaches them."""
    is_end: bool = True
    """Whether the document ends with it."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A named span of the row's text as it was read: `text` is its characters [start, end), in code points."""

    label: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Relation:
    """What one entity is to another; `head` and `tail` count among the annotations of the row, from 0."""

    label: str
    head: int
    tail: int


@dataclass(frozen=True, slots=True)
class Intent:
    """What the speaker wants."""

    label: str


Annotation = Entity | Relation | Intent


@dataclass(frozen=True, slots=True)
class Example:
    """One training or test row, in its canonical form: a conversation that ends with the assistant's answer."""

    id: str
    """Content hash of the messages: equal rows have equal ids, whatever file they came from."""
    messages: tuple[Message, ...]
    place: Place
    label: str | None = None
    """The class name of a labelled row; the last assistant message then says it in words."""
    group: str | None = None
    """Rows of one group (a customer, a document, a situation) stay in one split."""
    split: Declared | None = None
    """What the source declares, if it does."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    rejected: Message | None = None
    """A worse answer to the same prompt (preference data)."""
    desirable: bool | None = None
    """Whether the answer is one to learn or one to unlearn (KTO); an answer to unlearn has weight 0."""
    target: float | None = None
    """The number that the answer says, where rows are numbers to predict; finite."""
    annotations: tuple[Annotation, ...] = ()
    changes: tuple[str, ...] = ()
    """Codes of the rules that changed the row, in their order: `clean.mojibake`, `personal.email`."""
    repeats: int = 1
    """How often an epoch of training visits the row, at least once."""
    weight: float = 1.0
    """Multiplies the loss weights of all tokens of the row."""
    text: PlainText | None = None
    """None for a conversation."""

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The messages before the last answer."""
        return self.messages[:-1]

    @property
    def answer(self) -> Message:
        return self.messages[-1]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not used: where it stood, which check refused it and why."""

    place: Place
    reason: str
    """Stable code, an entry `reject.<reason>` of the catalogue."""
    detail: str = ""
    row: str = ""
    """The row as it was read, cut to 2,000 characters, so that it can be mended and fed again."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A conversation as the model sees it.

    ids_T: token ids, int32. weights_T: loss weight of predicting token t from those before it, float32;
    0 for everything that is not supervised. repeats: how often an epoch visits the row.
    """

    id: str
    ids_T: NDArray[np.int32]
    weights_T: NDArray[np.float32]
    repeats: int = 1
    target: float = math.nan
    """What the row as a whole is held against: the number of its class, a number to predict; NaN for none."""
    target_weight: float = 1.0
    group: str | None = None
    """Rows of one group, such as several answers to one prompt, are always laid into one micro-batch."""
    references_T: NDArray[np.float32] | None = None
    """Log-likelihood in nats of token t under a reference model, where an objective compares with one."""

    @property
    def num_supervised(self) -> int:
        """Tokens that are learned; a row with a target counts one."""
        return int(np.count_nonzero(self.weights_T)) + (not math.isnan(self.target))


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn. `temperature` 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 1.0
    num_samples: int = 1
    max_new_tokens: int = 256
    seed: int = 0


FinishReason = Literal["stop", "length", "timeout", "content_filter", "cancelled"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One generated answer, raw and parsed."""

    text: str
    message: Message
    num_prompt_tokens: int
    num_tokens: int
    finish_reason: FinishReason
    first_token_seconds: float | None = field(default=None, compare=False)
    """From the beginning of its batch; None where the engine does not tell."""
    seconds: float | None = field(default=None, compare=False)
    """Its share of the time that its batch took."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One judged answer: everything needed to score it again."""

    arm: str
    suite: str
    item: str
    index: int
    """Which of the item's samples this is, counted from 0."""
    prompt: tuple[Message, ...]
    reference: str
    raw: str
    reasoning: str | None
    answer: str
    scores: Mapping[str, float]
    sampling: Sampling
    num_tokens: int
    finish_reason: str
    group: str | None = None
    kind: str | None = None
    """What its question is about, where a suite tells it."""
    probabilities: Mapping[str, float] | None = None
    """Of every class, where the arm gives them."""


Choice = Literal["left", "right", "tie", "both_bad"]
"""Which of two answers is better; `both_bad` where neither will do."""
DIMENSIONS: Final = ("accuracy", "fluency", "domain_fit")
"""What people rate answers by, each from 1 to 5."""
PREFERENCE: Final = "preference"
"""The dimension of a rating that chooses between two answers."""
CORRECTION: Final = "correction"
"""The dimension in which an expert says what is right instead; the comment says it."""


@dataclass(frozen=True, slots=True)
class Rating:
    """What one rater, a person or a judging model, said of one answer, or of which of two answers is better."""

    item: str
    arms: tuple[str, ...]
    """Whose answers were shown, from left to right: one, or two to choose between. The rater is not told."""
    shown: str
    """Hash of the question and those answers: the rating holds for no others."""
    dimension: str
    """One of `DIMENSIONS` or of a judge's rubric for one answer, `preference` for two."""
    value: int | Choice | None
    """1 (worst) to 5 for one answer, the better side of two; None where the rater could not tell."""
    rater: str
    seed: int = 0
    """Decided what was shown in which order."""
    comment: str = ""
    time: str = ""
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answered request of a served model, as much of it as the recording policy keeps."""

    id: str
    """`ex-` and 24 hex digits, told to the caller."""
    at: datetime
    """When the request came, UTC."""
    model: str
    """Name that was asked for."""
    version: str
    """Key of the Bundle that answered: the beginning of the way back to the raw rows."""
    key: str | None
    """Id of the API key; None where the server asks for none."""
    subject: str | None
    """Whom it is about: the request's `user`, so that a person's data can be found and removed."""
    prompt: tuple[Message, ...]
    """Empty where the policy keeps no text."""
    answer: Message | None
    finish_reason: FinishReason
    num_prompt_tokens: int
    num_tokens: int
    first_token_seconds: float | None
    seconds: float
    label: str | None = None
    """The class, where one was chosen."""
    confidence: float | None = None
    """Calibrated where the Bundle has a map."""
    guarded: tuple[str, ...] = ()
    """Names of the guard's rules that replaced or refused something."""


FeedbackKind = Literal["thumb", "rating", "correction", "preference", "comment"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of an exchange."""

    id: str
    """`fb-` and 24 hex digits."""
    exchange: str
    at: datetime
    key: str | None
    kind: FeedbackKind
    value: int | None = None
    """Of a thumb 1 or -1, of a rating 1 (worst) to 5."""
    dimension: str | None = None
    """What a rating is of: one of DIMENSIONS."""
    text: str | None = None
    """The corrected answer, or the comment."""
    preferred: str | None = None
    """Of a preference: the exchange with the better answer to the same prompt, this one or another."""
