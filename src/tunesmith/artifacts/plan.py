"""The Plan on disk: what a run will do, with the reason of every derived value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts.folder import Manifest, read_manifest

KIND: Final = "plan"
BODY: Final = "plan.json"


class Choice(BaseModel):
    """One derived value and why: `reason` is a catalogue key `plan.reason.*`, filled from `parameters`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    name: str
    value: str | int | float
    reason: str
    parameters: dict[str, str | int | float] = {}


class PlanBody(BaseModel):
    """What `plan.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    method: str
    learning_rate: float
    precision: str
    num_steps: int
    evaluate_every: int
    checkpoint_every: int
    micro_batch_tokens: int
    num_parameters: int
    num_trainable: int
    num_train_rows: int
    num_train_tokens: int
    num_supervised_tokens: int
    longest_row_tokens: int
    choices: list[Choice]


@dataclass(frozen=True)
class Plan:
    """`plan.json`."""

    folder: Path
    manifest: Manifest
    body: PlanBody

    @classmethod
    def open(cls, folder: Path) -> Plan:
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, PlanBody.model_validate_json((folder / BODY).read_bytes()))

    @property
    def key(self) -> str:
        return self.manifest.key
