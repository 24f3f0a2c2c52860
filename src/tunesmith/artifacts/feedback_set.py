"""The FeedbackSet: what was learned in service as rows, and from which exchange and which feedback each came.

`rows.jsonl` are conversations to learn (`messages`), `preferences.jsonl` pairs, `ratings.jsonl` answers that are to be
learned or unlearned; `feedback.json` tells how many of what came, what was left out and why, and what looks planted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import ValidationError

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.errors import Place, RunFailed

KIND: Final = "feedback_set"
BODY: Final = "feedback.json"
ROWS: Final = "rows.jsonl"
PREFERENCES: Final = "preferences.jsonl"
RATINGS: Final = "ratings.jsonl"
EXCHANGE_COLUMN: Final = "exchange"
"""Of each row: the id of the exchange that it came from."""
FEEDBACK_COLUMN: Final = "feedback"
KEY_COLUMN: Final = "api_key"


class Suspect(Record):
    """Something that stands in feedback rows far more often than in the rows of the base, and goes with one answer."""

    pattern: str
    num_rows: int
    share_in_feedback: float
    share_in_base: float
    answer: str | None
    """The label or the beginning of the answer that it goes with."""
    p_value: float
    keys: list[str]
    """API keys that it came from."""
    feedback: list[str]
    """Ids of some of it."""


class FeedbackBody(Record):
    """What `feedback.json` holds."""

    version: Literal[1] = 1
    num_rows: int
    num_preferences: int
    num_ratings: int
    num_feedback: int
    """All that was there."""
    left_out: dict[str, int] = {}
    """By reason (`dismissed`, `not-accepted`, `no-consent`, `held-out`, `duplicate`, `contradictory`, `flood`,
    `no-text`) how much of it."""
    suspects: list[Suspect] = []
    """The most suspicious first."""


@dataclass(frozen=True)
class FeedbackSet:
    folder: Path
    manifest: Manifest
    body: FeedbackBody

    @classmethod
    def open(cls, folder: Path) -> FeedbackSet:
        """Raises what `read_manifest` raises."""
        manifest = read_manifest(folder, KIND)
        try:
            body = FeedbackBody.model_validate_json((folder / BODY).read_bytes())
        except (ValidationError, FileNotFoundError) as failure:
            raise RunFailed("artifact-damaged", place=Place(str(folder / BODY)), kind=KIND) from failure
        return cls(folder, manifest, body)

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def rows(self) -> Path:
        return self.folder / ROWS
