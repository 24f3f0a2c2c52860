"""Which files a source names, and what they hash to."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Final

from tunesmith.artifacts import hash_file
from tunesmith.errors import Place, TunesmithError

SUFFIXES: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


def files_of(path: str) -> list[Path]:
    """The data files of a file, a folder (with its subfolders) or a glob, sorted by name.

    Raises TunesmithError: `data-missing` (nothing there), `data-kind` (a file of another kind).
    """
    origin = Path(path)
    if origin.is_file():
        if origin.suffix.lower() not in SUFFIXES:
            raise TunesmithError("data-kind", place=Place(path), suffix=origin.suffix, known=", ".join(SUFFIXES))
        return [origin]
    found = origin.rglob("*") if origin.is_dir() else map(Path, glob.iglob(path, recursive=True))
    files = sorted(file for file in found if file.is_file() and _is_data(file))
    if not files:
        raise TunesmithError("data-missing", place=Place(path), folder=str(Path.cwd()))
    return files


def hash_readable(file: Path) -> str:
    """SHA-256 of the bytes, 64 hex digits. Raises `data-unreadable`."""
    try:
        return hash_file(file)
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: OSError) -> TunesmithError:
    return TunesmithError("data-unreadable", place=Place(str(file)), problem=error.strerror or str(error))


def _is_data(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
