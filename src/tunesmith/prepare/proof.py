"""The proof that nothing leaks across the split: counted on the files on disk, from the rows themselves.

`measure` reads every published row again, makes its keys anew and counts what any two splits share. `recheck` does
that for a dataset that was published earlier and holds the result against its report.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import numpy as np

from tunesmith.artifacts.dataset import CLUSTERS, REPORT, DatasetReport, Overlap, SplitProof
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.prepare.checks import content_id
from tunesmith.prepare.duplicates import group_key, opening_keys, prompt_key
from tunesmith.prepare.index import NO_KEY, Columns, Keys, Rows, Span, examples_of, look_up, name_key, spans_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.rows import ID_COLUMN, PARENT_COLUMN
from tunesmith.records import SPLITS, Split
from tunesmith.runtime import Runtime
from tunesmith.text.shingles import NO_KEYS

_COLUMNS: Final = ("id", "prompt", "group", "own_name", "parent")


def prove(folder: Path, scratch: Path, pool: Pool[Any]) -> SplitProof:
    """Count what the written splits share. Raises RunFailed `split-overlap` when that is not nothing."""
    proof = measure(folder, scratch, pool)
    for pair, shared in proof.shared.items():
        if shared.total:
            raise RunFailed("split-overlap", pair=pair, shared=shared.total, counts=_counts(shared))
    return proof


def recheck(folder: Path, *, runtime: Runtime) -> SplitProof:
    """Make the proof of a published dataset anew from its rows, whatever its manifest says of the files.

    Raises TunesmithError `artifact-missing` where there is no dataset; RunFailed `recheck-failed` when a split no
    longer holds the rows that were frozen, or two splits share something.
    """
    if not (folder / REPORT).is_file():
        raise TunesmithError("artifact-missing", place=Place(str(folder)), kind="dataset")
    stored = DatasetReport.model_validate_json((folder / REPORT).read_bytes()).proof
    with tempfile.TemporaryDirectory() as scratch, Pool(None, runtime.num_threads) as pool:
        found = measure(folder, Path(scratch), pool)
    changed = [split for split in SPLITS if found.ids_sha256[split] != stored.ids_sha256.get(split)]
    if changed or not found.holds:
        shared = "; ".join(f"{pair}: {_counts(overlap)}" for pair, overlap in found.shared.items() if overlap.total)
        raise RunFailed(
            "recheck-failed", place=Place(str(folder)), changed=", ".join(changed) or "-", shared=shared or "-"
        )
    return found


def measure(folder: Path, scratch: Path, pool: Pool[Any]) -> SplitProof:
    """Read the splits in `folder` and count; `scratch` is for files that nobody needs afterwards."""
    splits: dict[Split, Columns] = {}
    openings: dict[Split, Keys] = {}
    for split in SPLITS:
        splits[split], openings[split] = _read(folder / f"{split}.jsonl", scratch / f"proof-{split}", pool)
    clusters = _clusters(folder / CLUSTERS)
    distinct = {
        name: {split: _distinct(columns[name]) for split, columns in splits.items()} for name in ("prompt", "group")
    }
    prompts = distinct["prompt"]
    of_split = {split: _distinct(_cluster_of(columns["id"], clusters)) for split, columns in splits.items()}
    return SplitProof(
        shared={
            f"{one}/{other}": Overlap(
                prompts=_num_common(prompts[one], prompts[other])
                + _num_common(_distinct(openings[one]), prompts[other])
                + _num_common(prompts[one], _distinct(openings[other])),
                groups=_num_common(distinct["group"][one], distinct["group"][other]),
                clusters=_num_common(of_split[one], of_split[other]),
                families=_num_children(splits[one], splits[other])
                + _num_children(splits[other], splits[one])
                + _num_common(_distinct(splits[one]["parent"]), _distinct(splits[other]["parent"])),
            )
            for one, other in combinations(SPLITS, 2)
        },
        distinct_prompts={split: len(keys) for split, keys in distinct["prompt"].items()},
        distinct_groups={split: len(keys) for split, keys in distinct["group"].items()},
        ids_sha256={split: _ids_sha256(columns["id"]) for split, columns in splits.items()},
    )


def _read(file: Path, scratch: Path, pool: Pool[Any]) -> tuple[Columns, Keys]:
    """The keys of a split's rows, and what stands before the earlier answers of all of them."""
    columns, openings = Columns(scratch, dict.fromkeys(_COLUMNS, "<u8")), [NO_KEYS]
    for part, of_part in pool.map(_keys, spans_of(file)):
        columns.append(**part)
        openings.append(of_part)
    return columns, np.concatenate(openings)


def _keys(_: object, span: Span) -> tuple[dict[str, Keys], Keys]:
    rows, openings = [], list[int]()
    for example in examples_of(span):
        own, parent = example.metadata.get(ID_COLUMN), example.metadata.get(PARENT_COLUMN)
        openings += opening_keys(example)
        rows.append(
            (
                int(content_id(example), 16),
                prompt_key(example),
                group_key(example),
                name_key(own) if own else NO_KEY,
                name_key(parent) if parent else NO_KEY,
            )
        )
    table = np.array(rows, dtype=np.uint64).reshape(-1, len(_COLUMNS))
    return {name: table[:, place] for place, name in enumerate(_COLUMNS)}, np.array(openings, dtype=np.uint64)


def _clusters(file: Path) -> tuple[Keys, Rows]:
    """The ids of all rows that stand in clusters, and the cluster of each, counted from 0."""
    ids, clusters = [], []
    for number, line in enumerate(_lines(file)):
        members = json.loads(line)["rows"]
        ids += [int(member, 16) for member in members]
        clusters += [number] * len(members)
    return np.array(ids, dtype=np.uint64), np.array(clusters, dtype=np.int32)


def _lines(file: Path) -> Iterator[str]:
    if file.is_file():
        with file.open(encoding="utf-8") as stream:
            yield from stream


def _cluster_of(ids: Keys, clusters: tuple[Keys, Rows]) -> Keys:
    """From 1; `NO_KEY` for rows in none."""
    of_row: Keys = (look_up(ids, *clusters) + 1).astype(np.uint64)
    return of_row


def _distinct(keys: Keys) -> Keys:
    return np.unique(keys[keys != NO_KEY])


def _num_common(one: Keys, other: Keys) -> int:
    return len(np.intersect1d(one, other, assume_unique=True))


def _num_children(children: Columns, parents: Columns) -> int:
    """Rows that name a row of the other split as the one they were made from."""
    named = children["parent"]
    named = named[named != NO_KEY]
    if not len(named):
        return 0
    return int(np.isin(named, np.concatenate([parents["id"], parents["own_name"]])).sum())


def _ids_sha256(ids: Keys) -> str:
    digest = hashlib.sha256()
    for part in np.array_split(np.sort(ids), 1 + len(ids) // 100_000):
        digest.update("".join(f"{key:016x}\n" for key in part.tolist()).encode())
    return digest.hexdigest()


def _counts(overlap: Overlap) -> str:
    return ", ".join(f"{name} {number}" for name, number in overlap.model_dump().items() if number)
