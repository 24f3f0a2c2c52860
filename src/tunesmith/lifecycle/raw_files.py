"""Whether files of raw rows are still what datasets were read from: only then a line is the row that it was.

A file that others own may be edited at any time. Rows that were added behind what was read move none, nor does a
forgetting, which leaves empty lines; both are told from an edit by the hash of what was read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tunesmith.artifacts import hash_file
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.lifecycle.lineage import Lineage, Node
from tunesmith.store import Store
from tunesmith.store.tombstones import bury, tombstones

_NO_FILE: Final = re.compile(r"personal\.key|(hub|model):.*", re.DOTALL)


def sources_of(dataset: Node) -> list[str]:
    """Files of its inputs, as the recipe named them, weights aside; other inputs have no suffix or a name of ours."""
    names = dataset.manifest.inputs
    return [name for name in names if Path(name).suffix not in ("", ".safetensors") and not _NO_FILE.fullmatch(name)]


def absolute(name: str) -> Path:
    """The file that a recipe named, seen from where the command runs now."""
    return Path(os.path.abspath(name))


def edited(lineage: Lineage, store: Store, datasets: Iterable[Node]) -> dict[Path, list[str]]:
    """Files that do not begin any more with what was read from them, or are gone, and the keys of those datasets."""
    pairs = [stone.id.split() for stone in tombstones(store, "blanked")]
    known: dict[Path, dict[str, set[str]]] = {}
    for dataset in datasets:
        for file, content in _read_from(lineage, dataset):
            after = {after for before, after in pairs if before == content}
            known.setdefault(file, {})[dataset.key] = {content, *after}
    found = {}
    for file, of_datasets in known.items():  # which is read once for all of them
        there = beginnings(file, set().union(*of_datasets.values())) if file.is_file() else set()
        moved = [key for key, contents in of_datasets.items() if there.isdisjoint(contents)]
        if moved:
            found[file] = moved
    return found


def note_blanked(lineage: Lineage, store: Store, contents: Mapping[Path, bytes]) -> None:
    """Before files get this content instead, with every row in its place: say so of what datasets were read from."""
    after = {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}
    datasets = lineage.of_kind(DATASET)
    moved = edited(lineage, store, datasets) if after else {}
    pairs = {
        f"{before} {after[file]}"
        for dataset in datasets
        for file, before in _read_from(lineage, dataset)
        if file in after and dataset.key not in moved.get(file, ())
    }
    bury(store, "blanked", sorted(pairs))


def _read_from(lineage: Lineage, dataset: Node) -> Iterator[tuple[Path, str]]:
    """Files of raw rows, artifacts aside, with the hash of their content then."""
    own = (lineage.workspace / "artifacts").absolute()
    for name in sources_of(dataset):
        if not absolute(name).is_relative_to(own):
            yield absolute(name), dataset.manifest.inputs[name]


def beginnings(file: Path, contents: Collection[str]) -> set[str]:
    """Of these hashes, those that the file has up to the end of one of its lines."""
    whole = hash_file(file)
    if set(contents) == {whole}:
        return {whole}
    digest, found = hashlib.sha256(), {whole}.intersection(contents)
    with file.open("rb") as stream:
        for line in stream:
            digest.update(line.removesuffix(b"\n"))
            found.add(digest.hexdigest())  # a last line may have had no end
            digest.update(b"\n")
            found.add(digest.hexdigest())
            found.intersection_update(contents)
    return found
