"""The TunedModel on disk: a reference to its base and what training changed.

`adapter/` in PEFT's format, or `weights/` as a complete model folder in safetensors; `training.json` tells how it went,
`metrics.jsonl` step by step, `samples.jsonl` what it answered on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.artifacts.head import Head, read_head
from tunesmith.artifacts.run import Event, event_from_json, event_to_json

KIND: Final = "tuned_model"
ADAPTER: Final = "adapter"
WEIGHTS: Final = "weights"
TRAINING: Final = "training.json"
METRICS: Final = "metrics.jsonl"
SAMPLES: Final = "samples.jsonl"


@dataclass(frozen=True)
class TunedModel:
    """`adapter/` or `weights/`, `training.json`, `metrics.jsonl` and `samples.jsonl`."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> TunedModel:
        return cls(folder, read_manifest(folder, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def form(self) -> Literal["adapter", "weights"]:
        return "adapter" if (self.folder / ADAPTER).is_dir() else "weights"

    def head(self) -> Head | None:
        """What the outputs of a classifier or a regressor mean; None for a language model."""
        return read_head(self.payload)

    @property
    def payload(self) -> Path:
        """The folder that PEFT or transformers loads."""
        return self.folder / (ADAPTER if self.form == "adapter" else WEIGHTS)

    @property
    def is_four_bit(self) -> bool:
        """Whether the base was in 4 bits while the adapter was trained; it is judged on that base."""
        method: str = self.training()["method"]
        return method == "qlora"

    def training(self) -> dict[str, Any]:
        """Steps, losses, speed, environment, seeds: the summary of the run that made it."""
        training: dict[str, Any] = json.loads((self.folder / TRAINING).read_text(encoding="utf-8"))
        return training

    def metrics(self, name: str) -> list[Event]:
        """The metric events of the training, as those of a model called `name`."""
        return [event for event in self._events(METRICS, name) if event.type == "metric"]

    def samples(self, name: str) -> list[Event]:
        """What the model answered to the sample prompts while it was trained, by step; none where nobody asked."""
        return self._events(SAMPLES, name) if (self.folder / SAMPLES).is_file() else []

    def expert_counts(self) -> dict[str, list[int]]:
        """Tokens of the validation rows that each routed expert got from these weights, by the layer's number.

        Empty where there are no routed experts, or no validation.
        """
        best, events = self.training()["best_step"], self._events(METRICS, "")
        found = (event.data["layers"] for event in events if event.type == "experts" and event.step == best)
        return next(found, {})

    def _events(self, file: str, name: str) -> list[Event]:
        lines = (self.folder / file).read_text(encoding="utf-8").split("\n")[:-1]
        events = [event_from_json(json.loads(line)) for line in lines]
        return [replace(event, data={**event.data, "model": name}) for event in events]


def write_events(file: Path, events: Iterable[Event]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(event_to_json(event) + "\n" for event in events)
