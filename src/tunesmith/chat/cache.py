"""Rendered rows kept on disk, keyed by dataset, tokenizer, template and policy. Safe to delete at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tunesmith.artifacts import Dataset, write_whole
from tunesmith.chat.render import Chat
from tunesmith.chat.taught import classes_of, taught_rows
from tunesmith.recipe import Classification, Objective
from tunesmith.records import Rendered, Split

VERSION: Final = 3


def rendered_rows(dataset: Dataset, split: Split, chat: Chat, objective: Objective, cache: Path) -> list[Rendered]:
    """What a split teaches, as tokens (`taught_rows`), from the cache where an equal rendering left it."""
    decisive = f"{VERSION} {dataset.key} {split} {chat.fingerprint} {objective.model_dump_json()}"

    def make() -> list[Rendered]:
        classes = classes_of(dataset) if isinstance(objective, Classification) else ()
        return taught_rows(chat, dataset.rows(split), objective, classes)

    return cached_rows(cache, decisive, make)


def cached_rows(cache: Path, decisive: str, make: Callable[[], list[Rendered]]) -> list[Rendered]:
    """Rows without groups and references from the cache, made where it has none by this key.

    `decisive` names all that the rows depend on.
    """
    key = hashlib.sha256(decisive.encode()).hexdigest()
    file = cache / f"rendered-{key[:32]}.safetensors"
    cached = _read(file)
    if cached is not None:
        return cached
    rows = make()
    if rows:
        cache.mkdir(parents=True, exist_ok=True)
        write_whole(file, _pack(rows))
    return rows


def _pack(rows: Sequence[Rendered]) -> bytes:
    content: bytes = save(
        {
            "ids": np.concatenate([row.ids_T for row in rows]),
            "weights": np.concatenate([row.weights_T for row in rows]),
            "ends": np.cumsum([len(row.ids_T) for row in rows]),
            "repeats": np.array([row.repeats for row in rows]),
            "targets": np.array([row.target for row in rows]),
            "target_weights": np.array([row.target_weight for row in rows]),
            "names": np.frombuffer("\n".join(row.id for row in rows).encode(), dtype=np.uint8),
        }
    )
    return content


def _read(file: Path) -> list[Rendered] | None:
    if not file.is_file():
        return None
    try:
        arrays = load_file(file)
    except SafetensorError:  # a damaged cache is no cache
        return None
    names = arrays["names"].tobytes().decode().split("\n")
    ids_T, weights_T = (np.split(arrays[name], arrays["ends"][:-1]) for name in ("ids", "weights"))
    of_row = (arrays[name].tolist() for name in ("repeats", "targets", "target_weights"))
    return list(map(Rendered, names, ids_T, weights_T, *of_row))
