"""Checkpoints: everything an exact resume needs, whole or absent, damaged ones set aside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tunesmith.artifacts.folder import Identity, is_whole, publish, read_manifest
from tunesmith.errors import Place, TunesmithError

KIND: Final = "checkpoint"
NUM_KEPT: Final = 2
"""A damaged newest checkpoint must leave another to fall back on."""


@dataclass(frozen=True)
class Progressed:
    """Where a training is, apart from its tensors."""

    step: int
    source: Mapping[str, Any]
    rows_hash: str
    """Running SHA-256 of the row ids of all steps taken: equal hashes mean the same rows in the same order."""
    best_step: int | None = None
    best_loss: float | None = None
    num_without_gain: int = 0
    num_tokens: int = 0
    seconds: float = 0.0
    num_threads: int = 1
    """Of the first start: with another number the sums of the products round differently."""


def save_checkpoint(folder: Path, training: Identity, progressed: Progressed, tensors: Mapping[str, Tensor]) -> Path:
    """Write `step-<n>` into `folder` and drop the oldest beyond NUM_KEPT."""
    out = folder / f"step-{progressed.step:08d}"
    identity = Identity(KIND, 2, _settings(training), {"step": progressed.step}, training.seed, {})
    with publish(out, identity) as staging:
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file({**state, "random.cpu": torch.get_rng_state()}, staging / "state.safetensors")
        (staging / "progress.json").write_text(json.dumps(asdict(progressed)), encoding="utf-8")
    for old in _checkpoints(folder)[:-NUM_KEPT]:
        shutil.rmtree(old)
    return out


def newest_checkpoint(
    folder: Path, training: Identity
) -> tuple[tuple[Progressed, dict[str, Tensor]] | None, list[Path]]:
    """The newest undamaged checkpoint, where there is one, and the damaged ones that were set aside on the way to it.

    Raises TunesmithError `resume-changed`, naming what differs, when the run was started with other settings.
    """
    damaged: list[Path] = []
    for path in reversed(_checkpoints(folder)):
        try:
            manifest = read_manifest(path, KIND)
        except (TunesmithError, ValueError):
            aside = path.with_name(f"{path.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            damaged.append(path.rename(aside))
            continue
        settings = _settings(training)
        if manifest.inputs != settings:
            changed = [name for name in settings | manifest.inputs if manifest.inputs.get(name) != settings.get(name)]
            raise TunesmithError("resume-changed", place=Place(str(path)), changed=", ".join(sorted(changed)))
        tensors = load_file(path / "state.safetensors")
        torch.set_rng_state(tensors.pop("random.cpu"))
        progressed = Progressed(**json.loads((path / "progress.json").read_text(encoding="utf-8")))
        return (progressed, tensors), damaged
    return None, damaged


def save_best(folder: Path, training: Identity, step: int, master_N: Tensor) -> None:
    """Replace `best` by these weights."""
    identity = Identity(KIND, 2, _settings(training), {"step": step}, training.seed, {})
    with publish(folder / "best", identity) as staging:
        save_file({"master": master_N.detach().cpu().contiguous()}, staging / "best.safetensors")


def load_best(folder: Path) -> Tensor:
    read_manifest(folder / "best", KIND)
    return load_file(folder / "best" / "best.safetensors")["master"]


def _settings(training: Identity) -> dict[str, str]:
    """Everything that decides how a training goes, by a name that says where it was set."""
    return {
        "stage version": str(training.stage_version),
        "seed": str(training.seed),
        **training.inputs,
        **{f"train.{name}": json.dumps(value) for name, value in training.section.items()},
        **{f"version of {name}": version for name, version in training.libraries.items()},
    }


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.suffix == "" and is_whole(path))
