"""Which files a source names, of which kind they are, how their bytes are read, and what they hash to."""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final

from tunesmith.artifacts import hash_file
from tunesmith.errors import Place, TunesmithError

TEXT_TABLES: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
TABLES: Final = (*TEXT_TABLES, ".parquet", ".arrow", ".feather")
TEXT_DOCUMENTS: Final = (".txt", ".md", ".markdown", ".html", ".htm")
DOCUMENTS: Final = (*TEXT_DOCUMENTS, ".docx", ".pdf")
COMPRESSIONS: Final = (".gz", ".zst")
_BUFFER_BYTES: Final = 2**18
_PACKABLE: Final = (*TEXT_TABLES, *TEXT_DOCUMENTS)


def files_of(path: str) -> list[Path]:
    """The data files of a file, a folder (with its subfolders) or a glob, sorted by name.

    Where a folder or glob holds tables as well as documents, the documents are left out: they are notes on the tables.
    Raises TunesmithError: `data-missing` (nothing there), `data-kind` (a file of another kind).
    """
    origin = Path(path)
    if origin.is_file():
        if not kind_of(origin):
            known = ", ".join((*TABLES, *DOCUMENTS))
            raise TunesmithError("data-kind", place=Place(path), suffix="".join(origin.suffixes[-2:]), known=known)
        return [origin]
    found = origin.rglob("*") if origin.is_dir() else map(Path, glob.iglob(path, recursive=True))
    files = sorted(file for file in found if kind_of(file) and not _is_hidden(file, origin) and file.is_file())
    if not files:
        raise TunesmithError("data-missing", place=Place(path), folder=str(Path.cwd()))
    return [file for file in files if kind_of(file) in TABLES] or files


def _is_hidden(file: Path, origin: Path) -> bool:
    """Copies and notes of programs: `.ipynb_checkpoints`, and what Word keeps beside an open document."""
    inside = file.relative_to(origin) if file.is_relative_to(origin) else Path(file.name)
    return file.name.startswith("~$") or any(part.startswith(".") for part in inside.parts)


def kind_of(file: Path) -> str:
    """The suffix that tells how a file is read, without that of a compression; empty when it cannot be read."""
    suffix = file.suffix.lower()
    if suffix in COMPRESSIONS:
        suffix = Path(file.stem).suffix.lower()
        return suffix if suffix in _PACKABLE else ""
    return suffix if suffix in TABLES or suffix in DOCUMENTS else ""


@contextmanager
def reading(file: Path) -> Iterator[BufferedReader]:
    """The unpacked bytes of a data file. Raises TunesmithError `data-unreadable`, also while they are read."""
    try:
        with _opened(file) as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        # EOFError and zlib.error are how gzip tells of a file that is cut off or damaged.
        raise unreadable(file, error) from error


def _opened(file: Path) -> BufferedReader:
    match file.suffix.lower():
        case ".gz":
            return BufferedReader(gzip.open(file, "rb"), _BUFFER_BYTES)
        case ".zst":
            import pyarrow  # type: ignore[import-untyped]

            return BufferedReader(pyarrow.input_stream(str(file), compression="zstd"), _BUFFER_BYTES)
        case _:
            return BufferedReader(FileIO(file), _BUFFER_BYTES)


def hash_readable(file: Path) -> str:
    """SHA-256 of the bytes, 64 hex digits. Raises `data-unreadable`."""
    try:
        return hash_file(file)
    except OSError as error:
        raise unreadable(file, error) from error


def unreadable(file: Path, error: Exception) -> TunesmithError:
    problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return TunesmithError("data-unreadable", place=Place(str(file)), problem=problem)
