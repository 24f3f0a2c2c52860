"""The FeedbackSet: what was learned in service as rows, and from which exchange and which feedback each came.

`rows.jsonl` are rows to learn, in the shape of the base's own: texts with their `label` where every row of the base has
one, else conversations (`messages`). `preferences.jsonl` are pairs (`prompt`, `chosen`, `rejected`), `ratings.jsonl`
conversations whose answer is to be learned or unlearned (`messages`, `desirable`). `prepare` reads each of them by its
columns; `exchange`, `feedback` and `api_key` become metadata of its rows. `feedback.json` tells how many of what came,
what was left out and why, and what looks planted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import Manifest, read_body, read_manifest

KIND: Final = "feedback_set"
BODY: Final = "feedback.json"
ROWS: Final = "rows.jsonl"
PREFERENCES: Final = "preferences.jsonl"
RATINGS: Final = "ratings.jsonl"
EXCHANGE_COLUMN: Final = "exchange"
"""Of each row: the id of the exchange that it came from; of a pair, the one with the better answer."""
FEEDBACK_COLUMN: Final = "feedback"
"""Of each row: ids of the feedback that it came from, parted by spaces."""
KEY_COLUMN: Final = "api_key"
"""Of each row: id of the API key that the feedback came with; absent where it came without one."""

Reason = Literal[
    "dismissed",
    "not-accepted",
    "contradictory",
    "comment",
    "no-consent",
    "no-text",
    "no-pair",
    "other-task",
    "held-out",
    "duplicate",
    "flood",
]
"""Why a piece of feedback gave no row."""


class Suspect(Record):
    """Something that stands in feedback rows far more often than in the rows of the base, and goes with one answer."""

    pattern: str
    num_rows: int
    """Feedback rows that hold it, equal ones counted once."""
    share_in_feedback: float
    share_in_base: float
    answer: str | None
    """The label, or a sentence of the answer, that it goes with; None where it goes with disapproval."""
    share_of_answer: float
    """Of the feedback rows that hold it, those with that answer."""
    share_alike: float
    """Of those, how many are nearest to a text of the same answer once the pattern is cut out: of a topic most."""
    p_value: float
    """The larger one of both exact tests, times the number of patterns and answers that were tested."""
    keys: list[str]
    """API keys that it came from, the most frequent first."""
    feedback: list[str]
    """Ids of some of it."""


class FeedbackBody(Record):
    """What `feedback.json` holds."""

    version: Literal[1] = 1
    num_rows: int
    num_preferences: int
    num_ratings: int
    num_feedback: int
    """All that was there, what experts said of drawn answers included."""
    left_out: dict[Reason, int] = {}
    """By reason how many of these gave no row."""
    new_labels: dict[str, int] = {}
    """Labels that no row of the base has, with the rows that have them: new classes, or slips of the pen."""
    suspects: list[Suspect] = []
    """The most suspicious first."""


@dataclass(frozen=True)
class FeedbackSet:
    """A folder with the three files of rows and `feedback.json`."""

    folder: Path
    manifest: Manifest
    body: FeedbackBody

    @classmethod
    def open(cls, folder: Path) -> FeedbackSet:
        """Raises what `read_manifest` raises."""
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, read_body(folder / BODY, FeedbackBody, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def rows(self) -> Path:
        return self.folder / ROWS

    @property
    def preferences(self) -> Path:
        return self.folder / PREFERENCES

    @property
    def ratings(self) -> Path:
        return self.folder / RATINGS
