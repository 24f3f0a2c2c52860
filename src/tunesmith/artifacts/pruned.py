"""What was pruned from a base, on disk: `pruning.json` lies beside its weights and is part of its content hash."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

PRUNED: Final = "pruning.json"


class Size(BaseModel):
    """Of a model's weight files."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    num_parameters: int
    num_bytes: int


class Pruned(BaseModel):
    """What is gone. Layers and heads are counted from 0, as in the base."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    before: Size
    after: Size
    layers: tuple[int, ...] = ()
    """Those that were found to change least what passes through them."""
    distances: tuple[float, ...] = ()
    """Of each block of so many layers, by its first one: the angle between what goes in and what comes out, as a share
    of a half turn."""
    heads: dict[int, tuple[int, ...]] = {}
    """By layer, the query heads that are gone."""
    neurons: int = 0
    """So many neurons of each feed-forward part are gone."""
    weights: float = 0.0
    """Share of the numbers of each linear layer that pruning set to 0, and that training of all weights leaves at 0."""


def write_pruned(folder: Path, pruned: Pruned) -> None:
    (folder / PRUNED).write_text(pruned.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_pruned(folder: Path) -> Pruned | None:
    """None for a folder of a model that is whole."""
    file = folder / PRUNED
    return Pruned.model_validate_json(file.read_bytes()) if file.is_file() else None


def has_held_zeros(folder: Path) -> bool:
    """Whether single weights of the model in this folder were set to 0 and are to stay so."""
    pruned = read_pruned(folder)
    return pruned is not None and pruned.weights > 0.0
