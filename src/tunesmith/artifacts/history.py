"""What trainings were estimated to take, and what they took: one JSON line each in `history.jsonl` of the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from tunesmith.artifacts.run import drop_torn_line

FILE: Final = "history.jsonl"


class TimeEstimate(BaseModel):
    """What a few steps of a training, taken on a copy of the model, tell of the whole of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    step_seconds: tuple[float, ...]
    operations_per_second: float
    """Floating-point operations of the steps' matrix products."""
    written_bytes_per_second: float
    load_seconds: float
    total_seconds: float
    """Predicted for the whole training: loading, steps, validations, checkpoints."""

    @classmethod
    def read(cls, file: Path) -> TimeEstimate:
        return cls.model_validate_json(file.read_bytes())


class Taken(BaseModel):
    """One training that was taken to its end."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    time: str
    """When it ended; UTC, ISO 8601."""
    run: str
    name: str
    base: str
    method: str
    precision: str
    device: str
    num_steps: int
    num_tokens: int
    predicted_bytes: int
    measured_bytes: int | None
    """None where the machine does not tell."""
    predicted_seconds: float | None
    """None where nothing was probed."""
    measured_seconds: float | None
    """None where the training was begun by an earlier process."""


def append_taken(workspace: Path, taken: Taken) -> None:
    workspace.mkdir(parents=True, exist_ok=True)
    drop_torn_line(workspace / FILE)
    with (workspace / FILE).open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(taken.model_dump_json() + "\n")


def read_history(workspace: Path) -> list[Taken]:
    """All trainings in the order in which they ended; a line that is not whole is no training."""
    file = workspace / FILE
    found = []
    for line in file.read_bytes().splitlines() if file.is_file() else []:
        try:
            found.append(Taken.model_validate_json(line))
        except ValidationError:  # torn by a kill
            continue
    return found
