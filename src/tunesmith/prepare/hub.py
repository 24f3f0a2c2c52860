"""Datasets of the Hugging Face Hub, and local dataset folders, read by the `datasets` library."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.prepare.rows import RawRow, Table, table_of
from tunesmith.recipe import Source
from tunesmith.records import Split

if TYPE_CHECKING:
    import datasets

_NUM_ROWS_OF_BATCH: Final = 1_000
_SPLIT_NAMES: Final[dict[str, Split]] = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


def read_hub(source: Source) -> list[Table]:
    """The tables of a dataset: the split (or slice) that the recipe names, else every split.

    Without `hub_split`, splits called train, validation (valid, val, dev) and test declare themselves. Class numbers
    are given their names. Rows are counted from 1.
    Raises `hub-unreachable`, `hub-missing` (no such dataset, or a login is needed), `hub-request`, `data-no-rows`.
    """
    tables = []
    for name, part in _load(source).items():
        table, split = f"{source.hub}:{name}", None if source.hub_split else _SPLIT_NAMES.get(name)
        columns = tuple(part.column_names)
        tables.append(table_of(table, partial(_rows, table, part), columns=columns, encoding="binary", split=split))
    return tables


def _rows(table: str, part: datasets.Dataset) -> Iterator[RawRow]:
    for number, row in enumerate(_named(part), 1):
        yield RawRow(Place(table, number), row)


def hash_hub(source: Source) -> str:
    """SHA-256 of the rows, 64 hex digits: equal rows are equal wherever they were loaded from."""
    digest = hashlib.sha256()
    for name, part in _load(source).items():
        digest.update(f"{name}\n".encode())
        for row in _named(part):
            digest.update(json.dumps(row, ensure_ascii=True, sort_keys=True, default=str).encode() + b"\n")
    return digest.hexdigest()


def _load(source: Source) -> dict[str, datasets.Dataset]:
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    datasets.disable_progress_bars()
    place = Place(str(source.hub))
    try:
        return _load_saved(source) if _is_saved(source) else _load_published(source)
    except datasets.exceptions.DatasetNotFoundError as error:
        raise TunesmithError("hub-missing", place=place) from error
    except (ConnectionError, TimeoutError, HfHubHTTPError) as error:
        raise RunFailed("hub-unreachable", place=place, problem=_first_line(error)) from error
    except (ValueError, KeyError, AssertionError, FileNotFoundError) as error:
        # datasets has no class of its own for an unknown configuration, split or slice.
        raise TunesmithError("hub-request", place=place, problem=_first_line(error)) from error


def _is_saved(source: Source) -> bool:
    """Whether this is a folder written by `save_to_disk`."""
    folder = Path(str(source.hub))
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def _load_saved(source: Source) -> dict[str, datasets.Dataset]:
    import datasets

    loaded = datasets.load_from_disk(str(source.hub))
    parts = dict(loaded) if isinstance(loaded, datasets.DatasetDict) else {"train": loaded}
    if source.hub_split is None:
        return parts
    sizes = {name: len(part) for name, part in parts.items()}
    spans = datasets.ReadInstruction.from_spec(source.hub_split).to_absolute(sizes)
    if any(span.from_ >= span.to for span in spans):
        raise ValueError(f'"{source.hub_split}" corresponds to no data')
    pieces = [parts[span.splitname].select(range(span.from_, span.to)) for span in spans]
    return {source.hub_split: datasets.concatenate_datasets(pieces)}


def _load_published(source: Source) -> dict[str, datasets.Dataset]:
    import datasets

    loaded = datasets.load_dataset(source.hub, source.config, split=source.hub_split)
    return {source.hub_split: loaded} if source.hub_split else dict(loaded)


def _named(part: datasets.Dataset) -> Iterator[dict[str, Any]]:
    """The rows, a batch in memory at a time, with the numbers of class columns replaced by the names of the classes."""
    import datasets

    names = {column: kind.names for column, kind in part.features.items() if isinstance(kind, datasets.ClassLabel)}
    for batch in part.with_format("arrow").iter(_NUM_ROWS_OF_BATCH):
        for row in batch.to_pylist():
            for column, of_class in names.items():
                number = row[column]
                # -1 marks a test row whose class was never published.
                row[column] = None if number is None or number < 0 else of_class[number]
            yield row


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
