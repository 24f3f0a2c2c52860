"""The Prediction on disk: what a planned training will need of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts.folder import Manifest, read_manifest

KIND: Final = "prediction"
BODY: Final = "prediction.json"
Phase = Literal["load", "train", "save", "evaluate"]


class PredictionBody(BaseModel):
    """What a training will need, said before a weight is loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    device: str
    memory: dict[Phase, dict[str, int]]
    """Bytes at the heaviest moment of each phase, by term; a term is an entry `plan.term.*` of the catalogue."""
    disk_bytes: int
    """Most that the training holds on disk at once."""
    computed_tokens: int
    """Of all steps: what is left of the rows' tokens when common beginnings are computed once."""
    together: list[int] = []
    """Bytes at the heaviest moment of 1, 2, ... such trainings in one pass over their base; empty for a method that
    shares none."""

    @property
    def peaks(self) -> dict[Phase, int]:
        return {phase: sum(terms.values()) for phase, terms in self.memory.items()}

    @property
    def train_bytes(self) -> int:
        """Peak while the training runs, from loading to the tuned model on disk."""
        return max(bytes for phase, bytes in self.peaks.items() if phase != "evaluate")

    @property
    def peak_bytes(self) -> int:
        return max(self.peaks.values())


@dataclass(frozen=True)
class Prediction:
    """`prediction.json`."""

    folder: Path
    manifest: Manifest
    body: PredictionBody

    @classmethod
    def open(cls, folder: Path) -> Prediction:
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, PredictionBody.model_validate_json((folder / BODY).read_bytes()))
