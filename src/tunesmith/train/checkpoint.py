"""Checkpoints: everything an exact resume needs, whole or absent, damaged ones set aside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from safetensors.torch import load_file, save_file
from torch import Tensor

from tunesmith.artifacts.folder import Identity, check_file, open_manifest, publish, read_manifest, sweep
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.train.group import ALONE, Group
from tunesmith.train.random_state import random_state, restore_random_state

KIND: Final = "checkpoint"
VERSION: Final = 4
WEIGHTS: Final = "weights.safetensors"
STATE: Final = "state.safetensors"
"""Moments and step counts of the optimiser."""
RANDOM: Final = "random.safetensors"
BEST: Final = "best.safetensors"
"""Each checkpoint has its own copy: damage to one leaves the one before it complete."""
PROGRESS: Final = "progress.json"
MASTER: Final = "master"
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
    best_value: float | None = None
    """Of the metric by which the best weights are chosen."""
    num_without_gain: int = 0
    num_tokens: int = 0
    seconds: float = 0.0
    num_threads: int = 1
    """Of the first start: with another number the sums of the products round differently."""
    kernels: str = ""
    """Of the first start."""
    window_loss: float = 0.0
    """Of the steps since the last validation: the sum of their losses times their weights."""
    window_weight: float = 0.0
    last_window: float | None = None
    """Mean training loss of the window before."""
    num_rising: int = 0
    """Windows running whose mean was above that of the one before."""
    first_attempt: int = 1
    """Of the run, in which the first step was taken: what was recorded before is of another training."""


def save_checkpoint(
    folder: Path,
    training: Identity,
    progressed: Progressed,
    tensors: Mapping[str, Tensor],
    others: Sequence[bytes] = (),
) -> Path:
    """Write `step-<n>` into `folder` and drop the oldest beyond NUM_KEPT.

    The rename that ends the writing is what moves the newest checkpoint on: there is no pointer beside it that could
    be ahead of it or behind. Older ones go after that, and never the one before the newest. `others` are the random
    states of the processes of rank 1, 2, ..., as `packed_random_state` gives them

    Raises RunFailed `checkpoint-damaged` when the best weights cannot be taken over from the checkpoint before.
    """
    out = folder / f"step-{progressed.step:08d}"
    best = None if progressed.best_step in (None, progressed.step) else _best_file(_checkpoints(folder)[-1])
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    place = {"step": progressed.step, "source": progressed.source}
    settings = settings_of(training, 1 + len(others))
    with publish(out, Identity(KIND, VERSION, settings, place, training.seed, {})) as staging:
        save_file({MASTER: state.pop(MASTER)}, staging / WEIGHTS)
        save_file(state, staging / STATE)
        save_file(random_state(), staging / RANDOM)
        for rank, packed in enumerate(others, start=1):
            (staging / _random_of(rank)).write_bytes(packed)
        if best is not None:
            shutil.copyfile(best, staging / BEST)
        (staging / PROGRESS).write_text(json.dumps(asdict(progressed)), encoding="utf-8")
    for old in _checkpoints(folder)[:-NUM_KEPT]:
        shutil.rmtree(old)
    return out


def newest_checkpoint(
    folder: Path, training: Identity, group: Group = ALONE
) -> tuple[tuple[Progressed, dict[str, Tensor]] | None, list[Path]]:
    """The newest undamaged checkpoint, where there is one, and the damaged ones that were set aside on the way to it.

    What killed processes left half written is removed, and torch's generators are as they were in the process of this
    rank when it was saved.

    Raises TunesmithError `resume-changed`, naming what differs, when the run was started with other settings.
    """
    sweep(folder)
    damaged: list[Path] = []
    for path in reversed(_checkpoints(folder)):
        try:
            manifest = read_manifest(path, KIND)
        except (TunesmithError, ValueError):
            aside = path.with_name(f"{path.name}.damaged")
            shutil.rmtree(aside, ignore_errors=True)
            damaged.append(path.rename(aside))
            continue
        settings = settings_of(training, group.size)
        if manifest.inputs != settings:
            changed = [name for name in settings | manifest.inputs if manifest.inputs.get(name) != settings.get(name)]
            raise TunesmithError("resume-changed", place=Place(str(path)), changed=", ".join(sorted(changed)))
        tensors = load_file(path / WEIGHTS) | load_file(path / STATE)
        restore_random_state(load_file(path / _random_of(group.rank)))
        progressed = Progressed(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
        return (progressed, tensors), damaged
    return None, damaged


def load_best(folder: Path) -> Tensor:
    """The master weights of the best validation so far, from the newest checkpoint.

    Raises RunFailed `checkpoint-damaged`.
    """
    return load_file(_best_file(_checkpoints(folder)[-1]))[MASTER]


def _best_file(checkpoint: Path) -> Path:
    """The file with the best weights so far: the checkpoint's own weights unless better ones are kept beside them."""
    try:
        manifest = open_manifest(checkpoint, KIND)
        name = BEST if BEST in manifest.files else WEIGHTS
        check_file(checkpoint, name, manifest)
    except (TunesmithError, ValueError) as failure:
        raise RunFailed("checkpoint-damaged", place=Place(str(checkpoint))) from failure
    return checkpoint / name


def _random_of(rank: int) -> str:
    return RANDOM if rank == 0 else f"random-{rank}.safetensors"


def settings_of(training: Identity, num_processes: int = 1) -> dict[str, str]:
    """Everything that decides how a training goes, by a name that says where it was set."""
    return {
        "stage version": str(training.stage_version),
        "seed": str(training.seed),
        **training.inputs,
        **{f"train.{name}": json.dumps(value) for name, value in training.section.items()},
        **{f"version of {name}": version for name, version in training.libraries.items()},
        # no part of the identity: a tuned model is found again by any number
        **({"number of processes": str(num_processes)} if num_processes > 1 else {}),
    }


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if path.suffix == "")
