"""What the training rows that are left share with the test and with named benchmarks: runs of 8 and of 13 words.

Words are those of `tunesmith.text.tokens.words` (each Chinese character is one), the prompts of the test are held
against all that a training row says, and nothing is cut for it: exact and near repeats of prompts have been cut
before. A run that stands more than ten times on either side is a common phrase and counts nothing, as in the
13-gram check of GPT-3 (Brown et al. 2020, appendix C).

Memory stays bounded: the runs of the test lie on disk in parts, a bitmap tells which training runs may be among them,
and only those are written down and looked up, part by part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.dataset import CONTAMINATION, Contamination, place_of
from tunesmith.prepare.index import Keys, Mask, Rows, Span, Spool, lines_of, question_of, text_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.report import NUM_PLACES
from tunesmith.text.shingles import characters_of, mixed
from tunesmith.text.tokens import HAN, KANA
from tunesmith.text.traditional import uniform

# Shapes: C characters, U words of several texts one after the other, T texts, G n-grams.
Ints = NDArray[np.int64]

LENGTHS: Final = (8, 13)
_MAX_COMMON: Final = 10
_NUM_PARTS: Final = 16
_RUN: Final = np.dtype([("key", "<u8"), ("row", "<i4")])
_MAX_BITMAP_BITS: Final = 27
_BITS_PER_GRAM: Final = 16
_SPAN_BYTES: Final = 1 << 18
_SEPARATOR, _LETTER, _ALONE = 0, 1, 2
_PART: Final = "\0"
_LETTER_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_WORD_BASE: Final = np.uint64(0xD1B54A32D192ED03)
_INVERSE: Final = np.uint64(pow(int(_LETTER_BASE), -1, 1 << 64))


def _runs(words_U: Keys, text_U: Ints, n: int) -> tuple[Keys, Ints]:
    """Keys of every run of `n` words of several texts, (G,), repeats included, and the text of each."""
    num_runs = max(0, len(words_U) - n + 1)
    keys_G = np.zeros(num_runs, dtype=np.uint64)
    for place in range(n):
        keys_G = keys_G * _WORD_BASE + words_U[place : place + num_runs]
    is_inside = text_U[:num_runs] == text_U[n - 1 : n - 1 + num_runs]
    return mixed(keys_G[is_inside]), text_U[:num_runs][is_inside]


def _words(texts: Sequence[str]) -> tuple[Keys, Ints]:
    """Keys of the words of several texts, (U,), and the text of each."""
    codes_C = np.frombuffer(_PART.join(map(_folded, texts)).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kind_C = _kinds()[np.minimum(codes_C, 0xFFFF)]
    kind_C[(codes_C >= 0x20000) & (codes_C < 0x40000)] = _ALONE
    text_C = np.cumsum(codes_C == ord(_PART))
    before_C = np.append(_SEPARATOR, kind_C[:-1])[: len(kind_C)]
    begins_C = (kind_C == _ALONE) | ((kind_C == _LETTER) & (before_C != _LETTER))
    begin_U = np.flatnonzero(begins_C)
    if not len(begin_U):
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    # the value of a word where it stands; taken back to the beginning by the inverse of the power there
    power_C = np.cumprod(np.full(len(codes_C), _LETTER_BASE, dtype=np.uint64), dtype=np.uint64)
    value_C = np.where(kind_C == _SEPARATOR, np.uint32(0), codes_C) * power_C
    inverse_C = np.cumprod(np.full(len(codes_C), _INVERSE, dtype=np.uint64), dtype=np.uint64)
    return np.add.reduceat(value_C, begin_U) * inverse_C[begin_U], text_C[begin_U]


def _folded(text: str) -> str:
    return uniform(text).replace(_PART, " ")


@cache
def _kinds() -> NDArray[np.uint8]:
    """(65536,): what each character is to the words; those beyond the first plane are set apart."""
    kinds = np.full(1 << 16, _SEPARATOR, dtype=np.uint8)
    kinds[characters_of(r"[^\W_]")] = _LETTER
    kinds[characters_of(rf"[{HAN}{KANA}]")] = _ALONE
    return kinds


@dataclass(frozen=True, slots=True)
class Text:
    """What the training rows are held against: rows of the spool."""

    name: str
    rows_S: Rows
    num_cut: int
    """Training rows that were cut for it."""


def contamination_of(
    spool: Spool, train: Rows, texts: Sequence[Text], pool: Pool[Any], scratch: Path, folder: Path
) -> list[Contamination]:
    """Count what each text shares with the training rows, and list the rows in `folder / CONTAMINATION`."""
    known = {text.name: _write_runs(spool, text, pool, scratch / f"text-{n}") for n, text in enumerate(texts)}
    bitmaps = {n: _write_bitmap([runs[n] for runs in known.values()], scratch / f"bits-{n}") for n in LENGTHS}
    met = _write_met(spool, train, bitmaps, pool, scratch / "met")
    found = []
    with (folder / CONTAMINATION).open("w", encoding="utf-8", newline="\n") as stream:
        for text in texts:
            short, long = (_shared(known[text.name][n], met[n]) for n in LENGTHS)
            for row in spool.written(long):
                shared = {"against": text.name, "id": row["id"], **row["place"]}
                stream.write(json.dumps(shared, ensure_ascii=False) + "\n")
            found.append(
                Contamination(
                    against=text.name,
                    rows=len(text.rows_S),
                    cut=text.num_cut,
                    sharing_8_grams=len(short),
                    sharing_13_grams=len(long),
                    places=[str(place_of(row)) for row in spool.written(long[:NUM_PLACES])],
                )
            )
    return found


class _Runs:
    """Runs of words on disk, in parts by their first bits, each with the row that it stands in."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._files = [f"{folder}/{part:02}" for part in range(_NUM_PARTS)]
        self._written: set[str] = set()
        self.num_rows = 0

    def add(self, keys_G: Keys, row_G: Rows) -> None:
        part_G = keys_G >> np.uint64(60)
        order = np.argsort(part_G, kind="stable")
        runs_G = np.empty(len(keys_G), dtype=_RUN)
        runs_G["key"], runs_G["row"] = keys_G[order], row_G[order]
        begins = np.searchsorted(part_G[order], np.arange(_NUM_PARTS + 1)).tolist()
        for file, (begin, end) in zip(self._files, pairwise(begins), strict=True):
            if end > begin:
                with open(file, "ab") as stream:
                    stream.write(runs_G[begin:end].data)
                self._written.add(file)
        self.num_rows += len(keys_G)

    def parts(self) -> Iterator[tuple[Keys, Rows]]:
        for file in self._files:
            runs_G = np.fromfile(file, _RUN) if file in self._written else np.empty(0, _RUN)
            yield runs_G["key"], runs_G["row"]


