"""A file of rows with pseudonyms, given back as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from tunesmith.artifacts.dataset import example_from_json, example_to_json
from tunesmith.artifacts.folder import MANIFEST, Manifest
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.seal import SEALED, unseal
from tunesmith.records import Example


class Unsealed(NamedTuple):
    """How many rows were written, and how many of them had pseudonyms."""

    rows: int
    unsealed: int


def secret_name(file: Path) -> str | None:
    """The secret that the dataset around a file was prepared with; None where there is no such dataset.

    Raises TunesmithError `data-missing`.
    """
    _refuse_missing(file)
    manifest = file.parent / MANIFEST
    if not manifest.is_file():
        return None
    section = Manifest.model_validate_json(manifest.read_bytes()).section
    name: str | None = section.get("personal", {}).get("key")
    return name


def unseal_file(file: Path, key: bytes, out: Path) -> Unsealed:
    """Write the rows of a dataset's file to `out` with what their pseudonyms stand for; only its owner may read it.

    Raises TunesmithError `data-missing`, `unseal-row` (a line that is no row of a dataset), `personal-key-wrong` and
    `personal-row-changed` with the line. Nothing is left at `out` then.
    """
    _refuse_missing(file)
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    partial.touch(0o600)
    num_rows = num_unsealed = 0
    try:
        with file.open(encoding="utf-8", newline="\n") as lines, partial.open("w", encoding="utf-8") as stream:
            for num_rows, line in enumerate(lines, 1):
                example = _row(line, Place(str(file), num_rows))
                num_unsealed += SEALED in example.metadata
                stream.write(_unsealed(example, key, Place(str(file), num_rows)))
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return Unsealed(num_rows, num_unsealed)


def _refuse_missing(file: Path) -> None:
    if not file.is_file():
        raise TunesmithError("data-missing", place=Place(str(file)), folder=str(Path.cwd()))


def _row(line: str, place: Place) -> Example:
    try:
        return example_from_json(json.loads(line))
    except (ValueError, KeyError, TypeError) as failure:
        raise TunesmithError("unseal-row", place=place) from failure


def _unsealed(example: Example, key: bytes, place: Place) -> str:
    try:
        return json.dumps(example_to_json(unseal(example, key)), ensure_ascii=False) + "\n"
    except TunesmithError as failure:
        failure.place = place
        raise