def _uncommon(keys_G: Keys) -> Keys:
    """Sorted, each once, without those that stand there more than ten times."""
    keys, counts = np.unique(keys_G, return_counts=True)
    return keys[counts <= _MAX_COMMON]


def _write_runs(spool: Spool, text: Text, pool: Pool[Any], scratch: Path) -> dict[int, _Runs]:
    runs = {n: _Runs(scratch / str(n)) for n in LENGTHS}
    parts: list[Rows] = []

    def tasks() -> Iterator[Span]:
        for part, span in spool.spans(text.rows_S, _SPAN_BYTES):
            parts.append(part)
            yield span

    for number, found in enumerate(pool.map(_prompt_runs, tasks())):
        for n, (keys_G, place_G) in found.items():
            runs[n].add(keys_G, parts[number][place_G])
    return runs


def _prompt_runs(_: object, span: Span) -> dict[int, tuple[Keys, Ints]]:
    words_U, text_U = _words([question_of(line) for line in lines_of(span)])
    return {n: _runs(words_U, text_U, n) for n in LENGTHS}


@dataclass(frozen=True, slots=True)
class _Bitmap:
    file: str
    num_bits: int
    """Of a key that choose its place."""

    def places(self, keys_G: Keys) -> Keys:
        return keys_G >> np.uint64(64 - self.num_bits)

    def holds(self, keys_G: Keys) -> Mask:
        bits = np.memmap(self.file, dtype=np.uint8, mode="r")
        places_G = self.places(keys_G)
        shifts_G = (places_G & np.uint64(7)).astype(np.uint8)
        holds_G: Mask = (bits[places_G >> np.uint64(3)] >> shifts_G) & 1 == 1
        return holds_G


def _write_bitmap(known: Sequence[_Runs], file: Path) -> _Bitmap:
    num_runs = sum(runs.num_rows for runs in known)
    num_bits = min(_MAX_BITMAP_BITS, max(10, (num_runs * _BITS_PER_GRAM).bit_length()))
    bitmap = _Bitmap(str(file), num_bits)
    bits = np.zeros(1 << (num_bits - 3), dtype=np.uint8)
    for runs in known:
        for keys_G, _ in runs.parts():
            if len(keys_G):
                places = bitmap.places(_uncommon(keys_G))
                np.bitwise_or.at(bits, places >> np.uint64(3), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8))
    bits.tofile(file)
    return bitmap


@dataclass(frozen=True, slots=True)
class _Meeting:
    span: Span
    bitmaps: dict[int, _Bitmap]


def _write_met(
    spool: Spool, train: Rows, bitmaps: dict[int, _Bitmap], pool: Pool[Any], scratch: Path
) -> dict[int, _Runs]:
    """The runs of the training rows that may stand in one of the texts."""
    met = {n: _Runs(scratch / str(n)) for n in LENGTHS}
    parts: list[Rows] = []

    def tasks() -> Iterator[_Meeting]:
        for part, span in spool.spans(train, _SPAN_BYTES):
            parts.append(part)
            yield _Meeting(span, bitmaps)

    for number, found in enumerate(pool.map(_met_runs, tasks())):
        for n, (keys_G, place_G) in found.items():
            met[n].add(keys_G, parts[number][place_G])
    return met


def _met_runs(_: object, task: _Meeting) -> dict[int, tuple[Keys, Ints]]:
    words_U, text_U = _words([text_of(line) for line in lines_of(task.span)])
    found = {}
    for n, bitmap in task.bitmaps.items():
        keys_G, text_G = _runs(words_U, text_U, n)
        may_stand = bitmap.holds(keys_G)
        found[n] = keys_G[may_stand], text_G[may_stand]
    return found


def _shared(known: _Runs, met: _Runs) -> Rows:
    """The training rows, ascending, that hold a run of the text."""
    rows: list[Rows] = [np.empty(0, dtype=np.int32)]
    for (known_G, _), (met_G, row_G) in zip(known.parts(), met.parts(), strict=True):
        if len(known_G) and len(met_G):
            is_shared = np.isin(met_G, _uncommon(known_G))
            met_G, row_G = met_G[is_shared], row_G[is_shared]
            rows.append(row_G[np.isin(met_G, _uncommon(met_G))])
    return np.unique(np.concatenate(rows))
